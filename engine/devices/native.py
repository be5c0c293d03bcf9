"""Native: functions of int64 as machine code that runs without the interpreter's lock, and what they are made of."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any

from kernels.cpu.compiler import intrinsic, ir, njit, types
from kernels.cpu.machine_code import Kernel
from kernels.cpu.vector import call_ir, i64, pointer_ir

PATIENCE = 2000  # looks before a waiting thread offers its core to others


class Native:
    """A function of int64, and of int64 or nothing for a result, that lets go of the interpreter's lock while it runs.

    `brief` calls it with the lock held: for what takes less than letting go and waiting for it again would.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        update_wrapper(self, function)
        self._kernel, self._signature = Kernel(function, signature), signature

    @property
    def address(self) -> int:
        """Where the machine code lies."""
        return self._kernel.address

    def prepare(self) -> None:
        """Make the machine code now, if there is none."""
        self._call  # noqa: B018

    @cached_property
    def _call(self) -> Callable[..., Any]:
        return self._as(ctypes.CFUNCTYPE)

    @cached_property
    def brief(self) -> Callable[..., Any]:
        """The same call, the lock held."""
        return self._as(ctypes.PYFUNCTYPE)

    def __call__(self, *words: int) -> Any:
        return self._call(*words)

    def _as(self, kind: Callable[..., Any]) -> Callable[..., Any]:
        result = ctypes.c_int64 if self._signature.startswith("int64") else None
        words = [ctypes.c_int64] * self._signature.partition("(")[2].count("int64")
        function: Callable[..., Any] = kind(result, *words)(self.address)
        return function


def native(signature: str) -> Callable[[Callable[..., Any]], Native]:
    """Make a function machine code, by its signature in Numba's words."""
    return lambda function: Native(function, signature)


@intrinsic
def call_kernel(typing, address, args, task):
    """Call the kernel at an address."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [i64().as_pointer(), i64()])
        builder.call(pointer_ir(builder, arguments[0], kind), [pointer_ir(builder, arguments[1], i64()), arguments[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def call(typing, address, word):
    """Call the function of an int64 at an address; its result."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(i64(), [i64()])
        return builder.call(pointer_ir(builder, arguments[0], kind), [arguments[1]])

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def fetch_add(typing, address, amount):
    """Add to the integer at an address; returns what it was."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("add", pointer_ir(builder, arguments[0], i64()), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def swap(typing, address, value):
    """Put an integer at an address; returns what was there."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("xchg", pointer_ir(builder, arguments[0], i64()), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def look(typing, address):
    """The integer at an address, as other threads left it; many may look without taking it from each other."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(pointer_ir(builder, arguments[0], i64()), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def breathe(typing):
    """Tell the core that this thread only waits, where there is a word for it."""

    def codegen(context, builder, signature, arguments):
        machine = platform.machine().lower()
        if machine in ("x86_64", "amd64"):
            call_ir(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        elif machine in ("arm64", "aarch64"):
            call_ir(builder, "llvm.aarch64.hint", ir.VoidType(), [ir.Constant(ir.IntType(32), 1)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _offer_core(typing):
    """Let another thread run on this core."""

    def codegen(context, builder, signature, arguments):
        call_ir(builder, "SwitchToThread" if sys.platform == "win32" else "sched_yield", ir.IntType(32), [])
        return context.get_dummy_value()

    return types.void(), codegen


@njit
def rest(patience):
    """Wait for a moment, for longer when patience ends; returns what is left of it."""
    breathe()
    if patience > 1:
        return patience - 1
    _offer_core()
    return PATIENCE
