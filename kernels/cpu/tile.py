"""Register tiles: the innermost loops of convolution and matrix product, as LLVM vector code.

A tile keeps `pixels` x `blocks` accumulators in registers. What it reads is given by a table of
(offset, count) pairs, in elements from the tile's first pixel: `count` consecutive numbers there
are one run of the reduction. So a dense, strided, dilated or grouped convolution, a first layer
of three channels and a matrix product differ only in their tables.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from kernels.cpu.vector import F32, I64, maximum_ir, minimum_ir, pointer_ir, splat_ir, vector_call_ir


def _word(value):
    return ir.Constant(I64, value)


def _at(builder, address, elements):
    """Address of an element of float32."""
    return builder.add(address, builder.shl(elements, _word(2)))


def _entry(builder, table, index):
    """Offset and count at a place of the table."""
    row = builder.gep(table, [builder.shl(index, _word(1))])
    return builder.load(row), builder.load(builder.gep(row, [_word(1)]))


def _places(builder, tile, pixels, blocks, lanes):
    """For each block of outputs: where its pixels lie, in elements from the tile's first, and which lanes are valid."""
    counting = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))
    for block in range(blocks):
        left = builder.trunc(builder.sub(tile["valid"], _word(block * lanes)), ir.IntType(32))
        mask = builder.icmp_signed("<", counting, splat_ir(builder, left, lanes))
        start = builder.mul(tile["y_block"], _word(block))
        yield [builder.add(start, builder.mul(tile["y_step"], _word(t))) for t in range(pixels)], mask


def _begin(builder, tile, pixels, blocks, lanes):
    """Accumulators, one a pixel and block, that hold the bias and the residual."""
    vector = ir.VectorType(F32, lanes)
    rows = [[cgutils.alloca_once(builder, vector) for _ in range(pixels)] for _ in range(blocks)]
    for block, row in enumerate(rows):
        bias = builder.load(pointer_ir(builder, _at(builder, tile["bias"], _word(block * lanes)), vector), align=4)
        for slot in row:
            builder.store(bias, slot)
    with builder.if_then(builder.icmp_unsigned("!=", tile["residual"], _word(0))):
        for row, (there, mask) in zip(rows, _places(builder, tile, pixels, blocks, lanes), strict=True):
            for slot, place in zip(row, there, strict=True):
                other = _masked_load(builder, _at(builder, tile["residual"], place), mask, vector)
                builder.store(builder.fadd(builder.load(slot), other), slot)
    return rows


def _finish(builder, tile, accumulators, lanes):
    """Apply the activation, y = clamp(v, low, high) + slope * min(v, 0), and store.

    Whole blocks without a slope are most of all tiles, and the loops over few channels have little to hide
    this behind: they get code of their own.
    """
    low, high, slope = (splat_ir(builder, tile[k], lanes) for k in _CLAMP)
    zero = ir.Constant(low.type, [0.0] * lanes)
    whole = builder.icmp_signed(">=", tile["valid"], _word(len(accumulators) * lanes))
    flat = builder.fcmp_ordered("==", tile["slope"], F32(0.0))
    places = list(_places(builder, tile, len(accumulators[0]), len(accumulators), lanes))
    with builder.if_else(builder.and_(whole, flat)) as (usual, general):
        for branch in (usual, general):
            with branch:
                for row, (there, mask) in zip(accumulators, places, strict=True):
                    for slot, place in zip(row, there, strict=True):
                        v, y = builder.load(slot), _at(builder, tile["y"], place)
                        value = minimum_ir(builder, high, maximum_ir(builder, low, v))
                        if branch is usual:
                            builder.store(value, pointer_ir(builder, y, value.type), align=4)
                        else:
                            value = vector_call_ir(builder, "fmuladd", [slope, minimum_ir(builder, v, zero), value])
                            _masked_store(builder, value, y, mask, value.type)


def _masked_load(builder, address, mask, vector):
    pointer = pointer_ir(builder, address, vector)
    kind = ir.FunctionType(vector, [pointer.type, ir.IntType(32), mask.type, vector])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.v{vector.count}f32.p0")
    zero = ir.Constant(vector, [0.0] * vector.count)
    return builder.call(function, [pointer, ir.Constant(ir.IntType(32), 4), mask, zero])


def _masked_store(builder, value, address, mask, vector):
    pointer = pointer_ir(builder, address, vector)
    kind = ir.FunctionType(ir.VoidType(), [vector, pointer.type, ir.IntType(32), mask.type])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{vector.count}f32.p0")
    builder.call(function, [value, pointer, ir.Constant(ir.IntType(32), 4), mask])


_NAMES = (
    "x", "w", "bias", "residual", "y", "table", "entries", "x_step", "y_step", "w_block", "y_block", "valid",
)  # fmt: skip
_CLAMP = ("low", "high", "slope")


def _tile_signature(*literals):
    return types.void(*[types.int64] * len(_NAMES), *[types.float32] * len(_CLAMP), *literals)


