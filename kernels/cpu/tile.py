"""Register tiles: the innermost loops of convolution and matrix product, as LLVM vector code.

A tile keeps `pixels` x `blocks` accumulators in registers. What it reads is given by a table of
(offset, count) pairs, in elements from the tile's first pixel: `count` consecutive numbers there
are one run of the reduction. So a dense, strided, dilated or grouped convolution, a first layer
of three channels and a matrix product differ only in their tables.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import invoke_ir
from kernels.cpu.vector import (
    f32,
    first_ir,
    i64,
    masked_load_ir,
    masked_store_ir,
    maximum_ir,
    minimum_ir,
    pointer_ir,
    prefetch_ir,
    room_ir,
    splat_ir,
    vector_call_ir,
)
from kernels.cpu.window import row_ir


def _word(value):
    return ir.Constant(i64(), value)


def _at(builder, address, elements):
    """Address of an element of float32."""
    return builder.add(address, builder.shl(elements, _word(2)))


def _entry(builder, table, index):
    """Offset and count at a place of the table."""
    row = builder.gep(table, [builder.shl(index, _word(1))])
    return builder.load(row), builder.load(builder.gep(row, [_word(1)]))


def _places(builder, tile, pixels, blocks, lanes):
    """For each block of outputs: where its pixels lie, in elements from the tile's first, and which lanes are valid."""
    for block in range(blocks):
        mask = first_ir(builder, builder.sub(tile["valid"], _word(block * lanes)), lanes)
        start = builder.mul(tile["y_block"], _word(block))
        yield [builder.add(start, builder.mul(tile["y_step"], _word(t))) for t in range(pixels)], mask


def _begin(builder, tile, pixels, blocks, lanes):
    """Accumulators, one a pixel and block, that hold the bias and the residual."""
    vector = ir.VectorType(f32(), lanes)
    rows = [[cgutils.alloca_once(builder, vector) for _ in range(pixels)] for _ in range(blocks)]
    for block, row in enumerate(rows):
        bias = builder.load(pointer_ir(builder, _at(builder, tile["bias"], _word(block * lanes)), vector), align=4)
        for slot in row:
            builder.store(bias, slot)
    with builder.if_then(builder.icmp_unsigned("!=", tile["residual"], _word(0))):
        for row, (there, mask) in zip(rows, _places(builder, tile, pixels, blocks, lanes), strict=True):
            for slot, place in zip(row, there, strict=True):
                other = masked_load_ir(builder, _at(builder, tile["residual"], place), mask)
                builder.store(builder.fadd(builder.load(slot), other), slot)
    return rows


def _finish(builder, tile, accumulators, lanes):
    """Apply clamp and chain, y = chain(clamp(v, low, high) + slope * min(v, 0)), and store.

    Whole blocks without a slope or chain are most of all tiles, and the loops over few channels have little to
    hide this behind: they get code of their own.
    """
    low, high, slope = (splat_ir(builder, tile[k], lanes) for k in _CLAMP)
    zero = ir.Constant(low.type, [0.0] * lanes)
    whole = builder.icmp_signed(">=", tile["valid"], _word(len(accumulators) * lanes))
    flat = builder.fcmp_ordered("==", tile["slope"], f32()(0.0))
    alone = builder.icmp_unsigned("==", tile["chain"], _word(0))
    places = list(_places(builder, tile, len(accumulators[0]), len(accumulators), lanes))

    def clamped(v):
        return minimum_ir(builder, high, maximum_ir(builder, low, v))

    with builder.if_else(builder.and_(builder.and_(whole, flat), alone)) as (usual, general):
        with usual:
            for row, (there, _) in zip(accumulators, places, strict=True):
                for slot, place in zip(row, there, strict=True):
                    y = pointer_ir(builder, _at(builder, tile["y"], place), zero.type)
                    builder.store(clamped(builder.load(slot)), y, align=4)
        with general:
            for block, (row, (there, mask)) in enumerate(zip(accumulators, places, strict=True)):
                before = [builder.load(slot) for slot in row]
                values = [
                    vector_call_ir(builder, "fmuladd", [slope, minimum_ir(builder, v, zero), clamped(v)])
                    for v in before
                ]
                with builder.if_else(alone) as (plain, chained):
                    with plain:
                        for value, place in zip(values, there, strict=True):
                            masked_store_ir(builder, value, _at(builder, tile["y"], place), mask)
                    with chained:
                        _chain(builder, tile, block, values, mask)


def _chain(builder, tile, block, values, mask):
    """Pass a block's values through the fused chain, in memory of the tile's own, and store them.

    Not where they belong: another thread's tile may overlap this one.
    """
    vector = values[0].type
    room = room_ir(builder, ir.ArrayType(vector, len(values)))
    first = builder.ptrtoint(room, i64())
    for t, value in enumerate(values):
        builder.store(value, pointer_ir(builder, builder.add(first, _word(4 * vector.count * t)), vector), align=4)
    program = builder.load(pointer_ir(builder, tile["chain"], i64()))
    run = builder.load(pointer_ir(builder, program, i64()))
    pixel = builder.mul(tile["pixel"], _word(vector.count))
    place = builder.add(tile["block"], _word(block))
    words = [tile["chain"], first, first, _word(vector.count * len(values)), tile["image"], place, pixel]
    invoke_ir(builder, run, words)
    start = builder.add(tile["y"], builder.shl(builder.mul(tile["y_block"], _word(block)), _word(2)))
    with cgutils.for_range(builder, _word(len(values))) as each:
        source = builder.add(first, builder.mul(each.index, _word(4 * vector.count)))
        value = builder.load(pointer_ir(builder, source, vector), align=4)
        masked_store_ir(builder, value, _at(builder, start, builder.mul(tile["y_step"], each.index)), mask)


