"""Command: work that a thread can do without the interpreter: machine code at an address, and the words it is told."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.devices.native import Native

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


class DriverError(RuntimeError):
    """A driver failed to do what it was asked."""


class Command:
    """A call of machine code.

    function   address of int64 f(int64 words): 0, or a code that says what failed
    words      address of int64 that it reads, `keep` what has to live as long
    error      code -> what to raise for it
    """

    def __init__(self, native: Native, words: Sequence[int], error: Callable[[int], BaseException], *keep: Any) -> None:
        self._native, self._words, self._keep = native, np.array(words, np.int64), keep
        self.function, self.words = native.address, self._words.ctypes.data
        self.error = error

    def run(self) -> None:
        """Do it now, in this thread. Raises what went wrong."""
        if code := self._native(self.words):
            raise self.error(code)


class Called(Command):
    """A Python function as a command, for what needs the interpreter: the thread that runs it takes its lock."""

    def __init__(self, work: Callable[[], object]) -> None:
        raised: list[BaseException] = []

        def guarded(words: int) -> int:  # knows nothing of this object, which so is gone as soon as nobody needs it
            try:
                work()
            except BaseException as error:
                raised.append(error)
                return 1
            return 0

        self._work, self._callback = work, _CALLBACK(guarded)
        self.function, self.words = ctypes.cast(self._callback, ctypes.c_void_p).value or 0, 0
        self.error = lambda code: raised.pop()

    def run(self) -> None:
        """Call the function."""
        self._work()
