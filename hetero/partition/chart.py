"""Chart: a timeline as lines of text, one a resource."""

from __future__ import annotations

from collections.abc import Sequence

from hetero.partition.simulate import Event


def chart(events: Sequence[Event], width: int) -> list[str]:
    """What each resource does in `width` equal steps of time: a frame's last digit, "x" for crossings, "." for waits.

    A step shows what fills most of it.
    """
    end = max((event.end for event in events), default=0.0)
    resources = dict.fromkeys(event.resource for event in events)
    label = max(map(len, resources), default=0)
    lines = []
    for resource in sorted(resources):
        line = ""
        for step in range(width):
            low, high = end * step / width, end * (step + 1) / width
            shares = {".": high - low}
            for event in events:
                if event.resource == resource and event.kind != "wait" and event.start < high and event.end > low:
                    mark = "x" if event.kind == "crossing" else str(event.frame % 10)
                    filled = min(event.end, high) - max(event.start, low)
                    shares[mark] = shares.get(mark, 0.0) + filled
                    shares["."] -= filled
            line += max(shares, key=lambda mark: shares[mark])
        lines.append(f"{resource:{label}} {line}")
    return lines
