"""Pooling on the CPU: windows clipped to the image, one vector of channels at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.cpu.record import kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import add, load, maximum, multiply, splat, store
from kernels.op import Call, CpuLowering, CpuStep, read, write

UNROLLED = 9  # taps of the largest window whose loops are unrolled


@cache
def pool_kernel(average: bool, lanes: int, tall: int, broad: int) -> Any:
    """Compiled kernel; `tall` x `broad` is the size of window whose loops are unrolled, 0 x 0 for any size.

    Record: x, y; rows a task, all rows, blocks, x's and y's image strides, input height and width, output
    height and width, kernel (2), strides (2), pads (4), dilations (2), count_include_pad. Rows count over
    images, blocks and heights.
    """

    def pool(args: Any, task: Any) -> None:
        blocks, height, width, high, wide = args[4], args[7], args[8], args[9], args[10]
        kh, kw, sh, sw = args[11], args[12], args[13], args[14]
        top, left, bottom, right = args[15], args[16], args[17], args[18]
        dh, dw = args[19], args[20]
        plane = height * width * lanes
        for row in range(task * args[2], min(args[3], (task + 1) * args[2])):
            image = row // (blocks * high)
            block = row // high % blocks
            x = args[0] + (image * args[5] + block * plane) * 4
            y = args[1] + (image * args[6] + (block * high + row % high) * wide * lanes) * 4
            i = row % high * sh - top
            whole_rows = i >= 0 and i + (kh - 1) * dh < height
            for column in range(wide):
                j = column * sw - left
                total = splat(0.0 if average else -np.inf, lanes)
                count = 0
                if tall > 0 and whole_rows and j >= 0 and j + (kw - 1) * dw < width:
                    corner = x + (i * width + j) * lanes * 4
                    for a in range(tall):
                        for b in range(broad):
                            value = load(corner + (a * dh * width + b * dw) * lanes * 4, lanes)
                            total = add(total, value) if average else maximum(total, value)
                    count = tall * broad
                else:
                    for a in range(kh):
                        h = i + a * dh
                        if h < 0 or h >= height:
                            continue
                        for b in range(kw):
                            w = j + b * dw
                            if w >= 0 and w < width:
                                value = load(x + (h * width + w) * lanes * 4, lanes)
                                total = add(total, value) if average else maximum(total, value)
                                count += 1
                if average:
                    if args[21] != 0:
                        count = (min(i + kh, height + bottom) - i) * (min(j + kw, width + right) - j)
                    total = multiply(total, splat(np.float32(1.0) / np.float32(count), lanes))
                store(y + column * lanes * 4, total)

    return kernel(pool)


def _lower(
    call: Call, average: bool, window: tuple[int, int], strides: tuple[int, int], pads: tuple[int, ...]
) -> CpuLowering | None:
    x, y = call.need(0), call.outputs[0]
    if len(x.shape) != 4 or x.layout != "blocked" or len(call.outputs) > 1:
        return None
    n, _, h, w = x.shape
    high, wide = y.shape[2:]
    dilations = tuple(call.attributes.get("dilations", (1, 1)))
    include = int(bool(call.attributes.get("count_include_pad", 0)))
    rows = n * x.blocks * high
    each, tasks = split(rows, wide * x.block * window[0] * window[1])
    numbers = (
        each, rows, x.blocks, x.stride, y.stride, h, w, high, wide, *window, *strides, *pads, *dilations, include,
    )  # fmt: skip
    unrolled = window if window[0] * window[1] <= UNROLLED else (0, 0)
    step = CpuStep(pool_kernel(average, x.block, *unrolled).address, (read(0), write()), numbers, tasks, call.op)
    return CpuLowering((step,))


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower MaxPool or AveragePool, blocked in and out."""
    if call.op == "AveragePool" and tuple(call.attributes.get("dilations", (1, 1))) != (1, 1):
        return None
    names = ("kernel_shape", "strides", "pads")
    window, strides, pads = (tuple(call.attributes[name]) for name in names)
    return _lower(call, call.op == "AveragePool", window, strides, pads)


def lower_global(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower GlobalAveragePool or GlobalMaxPool: one window as large as the image."""
    h, w = call.need(0).shape[2:]
    return _lower(call, call.op == "GlobalAveragePool", (h, w), (1, 1), (0, 0, 0, 0))
