"""Depthwise convolution on the CPU: each lane a channel of its own, taps clipped to the image, nothing padded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.record import integers, kernel, number
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.tile import depthwise_tile
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, read, write


@cache
def depthwise_kernel(pixels: int, lanes: int) -> Any:
    """Compiled kernel.

    Record: x, w, bias, residual, y, table, starts (addresses); rows a task, tasks a block, blocks, input height and
    width, output height and width, kernel (2), strides (2), dilations (2), top, left, the columns from and to which
    no window leaves the image, the image strides of x, y and residual; low, high, slope. `starts` says, for the
    first and the end of the window's columns that lie in the image, where their part of the table begins, in words;
    there the taps come row by row, so that rows outside are left out at either end.
    """

    def depthwise(args: Any, task: Any) -> None:
        parts, blocks, height, width, high, wide = args[8], args[9], args[10], args[11], args[12], args[13]
        kh, kw, sh, sw, dh, dw, top, left = (
            args[14], args[15], args[16], args[17], args[18], args[19], args[20], args[21],
        )  # fmt: skip
        first, last = args[22], args[23]
        image, block = task // (parts * blocks), task // parts % blocks
        starts = integers(args[6])
        x = args[0] + (image * args[24] + block * height * width * lanes) * 4
        start = block * high * wide * lanes
        y = args[4] + (image * args[25] + start) * 4
        w = args[1] + block * kh * kw * lanes * 4
        bias = args[2] + block * lanes * 4
        low, upper, slope = number(args, 27), number(args, 28), number(args, 29)
        begin = task % parts * args[7]
        for row in range(begin, min(high, begin + args[7])):
            i = row * sh - top
            above = (dh - 1 - i) // dh if i < 0 else 0
            below = min(kh, (height - i + dh - 1) // dh)
            column = 0
            while column < wide:
                inside = column >= first and column < last
                if inside:
                    # The last tile overlaps the one before it: the same pixels twice, with the same result.
                    column = min(column, last - pixels)
                j = column * sw - left
                before = min(kw, (dw - 1 - j) // dw) if j < 0 else 0
                behind = kw if inside else max(before, min(kw, (width - j + dw - 1) // dw))
                taps = behind - before
                table = args[5] + (starts[before * (kw + 1) + behind] + 2 * above * taps) * 8
                place = (row * wide + column) * lanes
                residual = args[3] + (image * args[26] + start + place) * 4 if args[3] != 0 else 0
                corner = x + (i * width + j) * lanes * 4
                if inside:
                    depthwise_tile(
                        corner, w, bias, residual, y + place * 4, table, (below - above) * taps, sw * lanes, lanes,
                        0, 0, lanes, low, upper, slope, pixels, lanes,
                    )  # fmt: skip
                    column += pixels
                else:
                    depthwise_tile(
                        corner, w, bias, residual, y + place * 4, table, (below - above) * taps, sw * lanes, lanes,
                        0, 0, lanes, low, upper, slope, 1, lanes,
                    )  # fmt: skip
                    column += 1

    return kernel(depthwise)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower a convolution with as many groups as input and output channels, blocked in and out."""
    x, y = call.need(0), call.outputs[0]
    n, c, height, width = x.shape
    high, wide = y.shape[2:]
    lanes = y.block
    (kh, kw), (sh, sw), (dh, dw) = (call.attributes[name] for name in ("kernel_shape", "strides", "dilations"))
    top, left, _, _ = call.attributes["pads"]
    rows = np.zeros((y.blocks * lanes, kh * kw), np.float32)
    rows[:c] = call.constants[1].reshape(c, -1)
    packed = rows.reshape(y.blocks, lanes, kh * kw).transpose(0, 2, 1)
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[:c] = call.constants[2]
    table: list[tuple[int, int]] = []
    starts = np.zeros((kw + 1, kw + 1), np.int64)
    for before in range(kw + 1):
        for behind in range(before, kw + 1):
            starts[before, behind] = 2 * len(table)
            table += [
                ((i * dh * width + j * dw) * lanes, (i * kw + j) * lanes)
                for i in range(kh)
                for j in range(before, behind)
            ]
    first = min(wide, -(-left // sw))
    last = min(wide, (width - 1 - (kw - 1) * dw + left) // sw + 1)
    most = max(4, target.registers // 2 - 2)
    whole = max(0, last - first)
    pixels = -(-whole // -(-whole // most)) if whole else 1
    each, parts = split(high, wide * lanes * kh * kw)
    residual = call.given(3)
    numbers = (
        each, parts, x.blocks, height, width, high, wide, kh, kw, sh, sw, dh, dw, top, left, first, max(first, last),
        x.stride, y.stride, residual.stride if residual else 0, *clamp_of(call),
    )  # fmt: skip
    operands = (
        read(0), constant(packed), constant(bias), ABSENT if residual is None else read(3), write(),
        constant(np.array(table, np.int64)), constant(starts),
    )  # fmt: skip
    address = depthwise_kernel(pixels, lanes).address
    return CpuLowering((CpuStep(address, operands, numbers, n * x.blocks * parts, "depthwise"),))
