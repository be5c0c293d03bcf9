"""A kernel's arguments: one record of 64-bit words, and the typed views kernels take of it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic

from kernels.cpu.store import kept
from kernels.cpu.vector import pointer_ir

SIGNATURE = "void(CPointer(int64), int64)"


def kernel(function: Any) -> Any:
    """Compile `f(args, task)` to a kernel: `args` points to the record, `task` says which part to do.

    Division by zero gives infinity or not-a-number, as arrays do: a kernel has nobody to raise to.
    """
    with kept():
        return cfunc(SIGNATURE, cache=True, nopython=True, error_model="numpy")(function)


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
