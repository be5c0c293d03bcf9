"""Silence: a kind of warning that stays unseen as long as any thread is within it."""

from __future__ import annotations

import warnings
from threading import Lock


class Silence:
    """`warnings.catch_warnings` for threads: the first one in notes the filters, the last one out restores them."""

    def __init__(self, category: type[Warning]) -> None:
        self._category, self._lock, self._inside = category, Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore", self._category)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)
