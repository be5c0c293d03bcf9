"""Winograd's products by pairs of places, for weights transformed one way at load and the other way in registers.

Three weights of a window's row are a polynomial, and Winograd's transform is its values at the points of interpolation
(factors aside): at p and -p from the same three numbers by few operations, at 0 and infinity by none. So the products
at two places read three vectors, and transformed weights take 18 numbers for a 3x3 window, or 12, instead of 36 or 16.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from typing import Any

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import kernel
from kernels.cpu.vector import f32, i64, pointer_ir, prefetch_ir, splat_ir, vector_call_ir


def _word(value):
    return ir.Constant(i64(), value)


def _values(builder, window, point):
    """A polynomial's values, of three vectors its coefficients, at `point` and -`point`; at 0 and infinity for 0."""
    constant, linear, square = window
    if point == 0:
        return constant, square

    def factor(number):
        return ir.Constant(constant.type, [float(number)] * constant.type.count)

    even = vector_call_ir(builder, "fmuladd", [square, factor(point**2), constant])
    odd = builder.fmul(linear, factor(point))
    return builder.fadd(even, odd), builder.fsub(even, odd)


_NAMES = ("x", "x_pair", "x_block", "w", "y", "y_pair", "channels", "ahead", "ahead_step")


@intrinsic(prefer_literal=True)
def paired_tile(typing, x, x_pair, x_block, w, y, y_pair, channels, ahead, ahead_step, point, pixels, lanes):
    """The sums over all channels at the places of a point and its negative, for neighbouring pixels, one output block.

    x, w, y: addresses of the first place's first pixel, of the weights [channel][3][lanes], and of the first place's
    sums. x_pair, y_pair: bytes to the second place; x_block: bytes from one block of channels to the next. ahead:
    address of what will be needed next; each channel asks for its cache line, `ahead_step` bytes from the last.
    """
    literals = (point, pixels, lanes)
    signature = types.void(*[types.int64] * len(_NAMES), *literals)
    point, pixels, lanes = (literal.literal_value for literal in literals)

    def codegen(context, builder, signature, arguments):
        tile = dict(zip(_NAMES, arguments, strict=False))
        vector = ir.VectorType(f32(), lanes)
        nbytes = 4 * lanes

        def at(address, number):
            return pointer_ir(builder, builder.add(address, _word(nbytes * number)), vector)

        places = [[cgutils.alloca_once(builder, vector) for _ in range(pixels)] for _ in range(2)]
        for slot in [slot for sums in places for slot in sums]:
            builder.store(ir.Constant(vector, [0.0] * lanes), slot)
        weights, ahead = (cgutils.alloca_once_value(builder, tile[name]) for name in ("w", "ahead"))
        blocks = builder.sdiv(builder.add(tile["channels"], _word(lanes - 1)), _word(lanes))
        with cgutils.for_range(builder, blocks) as block:
            first = builder.add(tile["x"], builder.mul(block.index, tile["x_block"]))
            left = builder.sub(tile["channels"], builder.mul(block.index, _word(lanes)))
            count = builder.select(builder.icmp_signed("<", left, _word(lanes)), left, _word(lanes))
            with cgutils.for_range(builder, count) as channel:
                w = builder.load(weights)
                window = [builder.load(at(w, k), align=4) for k in range(3)]
                builder.store(builder.add(w, _word(3 * nbytes)), weights)
                next_needed = builder.load(ahead)
                prefetch_ir(builder, next_needed)
                builder.store(builder.add(next_needed, tile["ahead_step"]), ahead)
                own = builder.add(first, builder.shl(channel.index, _word(2)))
                pair = (own, builder.add(own, tile["x_pair"]))
                for sums, start, value in zip(places, pair, _values(builder, window, point), strict=True):
                    for t, slot in enumerate(sums):
                        number = builder.load(pointer_ir(builder, builder.add(start, _word(nbytes * t)), f32()))
                        terms = [splat_ir(builder, number, lanes), value, builder.load(slot)]
                        builder.store(vector_call_ir(builder, "fmuladd", terms), slot)
        for sums, start in zip(places, (tile["y"], builder.add(tile["y"], tile["y_pair"])), strict=True):
            for t, slot in enumerate(sums):
                builder.store(builder.load(slot), at(start, t), align=4)
        return context.get_dummy_value()

    return signature, codegen


@cache
def paired_kernel(size: int, pixels: int, lanes: int) -> Any:
    """Compiled kernel of the products of a row of Winograd's places, for tiles of `size` x `size` outputs.

    Record: x, weights, y (addresses); pixels, channels; bytes of x from a place to the next and from a block of
    channels to the next; bytes of y from a place to the next. Weights lie as [channel][3][lanes], the next row's
    behind them: while the tiles work on these, each asks for its share of those.
    """

    def paired(args: Any, task: Any) -> None:
        columns, channels, x_place, x_block, y_place = args[3], args[4], args[5], args[6], args[7]
        panel, steps = channels * 12 * lanes, (columns + pixels - 1) // pixels * (size // 2 + 1) * channels
        ahead, step = args[1] + panel, (panel + steps - 1) // steps
        for i in range(0, columns, pixels):
            # The last tile overlaps its neighbour: the same pixels twice, with the same result.
            offset = min(i, columns - pixels) * lanes * 4
            x, y = args[0] + offset, args[2] + offset
            paired_tile(
                x, (size + 1) * x_place, x_block, args[1], y, (size + 1) * y_place, channels, ahead, step,
                0, pixels, lanes,
            )  # fmt: skip
            ahead += step * channels
            paired_tile(
                x + x_place, x_place, x_block, args[1], y + y_place, y_place, channels, ahead, step, 1, pixels, lanes
            )
            ahead += step * channels
            if size == 4:
                paired_tile(
                    x + 3 * x_place, x_place, x_block, args[1], y + 3 * y_place, y_place, channels, ahead, step,
                    2, pixels, lanes,
                )  # fmt: skip
                ahead += step * channels

    return kernel(paired)


def pair_cycles(columns: int, pixels: int) -> float:
    """Cycles that a channel takes at two places of `columns`, in tiles of `pixels`.

    A tile takes 2 * pixels fused multiply-adds, as many loads and three more, two of either a cycle, and at least
    the four cycles that one multiply-add takes to finish.
    """
    return -(-columns // pixels) * max(2 * pixels + 3, 8) / 2


@cache
def choose_pixels(columns: int, registers: int) -> int:
    """Pixels of the tile that covers `columns` in the fewest cycles: their sums, and five vectors, fit in registers."""
    most = min(columns, (registers - 5) // 2)
    return min(range(1, most + 1), key=lambda pixels: (pair_cycles(columns, pixels), -pixels))
