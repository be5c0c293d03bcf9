"""Depthwise convolution on the CPU: each lane a channel of its own, nothing padded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.chain import tail
from kernels.cpu.record import chain_at, kernel, number
from kernels.cpu.share import split, tile_of
from kernels.cpu.target import CpuTarget
from kernels.cpu.tile import depthwise_tile
from kernels.cpu.window import MOST_TAPS
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, read, write


@cache
def depthwise_kernel(pixels: int, taps: int, stride: int, dilation: int, lanes: int) -> Any:
    """Compiled kernel of tiles of a size.

    Record: x, w, bias, residual, y, table, zeros (addresses); rows a task, tasks a block, blocks, input height and
    width, output height and width, window height, rows of taps a window row, vertical stride and dilation, top, left,
    elements of a block's weights, the image strides of x, y and residual; low, high, slope; a chain. The table
    lists the window's rows from the top, so that those outside the image are left out at either end.
    """

    def depthwise(args: Any, task: Any) -> None:
        parts, blocks, height, width, high, wide = args[8], args[9], args[10], args[11], args[12], args[13]
        kh, chunks, sh, dh, top, left = args[14], args[15], args[16], args[17], args[18], args[19]
        image, block = task // (parts * blocks), task // parts % blocks
        x = args[0] + (image * args[21] + block * height * width * lanes) * 4
        start = block * high * wide * lanes
        y = args[4] + (image * args[22] + start) * 4
        w = args[1] + block * args[20] * 4
        bias = args[2] + block * lanes * 4
        low, upper, slope = number(args, 24), number(args, 25), number(args, 26)
        chain = chain_at(args, 27)
        begin = task % parts * args[7]
        for row in range(begin, min(high, begin + args[7])):
            i = row * sh - top
            above = (dh - 1 - i) // dh if i < 0 else 0
            below = max(above, min(kh, (height - i + dh - 1) // dh))
            for tile in range((wide + pixels - 1) // pixels):
                # The last tile overlaps the one before it: the same pixels twice, with the same result.
                column = min(tile * pixels, wide - pixels)
                place = (row * wide + column) * lanes
                residual = args[3] + (image * args[23] + start + place) * 4 if args[3] != 0 else 0
                depthwise_tile(
                    x + i * width * lanes * 4, w, bias, residual, y + place * 4, args[5] + above * chunks * 24,
                    (below - above) * chunks, args[6], column * stride - left, width, chain, image, block,
                    row * wide + column, low, upper, slope, pixels, taps, stride, dilation, lanes,
                )  # fmt: skip

    return kernel(depthwise)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower a convolution with as many groups as input and output channels, blocked in and out."""
    x, y = call.need(0), call.outputs[0]
    n, c, height, width = x.shape
    high, wide = y.shape[2:]
    lanes = y.block
    (kh, kw), (sh, sw), (dh, dw) = (call.attributes[name] for name in ("kernel_shape", "strides", "dilations"))
    top, left, _, _ = call.attributes["pads"]
    chunks = -(-kw // MOST_TAPS)
    taps = -(-kw // chunks)
    rows = np.zeros((y.blocks * lanes, kh, chunks * taps), np.float32)
    rows[:c, :, :kw] = call.constants[1].reshape(c, kh, kw)
    packed = rows.reshape(y.blocks, lanes, -1).transpose(0, 2, 1)
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[:c] = call.constants[2]
    table = [
        (i * dh * width * lanes, k * taps * dw, (i * chunks + k) * taps * lanes)
        for i in range(kh)
        for k in range(chunks)
    ]
    pixels = tile_of(wide, target.registers - taps - 3)
    each, parts = split(high, wide * lanes * kh * kw)
    residual = call.given(3)
    numbers = (
        each, parts, x.blocks, height, width, high, wide, kh, chunks, sh, dh, top, left, packed[0].size,
        x.stride, y.stride, residual.stride if residual else 0, *clamp_of(call),
    )  # fmt: skip
    operands = (
        read(0), constant(packed), constant(bias), ABSENT if residual is None else read(3), write(),
        constant(np.array(table, np.int64)), constant(np.zeros(lanes, np.float32)),
    )  # fmt: skip
    chain = tail(call, lanes)
    address, tasks = depthwise_kernel(pixels, taps, sw, dw, lanes).address, n * x.blocks * parts
    return CpuLowering((CpuStep(address, (*operands, *chain), numbers, tasks, "depthwise", len(chain)),))
