"""Lender: arrays that are used again as soon as nobody holds them any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Loan:
    """Memory for some arrays; a view of it is what others are given, and who holds one holds the memory."""

    __slots__ = ("_whole", "addresses")

    def __init__(self, like: Sequence[Array]) -> None:
        self._whole = tuple(np.empty_like(each) for each in like)
        self.addresses = [each.ctypes.data for each in self._whole]

    @property
    def holders(self) -> int:
        """How many hold the array that most hold; `ALONE` if nobody but the loan does."""
        return max(getrefcount(each) for each in self._whole)

    def views(self) -> list[Array]:
        """The arrays, for somebody to hold."""
        return [each.view() for each in self._whole]


ALONE = Loan([np.empty(1)]).holders


class Lender:
    """Lends arrays like some others.

    Memory that the system is given back and asked for again is paid for page by page, and all threads of the process
    wait meanwhile: the more of them, the longer.

    most    loans that it waits for to come back; those lent before are given away
    """

    def __init__(self, like: Sequence[Array], most: int) -> None:
        self._like, self._most = like, most
        self._lent: deque[Loan] = deque()

    def lend(self) -> Loan:
        """Arrays that hold anything."""
        if self._lent and self._lent[0].holders == ALONE:
            loan = self._lent.popleft()
        else:
            loan = Loan(self._like)
            if len(self._lent) == self._most:
                self._lent.popleft()
        self._lent.append(loan)
        return loan
