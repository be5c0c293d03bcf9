"""A kernel's arguments: one record of 64-bit words, and the typed views kernels take of it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu.machine_code import Kernel
from kernels.cpu.vector import pointer_ir


def kernel(function: Callable[[Any, Any], None], any_order: bool = False) -> Kernel:
    """`f(args, task)` as a kernel: `args` points to the record, `task` says which part to do.

    The function may close over plain numbers only; each combination of them is a kernel of its own. `any_order`:
    the compiler chooses an order for sums, so that loops over them become vectors.
    """
    return Kernel(function, any_order=any_order)


@intrinsic
def number(typing, args, position):
    """The float64 whose bits lie at a position of the record, as float32."""

    def codegen(context, builder, signature, arguments):
        word = builder.load(builder.gep(arguments[0], [arguments[1]]))
        return builder.fptrunc(builder.bitcast(word, ir.DoubleType()), ir.FloatType())

    return types.float32(args, types.int64), codegen


@intrinsic
def floats(typing, address):
    """The address as a pointer to float32."""

    def codegen(context, builder, signature, arguments):
        return pointer_ir(builder, arguments[0], ir.FloatType())

    return types.CPointer(types.float32)(types.int64), codegen


@intrinsic
def integers(typing, address):
    """The address as a pointer to int64."""

    def codegen(context, builder, signature, arguments):
        return pointer_ir(builder, arguments[0], ir.IntType(64))

    return types.CPointer(types.int64)(types.int64), codegen
