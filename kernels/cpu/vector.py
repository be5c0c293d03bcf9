"""Vectors of float32 in Numba code: a type and the operations kernels need, each one LLVM instruction.

Addresses are plain integers (bytes). Loads and stores assume only four-byte alignment, which costs
nothing where the data happens to be aligned.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from typing import Any

from kernels.cpu.compiler import cgutils, extending, intrinsic, ir, types


@cache
def f32() -> Any:
    """LLVM's float32."""
    return ir.FloatType()


@cache
def i64() -> Any:
    """LLVM's int64."""
    return ir.IntType(64)


@cache
def _vector_kind() -> Any:
    class Vector(types.Type):
        """`lanes` float32 numbers in one register."""

        def __init__(self, lanes: int) -> None:
            self.lanes = lanes
            super().__init__(name=f"Vector({lanes})")

    class VectorModel(extending.models.PrimitiveModel):
        """How LLVM sees it."""

        def __init__(self, dmm: Any, fe_type: Vector) -> None:
            super().__init__(dmm, fe_type, ir.VectorType(f32(), fe_type.lanes))

    extending.register_model(Vector)(VectorModel)
    return Vector


def vector_type(lanes: int) -> Any:
    """Numba's type of a vector."""
    return _vector_kind()(lanes)


def splat_ir(builder: Any, scalar: Any, lanes: int) -> Any:
    """The scalar in every lane."""
    vector = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def pointer_ir(builder: Any, address: Any, kind: Any) -> Any:
    """A pointer to `kind` from an integer address."""
    return builder.inttoptr(address, kind.as_pointer())


def call_ir(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """A call of an LLVM intrinsic or of a function of the C library."""
    signature = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def vector_call_ir(builder: Any, name: str, arguments: list[Any]) -> Any:
    """A call of llvm.NAME on float32 vectors (or scalars)."""
    kind = arguments[0].type
    suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    return call_ir(builder, f"llvm.{name}.{suffix}", kind, arguments)


def maximum_ir(builder: Any, a: Any, b: Any) -> Any:
    """Lane by lane the larger; `b` where `a` is not a number, as the processor's instruction does."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def minimum_ir(builder: Any, a: Any, b: Any) -> Any:
    """Lane by lane the smaller; `b` where `a` is not a number."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def room_ir(builder, kind):
    """Room for a value on the stack, aligned to 64 bytes; Numba's own function would fill it with zeros each time."""
    with builder.goto_entry_block():
        slot = builder.alloca(kind)
    slot.align = 64
    return slot


def first_ir(builder, count, lanes):
    """The mask of the first `count` lanes, an int64; none where it is negative."""
    counting = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))
    return builder.icmp_signed("<", counting, splat_ir(builder, builder.trunc(count, ir.IntType(32)), lanes))


def masked_load_ir(builder, address, mask):
    """The float32 numbers at an address where the mask says so, zero elsewhere."""
    vector = ir.VectorType(f32(), mask.type.count)
    pointer = pointer_ir(builder, address, vector)
    kind = ir.FunctionType(vector, [pointer.type, ir.IntType(32), mask.type, vector])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.v{vector.count}f32.p0")
    zero = ir.Constant(vector, [0.0] * vector.count)
    return builder.call(function, [pointer, ir.Constant(ir.IntType(32), 4), mask, zero])


def masked_store_ir(builder, value, address, mask):
    """Write the lanes that the mask says to an address."""
    pointer = pointer_ir(builder, address, value.type)
    kind = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, ir.IntType(32), mask.type])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{value.type.count}f32.p0")
    builder.call(function, [value, pointer, ir.Constant(ir.IntType(32), 4), mask])


def prefetch_ir(builder, address):
    """Ask for the cache line at an address, which need not exist, for the second-level cache."""
    pointer, word = pointer_ir(builder, address, ir.IntType(8)), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [pointer, *(ir.Constant(word, n) for n in (0, 2, 1))])


