"""Clock: what time it is, for workers that do without the interpreter, and for fakes of it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

from engine.devices.native import call
from kernels.cpu.compiler import intrinsic, ir, njit, types
from kernels.cpu.vector import call_ir, i64, room_ir

SECOND = 1e9  # nanoseconds
_LINUX = sys.platform == "linux"  # where time.perf_counter reads this clock
_MONOTONIC = 1
_KIND = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


class Clock:
    """A clock of Python's for workers: `address` of a function that gives nanoseconds, 0 for the system's own.

    seconds    such as time.perf_counter; any other is called, by a thread that takes the interpreter's lock for it
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.address = 0
        if not _LINUX or seconds is not time.perf_counter:
            self._ticks = _KIND(lambda _: round(seconds() * SECOND))
            self.address = ctypes.cast(self._ticks, ctypes.c_void_p).value or 0


@intrinsic
def _monotonic(typing):
    """The system's clock in nanoseconds."""

    def codegen(context, builder, signature, arguments):
        if not _LINUX:
            return ir.Constant(i64(), 0)
        words = builder.bitcast(room_ir(builder, ir.ArrayType(i64(), 2)), i64().as_pointer())
        call_ir(builder, "clock_gettime", ir.IntType(32), [ir.Constant(ir.IntType(32), _MONOTONIC), words])
        seconds = builder.load(words)
        nanoseconds = builder.load(builder.gep(words, [ir.Constant(i64(), 1)]))
        return builder.add(builder.mul(seconds, ir.Constant(i64(), 1_000_000_000)), nanoseconds)

    return types.int64(), codegen


@njit
def now(clock):
    """Nanoseconds, by the clock at an address; 0 means the system's."""
    if clock != 0:
        return call(clock, 0)
    return _monotonic()