@intrinsic(prefer_literal=True)
def dense_tile(
    typing, x, w, bias, residual, y, table, entries, x_step, y_step, w_block, y_block, valid, low, high, slope,
    pixels, blocks, lanes,
):  # fmt: skip
    """One tile of a convolution or matrix product.

    x, w, bias, residual, y: addresses (residual 0: none). x_step, y_step: elements from pixel to
    pixel; w_block, y_block: from one block of `lanes` outputs to the next. Weights lie as
    [block][reduction][lanes]. `valid` outputs, counted from the first block, are written.
    """
    signature = _tile_signature(pixels, blocks, lanes)
    pixels, blocks, lanes = (literal.literal_value for literal in (pixels, blocks, lanes))

    def codegen(context, builder, signature, arguments):
        tile = dict(zip(_NAMES + _CLAMP, arguments, strict=False))
        vector = ir.VectorType(F32, lanes)
        table = pointer_ir(builder, tile["table"], I64)
        accumulators = _begin(builder, tile, pixels, blocks, lanes)
        weights = cgutils.alloca_once_value(builder, tile["w"])
        with cgutils.for_range(builder, tile["entries"]) as run:
            offset, count = _entry(builder, table, run.index)
            first = _at(builder, tile["x"], offset)
            with cgutils.for_range(builder, count) as channel:
                w = builder.load(weights)
                rows = [
                    builder.load(
                        pointer_ir(builder, _at(builder, w, builder.mul(tile["w_block"], _word(n))), vector),
                        align=4,
                    )
                    for n in range(blocks)
                ]
                builder.store(builder.add(w, _word(4 * lanes)), weights)
                for t in range(pixels):
                    place = builder.add(channel.index, builder.mul(tile["x_step"], _word(t)))
                    scalar = builder.load(pointer_ir(builder, _at(builder, first, place), F32))
                    value = splat_ir(builder, scalar, lanes)
                    for n in range(blocks):
                        slot = accumulators[n][t]
                        builder.store(vector_call_ir(builder, "fmuladd", [value, rows[n], builder.load(slot)]), slot)
        _finish(builder, tile, accumulators, lanes)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic(prefer_literal=True)
def depthwise_tile(
    typing, x, w, bias, residual, y, table, entries, zeros, column, width, low, high, slope,
    pixels, taps, stride, dilation, lanes,
):  # fmt: skip
    """One tile of a depthwise convolution: neighbouring pixels of a row, each lane a channel of its own.

    A table entry is a row of `taps` taps: its input row's place from x, its first tap's column from the
    window's, its weights' place. A number read is used for every tap that needs it; outside the image,
    whose rows have `width` pixels, `zeros` are read. `column` is where the first pixel's window begins.
    """
    literals = (pixels, taps, stride, dilation, lanes)
    signature = types.void(*[types.int64] * 10, *[types.float32] * len(_CLAMP), *literals)
    pixels, taps, stride, dilation, lanes = (literal.literal_value for literal in literals)
    names = ("x", "w", "bias", "residual", "y", "table", "entries", "zeros", "column", "width", *_CLAMP)
    users: dict[int, list[tuple[int, int]]] = {}  # column of a number -> which pixels need it for which tap
    for t in range(pixels):
        for j in range(taps):
            users.setdefault(t * stride + j * dilation, []).append((t, j))

    def codegen(context, builder, signature, arguments):
        tile = dict(zip(names, arguments, strict=False))
        tile |= {"y_step": _word(lanes), "y_block": _word(0), "valid": _word(lanes)}
        vector = ir.VectorType(F32, lanes)

        def vector_at(address):
            return builder.load(pointer_ir(builder, address, vector), align=4)

        table = pointer_ir(builder, tile["table"], I64)
        (accumulators,) = _begin(builder, tile, pixels, 1, lanes)
        with cgutils.for_range(builder, tile["entries"]) as entry:
            words = [builder.gep(table, [builder.add(builder.mul(entry.index, _word(3)), _word(k))]) for k in range(3)]
            offset, shift, weight = map(builder.load, words)
            row, first = _at(builder, tile["x"], offset), builder.add(tile["column"], shift)
            weights = _at(builder, tile["w"], weight)
            rows = [vector_at(builder.add(weights, _word(4 * lanes * j))) for j in range(taps)]
            for where in sorted(users):
                place = builder.add(first, _word(where))
                inside = builder.icmp_unsigned("<", place, tile["width"])
                there = _at(builder, row, builder.mul(place, _word(lanes)))
                value = vector_at(builder.select(inside, there, tile["zeros"]))
                for t, j in users[where]:
                    slot = accumulators[t]
                    builder.store(vector_call_ir(builder, "fmuladd", [value, rows[j], builder.load(slot)]), slot)
        _finish(builder, tile, [accumulators], lanes)
        return context.get_dummy_value()

    return signature, codegen
