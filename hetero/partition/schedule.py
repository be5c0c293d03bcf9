"""Schedule: frames dealt to placements in given proportions, as evenly as can be."""

from __future__ import annotations

from collections.abc import Sequence


def spread(counts: Sequence[int]) -> tuple[int, ...]:
    """A round in which entry i comes counts[i] times, each time the entry that is furthest behind its share.

    spread((5, 3)) = (0, 1, 0, 0, 1, 0, 1, 0)
    """
    length, dealt = sum(counts), [0] * len(counts)
    found = []
    for frames in range(1, length + 1):
        due = max(range(len(counts)), key=lambda i: counts[i] * frames - dealt[i] * length)
        dealt[due] += 1
        found.append(due)
    return tuple(found)


def rounded(shares: Sequence[float], length: int) -> list[int]:
    """Whole numbers of frames, `length` in all, nearest to the shares: what is left over goes to the largest rests."""
    counts = [int(share * length) for share in shares]
    rests = sorted(range(len(shares)), key=lambda i: counts[i] - shares[i] * length)
    for i in rests[: length - sum(counts)]:
        counts[i] += 1
    return counts
