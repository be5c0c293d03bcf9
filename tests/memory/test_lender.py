"""Lenders: what nobody holds is used again, what anybody holds, in whatever way, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hetero.memory.lender import Lender

LIKE = (np.zeros((2, 3), np.float32), np.zeros(4, np.int64))
HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "the array": lambda array: array,
    "a part": lambda array: array[1:],
    "a view of a view": lambda array: array.reshape(-1)[1:].T,
    "a buffer": memoryview,
    "its base": lambda array: array.base,
}


def test_loans_are_like_what_was_asked_for() -> None:
    loan = Lender(LIKE, 2).lend()
    views = loan.views()
    assert [(each.shape, each.dtype) for each in views] == [(each.shape, each.dtype) for each in LIKE]
    assert [each.ctypes.data for each in views] == loan.addresses
    assert all(each.flags.writeable and each.flags.c_contiguous for each in views)


def test_what_nobody_holds_is_used_again() -> None:
    lender = Lender(LIKE, 4)
    assert len({lender.lend().addresses[0] for _ in range(9)}) == 1


@pytest.mark.parametrize("which", range(len(LIKE)))
@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_what_anybody_holds_is_not(hold: Callable[[np.ndarray], Any], which: int) -> None:
    lender = Lender(LIKE, 4)
    loan = lender.lend()
    held, mine = hold(loan.views()[which]), loan.addresses
    del loan
    others = [lender.lend() for _ in range(20)]
    assert all(mine[which] not in other.addresses for other in others)
    assert held is not None


def test_what_was_made_into_another_shape_comes_back_as_it_was() -> None:
    lender = Lender(LIKE, 4)
    lender.lend().views()[0].shape = (6,)
    assert lender.lend().views()[0].shape == (2, 3)


def test_one_who_keeps_an_array_for_good_keeps_others_from_coming_back_for_a_while_only() -> None:
    lender = Lender(LIKE, 4)
    kept = lender.lend().views()
    addresses = [lender.lend().addresses[0] for _ in range(40)]
    assert len(set(addresses[-20:])) < 5
    assert kept[0].ctypes.data not in addresses


def test_of_what_is_never_given_back_no_more_than_so_many_are_remembered() -> None:
    lender = Lender(LIKE, 3)
    kept = [lender.lend().views() for _ in range(10)]
    assert len({array.ctypes.data for views in kept for array in views}) == 20
    assert len(lender._lent) == 3
