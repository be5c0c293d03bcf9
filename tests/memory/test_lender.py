"""Lenders: what nobody holds is used again, what anybody holds, in whatever way, is not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest

from hetero.memory.lender import LOOKS, Lender, fresh

LIKE = np.zeros((2, 3), np.float32)
HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "the array": lambda array: array,
    "a part": lambda array: array[1:],
    "a view of a view": lambda array: array.reshape(-1)[1:].T,
    "a buffer": memoryview,
    "its base": lambda array: array.base,
}


@pytest.fixture
def lender() -> Lender:
    return Lender(LIKE, 4, fresh(LIKE.nbytes))


def lent(lender: Lender) -> np.ndarray:
    loan = lender.lend() or lender.give()
    array = loan.array()
    assert array.ctypes.data == loan.address
    return array


def test_arrays_are_like_what_was_asked_for(lender: Lender) -> None:
    array = lent(lender)
    assert (array.shape, array.dtype) == (LIKE.shape, LIKE.dtype)
    assert array.flags.writeable
    assert array.flags.c_contiguous
    assert array.flags.aligned


def test_what_nobody_holds_is_used_again(lender: Lender) -> None:
    assert len({lent(lender).ctypes.data for _ in range(9)}) == 1


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_what_anybody_holds_is_not(lender: Lender, hold: Callable[[np.ndarray], Any]) -> None:
    array = lent(lender)
    mine = array.ctypes.data
    held = hold(array)
    del array
    assert mine not in [lent(lender).ctypes.data for _ in range(20)]
    del held
    assert mine in [array.ctypes.data for array in [lent(lender) for _ in range(4)]]


def test_what_was_given_another_shape_comes_back_as_it_was(lender: Lender) -> None:
    lent(lender).shape = (6,)
    assert lent(lender).shape == (2, 3)


def test_no_more_memory_is_used_than_is_held_at_once() -> None:
    lender = Lender(LIKE, 999, fresh(LIKE.nbytes))
    seen: set[int] = set()
    for held in (20, 50, 50, 50):  # results in order, so many at a time, as they wait for an older one
        arrays = deque(lent(lender) for _ in range(held))
        for _ in range(100):
            seen.update(array.ctypes.data for array in arrays)
            arrays.popleft()
            arrays.append(lent(lender))
        del arrays
    assert len(seen) == 50


@pytest.mark.parametrize(("kept", "used"), [(1, 1), (3, 1), (2 * LOOKS, 4)])
def test_who_keeps_many_keeps_no_others_from_coming_back(kept: int, used: int) -> None:
    lender = Lender(LIKE, 2 * LOOKS + 4, fresh(LIKE.nbytes))
    mine = [lent(lender) for _ in range(kept)]
    loans = [loan for _ in range(99) if (loan := lender.lend()) is not None]
    assert len({loan.address for loan in loans}) == used
    assert len(loans) > 30
    assert mine


def test_no_more_is_lent_than_was_said_and_what_is_given_stays_theirs(lender: Lender) -> None:
    kept = [loan.array() for loan in iter(lender.lend, None)]
    assert len(kept) == 4
    kept += [lender.give().array() for _ in range(6)]
    assert len({array.ctypes.data for array in kept}) == 10


def test_a_source_may_end() -> None:
    lender = Lender(LIKE, 9, islice(fresh(LIKE.nbytes), 2))
    kept = [loan.array() for loan in iter(lender.lend, None)]
    assert len(kept) == 2
    del kept[0]
    assert lender.lend() is not None
