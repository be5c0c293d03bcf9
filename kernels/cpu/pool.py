"""Pooling on the CPU: tiles of neighbouring windows, clipped to the image, each lane a channel of its own."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import kernel
from kernels.cpu.share import split, tile_of
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import f32, i64, load, maximum_ir, multiply, pointer_ir, splat, store
from kernels.cpu.window import MOST_TAPS, row_ir
from kernels.op import Call, CpuLowering, CpuStep, constant, read, write


@intrinsic(prefer_literal=True)
def gather_windows(
    typing, x, rows, row_step, outside, column, width, chunks, y, pixels, taps, stride, dilation, average, lanes
):
    """Sums (`average` 1) or maxima of neighbouring windows, stored one behind the other at y.

    x, outside, y: addresses; row_step in bytes, from one of the `rows` rows of the windows to the next. `column` is
    where the first window begins; `outside` is read for columns that the image, `width` wide, has not. A window's
    row is `chunks` times `taps` taps.
    """
    literals = (pixels, taps, stride, dilation, average, lanes)
    signature = types.void(*[types.int64] * 8, *literals)
    pixels, taps, stride, dilation, average, lanes = (literal.literal_value for literal in literals)

    def codegen(context, builder, signature, arguments):
        x, rows, row_step, outside, column, width, chunks, y = arguments[:8]
        vector = ir.VectorType(f32(), lanes)
        nothing = builder.load(pointer_ir(builder, outside, vector), align=4)
        totals = [cgutils.alloca_once_value(builder, nothing) for _ in range(pixels)]
        with cgutils.for_range(builder, rows) as row, cgutils.for_range(builder, chunks) as chunk:
            first = builder.add(column, builder.mul(chunk.index, ir.Constant(i64(), taps * dilation)))
            start = builder.add(x, builder.mul(row.index, row_step))
            numbers = row_ir(builder, start, first, width, outside, pixels, taps, stride, dilation, lanes)
            for value, users in numbers:
                for t, _ in users:
                    total = builder.load(totals[t])
                    both = builder.fadd(total, value) if average else maximum_ir(builder, total, value)
                    builder.store(both, totals[t])
        for t, total in enumerate(totals):
            place = builder.add(y, ir.Constant(i64(), 4 * lanes * t))
            builder.store(builder.load(total), pointer_ir(builder, place, vector), align=4)
        return context.get_dummy_value()

    return signature, codegen


@cache
def pool_kernel(average: int, pixels: int, taps: int, stride: int, dilation: int, lanes: int) -> Any:
    """Compiled kernel of tiles of `pixels` windows.

    Record: x, y, outside; rows a task, all rows, blocks, x's and y's image strides, input height and width, output
    height and width, kernel (2), vertical stride, pads (4), vertical dilation, chunks of taps a window row,
    count_include_pad. Rows count over images, blocks and heights.
    """

    def pool(args: Any, task: Any) -> None:
        blocks, height, width, high, wide = args[5], args[8], args[9], args[10], args[11]
        kh, kw, sh = args[12], args[13], args[14]
        top, left, bottom, right = args[15], args[16], args[17], args[18]
        dh, chunks = args[19], args[20]
        plane = height * width * lanes
        for row in range(task * args[3], min(args[4], (task + 1) * args[3])):
            image = row // (blocks * high)
            block = row // high % blocks
            x = args[0] + (image * args[6] + block * plane) * 4
            y = args[1] + (image * args[7] + (block * high + row % high) * wide * lanes) * 4
            i = row % high * sh - top
            above = (dh - 1 - i) // dh if i < 0 else 0
            below = max(above, min(kh, (height - i + dh - 1) // dh))
            for tile in range((wide + pixels - 1) // pixels):
                # The last tile overlaps the one before it: the same windows twice, with the same result.
                column = min(tile * pixels, wide - pixels)
                j = column * stride - left
                gather_windows(
                    x + (i + above * dh) * width * lanes * 4, below - above, dh * width * lanes * 4, args[2], j, width,
                    chunks, y + column * lanes * 4, pixels, taps, stride, dilation, average, lanes,
                )  # fmt: skip
                if average:
                    for t in range(pixels):
                        w = j + t * stride
                        count = (below - above) * (min(w + kw, width) - max(w, 0))
                        if args[21] != 0:
                            count = (min(i + kh, height + bottom) - i) * (min(w + kw, width + right) - w)
                        place = y + (column + t) * lanes * 4
                        store(place, multiply(load(place, lanes), splat(np.float32(1.0) / np.float32(count), lanes)))

    return kernel(pool)


def _lower(
    call: Call,
    target: CpuTarget,
    average: bool,
    window: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, ...],
) -> CpuLowering | None:
    x, y = call.need(0), call.outputs[0]
    if len(x.shape) != 4 or x.layout != "blocked" or len(call.outputs) > 1:
        return None
    n, _, h, w = x.shape
    high, wide = y.shape[2:]
    dilations = tuple(call.attributes.get("dilations", (1, 1)))
    include = int(bool(call.attributes.get("count_include_pad", 0)))
    taps = max(size for size in range(1, MOST_TAPS + 1) if window[1] % size == 0)
    pixels = tile_of(wide, target.registers - 4)
    rows = n * x.blocks * high
    each, tasks = split(rows, wide * x.block * prod(window))
    numbers = (
        each, rows, x.blocks, x.stride, y.stride, h, w, high, wide, *window, strides[0], *pads, dilations[0],
        window[1] // taps, include,
    )  # fmt: skip
    outside = constant(np.full(x.block, 0.0 if average else -np.inf, np.float32))
    kernel = pool_kernel(int(average), pixels, taps, strides[1], dilations[1], x.block)
    return CpuLowering((CpuStep(kernel.address, (read(0), write(), outside), numbers, tasks, call.op),))


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower MaxPool or AveragePool, blocked in and out."""
    if call.op == "AveragePool" and tuple(call.attributes.get("dilations", (1, 1))) != (1, 1):
        return None
    names = ("kernel_shape", "strides", "pads")
    window, strides, pads = (tuple(call.attributes[name]) for name in names)
    return _lower(call, target, call.op == "AveragePool", window, strides, pads)


def lower_global(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower GlobalAveragePool or GlobalMaxPool: one window as large as the image."""
    h, w = call.need(0).shape[2:]
    return _lower(call, target, call.op == "GlobalAveragePool", (h, w), (1, 1), (0, 0, 0, 0))
