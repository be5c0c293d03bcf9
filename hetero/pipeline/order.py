"""Order: frames pulled from an iterable as there is room, results given in the frames' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hetero.pipeline.entry import Entry
from hetero.pipeline.result import Result

# Frames submitted and not yet given back, for every one in flight. A GPU has two hundred frames done while one of
# sixteen cores is at one of its own.
WINDOW = 16


def in_order(
    frames: Iterable[Any],
    enter: Callable[[Any], Entry],
    has_room: Callable[[], bool],
    wait: Callable[[Callable[[], bool]], object],
    window: int,
) -> Iterator[Result]:
    """Let frames enter and yield their results in order; at most `window` have entered and are not yielded.

    `has_room` says whether `enter` would not have to wait, and `wait` returns when what it is given is true, which
    entries' outcomes and `has_room` may make it. One frame enters for each result taken, so the devices keep working
    while the consumer does. Dropped frames are skipped. A failed frame raises in its place; what the iterable raises is
    raised after the results of the frames before it. However this ends, no frame of it is left in flight.
    """
    pending: deque[Entry] = deque()
    source = iter(frames)
    more, broken = True, None

    def may_enter() -> bool:
        return more and len(pending) < window and has_room()

    def given() -> bool:
        return bool(pending) and pending[0].outcome is not None

    try:
        while more or pending:
            if len(pending) >= window:
                pending = deque(entry for entry in pending if not entry.dropped)
            wait(lambda: may_enter() or given())
            if may_enter():
                try:
                    frame = next(source)
                except StopIteration:
                    more = False
                except Exception as error:
                    more, broken = False, error
                else:
                    pending.append(enter(frame))
            if given():
                head = pending.popleft()
                if not head.dropped:
                    yield head.result()
                del head
        if broken is not None:
            raise broken
    finally:
        wait(lambda: all(entry.outcome is not None for entry in pending))