@intrinsic(prefer_literal=True)
def load(typing, address, lanes):
    """The vector at an address."""
    kind = vector_type(lanes.literal_value)

    def codegen(context, builder, signature, arguments):
        pointer = pointer_ir(builder, arguments[0], ir.VectorType(f32(), kind.lanes))
        return builder.load(pointer, align=4)

    return kind(types.int64, lanes), codegen


@intrinsic
def store(typing, address, value):
    """Write a vector to an address."""

    def codegen(context, builder, signature, arguments):
        builder.store(arguments[1], pointer_ir(builder, arguments[0], arguments[1].type), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, value), codegen


@intrinsic(prefer_literal=True)
def load_part(typing, address, count, lanes):
    """A vector's first `count` lanes from an address, zeros behind them."""
    kind = vector_type(lanes.literal_value)

    def codegen(context, builder, signature, arguments):
        return masked_load_ir(builder, arguments[0], first_ir(builder, arguments[1], kind.lanes))

    return kind(types.int64, types.int64, lanes), codegen


@intrinsic
def store_part(typing, address, value, count):
    """Write a vector's first `count` lanes to an address."""

    def codegen(context, builder, signature, arguments):
        address, value, count = arguments
        masked_store_ir(builder, value, address, first_ir(builder, count, value.type.count))
        return context.get_dummy_value()

    return types.void(types.int64, value, types.int64), codegen


@intrinsic(prefer_literal=True)
def stack(typing, count):
    """Address of room for `count` float32 on the stack, aligned to 64 bytes, the same throughout a function."""
    room = count.literal_value

    def codegen(context, builder, signature, arguments):
        return builder.ptrtoint(room_ir(builder, ir.ArrayType(f32(), room)), i64())

    return types.int64(count), codegen


@intrinsic(prefer_literal=True)
def splat(typing, value, lanes):
    """A float32 in every lane."""
    kind = vector_type(lanes.literal_value)

    def codegen(context, builder, signature, arguments):
        return splat_ir(builder, arguments[0], kind.lanes)

    return kind(types.float32, lanes), codegen


def _same(arity, emit):
    """Typing and code of an operation on `arity` vectors of one kind."""

    def of(kind):
        return kind(*[kind] * arity), lambda context, builder, signature, arguments: emit(builder, *arguments)

    return of


# Numba finds a kernel in its disk cache only if every intrinsic stands at the top of a module.
_fma = _same(3, lambda b, x, y, z: vector_call_ir(b, "fmuladd", [x, y, z]))
_maximum = _same(2, maximum_ir)
_minimum = _same(2, minimum_ir)
_square_root = _same(1, lambda b, x: vector_call_ir(b, "sqrt", [x]))
_add = _same(2, lambda b, x, y: b.fadd(x, y))
_subtract = _same(2, lambda b, x, y: b.fsub(x, y))
_multiply = _same(2, lambda b, x, y: b.fmul(x, y))
_divide = _same(2, lambda b, x, y: b.fdiv(x, y))


@intrinsic
def fma(typing, a, b, c):
    """A * b + c; rounded once where the processor has such an instruction."""
    return _fma(a)


@intrinsic
def maximum(typing, a, b):
    """Lane by lane the larger."""
    return _maximum(a)


@intrinsic
def minimum(typing, a, b):
    """Lane by lane the smaller."""
    return _minimum(a)


@intrinsic
def square_root(typing, a):
    """Lane by lane."""
    return _square_root(a)


@intrinsic
def add(typing, a, b):
    """Lane by lane."""
    return _add(a)


@intrinsic
def subtract(typing, a, b):
    """Lane by lane."""
    return _subtract(a)


@intrinsic
def multiply(typing, a, b):
    """Lane by lane."""
    return _multiply(a)


@intrinsic
def divide(typing, a, b):
    """Lane by lane."""
    return _divide(a)
