"""Progress: whoever waits for a network to be made ready is told how far that has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Told = Callable[[str, int, int], None]
"""Called with what is being made ready, how many operators are done, and how many there are."""

_told: ContextVar[Told | None] = ContextVar("told", default=None)


@contextmanager
def telling(told: Told) -> Iterator[None]:
    """What this thread makes ready meanwhile is told."""
    before = _told.set(told)
    try:
        yield
    finally:
        _told.reset(before)


def tell(what: str, done: int, total: int) -> None:
    """Say how far something has come, if anyone listens."""
    if (told := _told.get()) is not None:
        told(what, done, total)
