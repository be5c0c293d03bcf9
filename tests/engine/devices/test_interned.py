"""Interned: equal bytes are one thing while it is held, and no longer."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np

from engine.devices.interned import Interned


class Thing:
    """What was made of an array."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.numbers = array.copy()


def test_equal_bytes_are_one_thing() -> None:
    interned: Interned[Thing] = Interned()
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    first = interned.get(a, Thing)
    assert interned.get(a.copy(), Thing) is first
    assert interned.get(np.asfortranarray(a), Thing) is first  # the same numbers, however they lie
    assert interned.get(a.reshape(-1).view(np.uint8), Thing) is first
    np.testing.assert_array_equal(first.numbers, a)


def test_other_bytes_are_other_things() -> None:
    interned: Interned[Thing] = Interned()
    zero = interned.get(np.zeros(3, np.float32), Thing)
    assert interned.get(-np.zeros(3, np.float32), Thing) is not zero
    assert interned.get(np.zeros(2, np.float32), Thing) is not zero
    assert interned.get(np.zeros(0, np.float32), Thing) is not zero


def test_what_nobody_holds_is_let_go() -> None:
    interned: Interned[Thing] = Interned()
    made = []

    def make(array: np.ndarray[Any, Any]) -> Thing:
        made.append(array.size)
        return Thing(array)

    held = interned.get(np.ones(3), make)
    assert interned.get(np.ones(3), make) is held
    del held
    gc.collect()
    interned.get(np.ones(3), make)
    assert made == [3, 3]
