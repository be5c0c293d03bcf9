"""Order: frames pulled from an iterable as there is room, results given in the frames' order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from typing import Any

from hetero.pipeline.result import Dropped, Result

# Frames submitted and not yet given back, for every one in flight. A GPU has two hundred frames done while one of
# sixteen cores is at one of its own.
WINDOW = 16


def in_order(
    frames: Iterable[Any],
    submit: Callable[[Any], Future[Result]],
    room: Callable[[Future[Result] | None], bool],
    window: int,
) -> Iterator[Result]:
    """Submit frames and yield their results in order; at most `window` are submitted and not yielded.

    `room(head)` returns True as soon as `submit` would not have to wait, or False as soon as `head`
    is done. One frame is submitted for each result taken, so the devices keep working while the
    consumer does. Dropped frames are skipped. A failed frame raises in its place; what the iterable
    raises is raised after the results of the frames before it. However this ends, no frame of it is
    left in flight.
    """
    pending: deque[Future[Result]] = deque()
    source = iter(frames)
    more, broken = True, None
    try:
        while more or pending:
            if len(pending) >= window:
                pending = deque(future for future in pending if not _dropped(future))
            if more and len(pending) < window and room(pending[0] if pending else None):
                try:
                    frame = next(source)
                except StopIteration:
                    more = False
                except Exception as error:
                    more, broken = False, error
                else:
                    pending.append(submit(frame))
            elif pending:
                wait([pending[0]])
            if pending and pending[0].done():
                head = pending.popleft()
                if not _dropped(head):
                    yield head.result()
                del head
        if broken is not None:
            raise broken
    finally:
        wait(pending)


def room_or_result(changed: threading.Condition, has_room: Callable[[], bool], head: Future[Result] | None) -> bool:
    """Wait until there is room (True) or a future is done (False); `changed` is told whenever either may be."""
    with changed:
        changed.wait_for(lambda: has_room() or (head is not None and head.done()))
        return has_room()


def _dropped(future: Future[Result]) -> bool:
    return future.done() and isinstance(future.exception(), Dropped)
