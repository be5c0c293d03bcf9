"""Bell: what a thread sleeps on, without the interpreter, until another rings: a lock of Python's."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import ctypes
import weakref

from kernels.cpu.compiler import intrinsic, ir, types
from kernels.cpu.vector import call_ir, i64


class Bell:
    """A closed lock, `address` is its. Raises MemoryError where there is none to be had."""

    def __init__(self) -> None:
        allocate = ctypes.pythonapi.PyThread_allocate_lock
        allocate.restype = ctypes.c_void_p
        self.address = allocate() or 0
        if not self.address:
            raise MemoryError("the system has no lock left for a thread of the pipeline")
        ctypes.pythonapi.PyThread_acquire_lock(ctypes.c_void_p(self.address), 1)
        # At exit threads may still sleep on it.
        weakref.finalize(self, _free, self.address).atexit = False


def _free(address: int) -> None:
    lock = ctypes.c_void_p(address)
    ctypes.pythonapi.PyThread_release_lock(lock)
    ctypes.pythonapi.PyThread_free_lock(lock)


def _lock_ir(builder, address):
    return builder.inttoptr(address, ir.IntType(8).as_pointer())


@intrinsic
def sleep(typing, address, alert):
    """Wait until the bell is rung, once for every time: 1. If alert, wait for a signal to this thread too: another."""

    def codegen(context, builder, signature, arguments):
        i32, forever = ir.IntType(32), ir.Constant(i64(), -1)
        lock, alert = _lock_ir(builder, arguments[0]), builder.trunc(arguments[1], ir.IntType(32))
        woken = call_ir(builder, "PyThread_acquire_lock_timed", i32, [lock, forever, alert])
        return builder.zext(woken, i64())

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def ring(typing, address):
    """Wake who sleeps on the bell, or is about to."""

    def codegen(context, builder, signature, arguments):
        call_ir(builder, "PyThread_release_lock", ir.VoidType(), [_lock_ir(builder, arguments[0])])
        return context.get_dummy_value()

    return types.void(types.int64), codegen
