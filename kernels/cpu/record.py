"""A kernel's arguments: one record of 64-bit words, and the typed views kernels take of it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.machine_code import Kernel
from kernels.cpu.vector import i64, pointer_ir, room_ir


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


@intrinsic
def chain_at(typing, args, position):
    """Address of the word of the record where a fused chain stands, zero if that word is zero: none is fused."""

    def codegen(context, builder, signature, arguments):
        place = builder.gep(arguments[0], [arguments[1]])
        none = builder.icmp_unsigned("==", builder.load(place), ir.Constant(i64(), 0))
        return builder.select(none, ir.Constant(i64(), 0), builder.ptrtoint(place, i64()))

    return types.int64(args, types.int64), codegen


def invoke_ir(builder, address, words):
    """Call the kernel at an address with a record, on the stack, of these int64."""
    record = room_ir(builder, ir.ArrayType(i64(), len(words)))
    for i, word in enumerate(words):
        builder.store(word, cgutils.gep_inbounds(builder, record, 0, i))
    kind = ir.FunctionType(ir.VoidType(), [i64().as_pointer(), i64()])
    first = builder.bitcast(record, i64().as_pointer())
    builder.call(pointer_ir(builder, address, kind), [first, ir.Constant(i64(), 0)])


@intrinsic
def invoke(typing, address, words):
    """Call the kernel at an address with a record of a tuple of int64."""

    def codegen(context, builder, signature, arguments):
        invoke_ir(builder, arguments[0], cgutils.unpack_tuple(builder, arguments[1]))
        return context.get_dummy_value()

    return types.void(types.int64, words), codegen
