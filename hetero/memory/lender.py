"""Lender: memory for arrays that is used again as soon as nobody holds any of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from itertools import islice
from sys import getrefcount
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

LOOKS = 16  # loans that are looked at whether they are back; the first is, unless somebody keeps it


class Loan:
    """Memory for an array like another: `whole` of it, which must be no view of an array and nobody else's."""

    __slots__ = ("_like", "_whole", "address")

    def __init__(self, whole: Bytes, like: Array) -> None:
        self._whole, self._like = whole, like
        self.address = whole.ctypes.data

    @property
    def holders(self) -> int:
        """How many hold it: `ALONE` if nobody holds an array that was given, nor a view of one."""
        return getrefcount(self._whole)

    def array(self) -> Array:
        """The array, for somebody to hold."""
        return np.ndarray(self._like.shape, self._like.dtype, self._whole)


def fresh(nbytes: int) -> Iterator[Bytes]:
    """Memory of the process, without end."""
    while True:
        yield np.empty(nbytes, np.uint8)


ALONE = Loan(next(fresh(1)), np.empty(1, np.uint8)).holders


class Lender:
    """Lends arrays like another, `most` at once, in memory that comes from a source, while that has any.

    Any thread may ask.

    Memory that the system is given back and asked for again is paid for page by page, and all threads of the process
    wait meanwhile: the more of them, the longer.
    """

    def __init__(self, like: Array, most: int, source: Iterator[Bytes]) -> None:
        self._like, self._most, self._source = like, most, source
        self._lock = threading.Lock()
        self._loans: deque[Loan] = deque()  # in the order in which they were lent, and mostly come back

    def lend(self) -> Loan | None:
        """Memory that holds anything; None where all is lent, so far as a few looks tell, and there is no more."""
        with self._lock:
            for count, loan in enumerate(islice(self._loans, LOOKS), 1):
                if loan.holders == ALONE:
                    self._loans.rotate(-count)  # who has kept an older one may keep it for long
                    return loan
            new = self._new() if len(self._loans) < self._most else None
            if new is None:
                self._loans.rotate(-LOOKS)  # there may be others
            return new

    def give(self) -> Loan:
        """New memory in place of what was lent long ago, which is theirs who have it. Raises LookupError for none."""
        with self._lock:
            self._loans.popleft()
            if (loan := self._new()) is None:
                raise LookupError("there is no more memory to give")
            return loan

    def _new(self) -> Loan | None:
        whole = next(self._source, None)
        if whole is None:
            return None
        self._loans.append(Loan(whole, self._like))
        return self._loans[-1]