_NAMES = (
    "x", "w", "bias", "residual", "y", "table", "entries", "x_step", "y_step", "w_block", "y_block", "valid",
    "chain", "image", "block", "pixel", "ahead", "ahead_step",
)  # fmt: skip
_CLAMP = ("low", "high", "slope")


def _tile_signature(*literals):
    return types.void(*[types.int64] * len(_NAMES), *[types.float32] * len(_CLAMP), *literals)


@intrinsic(prefer_literal=True)
def dense_tile(
    typing, x, w, bias, residual, y, table, entries, x_step, y_step, w_block, y_block, valid, chain, image, block,
    pixel, ahead, ahead_step, low, high, slope, pixels, blocks, lanes,
):  # fmt: skip
    """One tile of a convolution or matrix product.

    x, w, bias, residual, y: addresses (residual 0: none). x_step, y_step: elements from pixel to
    pixel; w_block, y_block: from one block of `lanes` outputs to the next. Weights lie as
    [block][reduction][lanes]. `valid` outputs, counted from the first block, are written. chain: address of
    the fused chain's place in the record (0: none); image, block and pixel are those of the tile's first output.
    ahead: address of what will be needed next; each step of the reduction asks for its cache line, `ahead_step` bytes
    from the last.
    """
    signature = _tile_signature(pixels, blocks, lanes)
    pixels, blocks, lanes = (literal.literal_value for literal in (pixels, blocks, lanes))

    def codegen(context, builder, signature, arguments):
        tile = dict(zip(_NAMES + _CLAMP, arguments, strict=False))
        vector = ir.VectorType(f32(), lanes)
        table = pointer_ir(builder, tile["table"], i64())
        accumulators = _begin(builder, tile, pixels, blocks, lanes)
        weights, ahead = (cgutils.alloca_once_value(builder, tile[name]) for name in ("w", "ahead"))
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
                next_needed = builder.load(ahead)
                prefetch_ir(builder, next_needed)
                builder.store(builder.add(next_needed, tile["ahead_step"]), ahead)
                for t in range(pixels):
                    place = builder.add(channel.index, builder.mul(tile["x_step"], _word(t)))
                    scalar = builder.load(pointer_ir(builder, _at(builder, first, place), f32()))
                    value = splat_ir(builder, scalar, lanes)
                    for n in range(blocks):
                        slot = accumulators[n][t]
                        builder.store(vector_call_ir(builder, "fmuladd", [value, rows[n], builder.load(slot)]), slot)
        _finish(builder, tile, accumulators, lanes)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic(prefer_literal=True)
def depthwise_tile(
    typing, x, w, bias, residual, y, table, entries, zeros, column, width, chain, image, block, pixel,
    low, high, slope, pixels, taps, stride, dilation, lanes,
):  # fmt: skip
    """One tile of a depthwise convolution: neighbouring pixels of a row, each lane a channel of its own.

    A table entry is a row of `taps` taps: its input row's place from x, its first tap's column from the
    window's, its weights' place. Outside the image, whose rows have `width` pixels, `zeros` are read. `column` is
    where the first pixel's window begins.
    """
    literals = (pixels, taps, stride, dilation, lanes)
    signature = types.void(*[types.int64] * 14, *[types.float32] * len(_CLAMP), *literals)
    pixels, taps, stride, dilation, lanes = (literal.literal_value for literal in literals)
    names = (
        "x", "w", "bias", "residual", "y", "table", "entries", "zeros", "column", "width",
        "chain", "image", "block", "pixel", *_CLAMP,
    )  # fmt: skip

    def codegen(context, builder, signature, arguments):
        tile = dict(zip(names, arguments, strict=False))
        tile |= {"y_step": _word(lanes), "y_block": _word(0), "valid": _word(lanes)}
        vector = ir.VectorType(f32(), lanes)

        def vector_at(address):
            return builder.load(pointer_ir(builder, address, vector), align=4)

        table = pointer_ir(builder, tile["table"], i64())
        (accumulators,) = _begin(builder, tile, pixels, 1, lanes)
        with cgutils.for_range(builder, tile["entries"]) as entry:
            words = [builder.gep(table, [builder.add(builder.mul(entry.index, _word(3)), _word(k))]) for k in range(3)]
            offset, shift, weight = map(builder.load, words)
            row, first = _at(builder, tile["x"], offset), builder.add(tile["column"], shift)
            weights = _at(builder, tile["w"], weight)
            rows = [vector_at(builder.add(weights, _word(4 * lanes * j))) for j in range(taps)]
            numbers = row_ir(
                builder, row, first, tile["width"], tile["zeros"], pixels, taps, stride, dilation, lanes
            )  # fmt: skip
            for value, users in numbers:
                for t, j in users:
                    slot = accumulators[t]
                    builder.store(vector_call_ir(builder, "fmuladd", [value, rows[j], builder.load(slot)]), slot)
        _finish(builder, tile, [accumulators], lanes)
        return context.get_dummy_value()

    return signature, codegen
