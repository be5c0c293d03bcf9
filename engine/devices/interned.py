"""Interned: what was made of constants, found again by their bytes, so that programs that have the same share it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import numpy as np

T = TypeVar("T")


class Interned(Generic[T]):
    """Things made of arrays, each for as long as somebody holds it. Several threads may ask.

    Plans of one network that are tried beside each other have most of their constants in common, and so have sessions
    with the same model: held by each, they would take the weights' memory many times.
    """

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[int, bytes], Any] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, array: np.ndarray[Any, Any], make: Callable[[np.ndarray[Any, Any]], T]) -> T:
        """What was made of these bytes and is still held, or what `make` makes of the array."""
        plain = np.ascontiguousarray(array)
        key = plain.nbytes, sha256(plain.reshape(-1).view(np.uint8).data).digest()
        with self._lock:
            found: T | None = self._known.get(key)
            if found is None:
                found = self._known[key] = make(plain)
            return found
