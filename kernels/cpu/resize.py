"""Resampling of images on the CPU: weighted sums of a few inputs, one vector of channels at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.cpu.record import floats, integers, kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import fma, load, multiply, splat, store
from kernels.op import Call, CpuLowering, CpuStep, constant, read, write
from kernels.resampling import TAPS, taps


@cache
def resize_kernel(count: int, lanes: int) -> Any:
    """Compiled kernel of `count` taps along each axis.

    Record: x, y, rows and their weights, columns and their weights, [output][tap]; rows a task, all rows, blocks, x's
    and y's image strides, input height and width, output height and width. Rows and columns are distances in bytes.
    All rows count over images, blocks and heights.
    """

    def resize(args: Any, task: Any) -> None:
        blocks, high, wide = args[8], args[13], args[14]
        plane = args[11] * args[12] * lanes
        columns, by_column = integers(args[4]), floats(args[5])
        for row in range(task * args[6], min(args[7], (task + 1) * args[6])):
            image, block, i = row // (blocks * high), row // high % blocks, row % high
            x = args[0] + (image * args[9] + block * plane) * 4
            y = args[1] + (image * args[10] + (block * high + i) * wide * lanes) * 4
            rows, by_row = integers(args[2] + i * count * 8), floats(args[3] + i * count * 4)
            for j in range(wide):
                if count == 1:
                    store(y, load(x + rows[0] + columns[j], lanes))
                else:
                    total = splat(0.0, lanes)
                    for b in range(count):
                        place = x + columns[j * count + b]
                        part = multiply(load(place + rows[0], lanes), splat(by_row[0], lanes))
                        for a in range(1, count):
                            part = fma(load(place + rows[a], lanes), splat(by_row[a], lanes), part)
                        total = fma(part, splat(by_column[j * count + b], lanes), total)
                    store(y, total)
                y += lanes * 4

    return kernel(resize)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower Resize or Upsample of height and width, blocked in and out."""
    x, y = call.need(0), call.outputs[0]
    n, _, h, w = x.shape
    high, wide = y.shape[2:]
    count = TAPS[call.attributes["mode"]]
    tables = []
    for length, out, scale, apart in zip((h, w), (high, wide), call.attributes["scales"], (w, 1), strict=True):
        index, weights = taps(call.attributes, length, out, scale)
        tables += [constant(index * np.int64(apart * x.block * 4)), constant(weights)]
    rows = n * x.blocks * high
    each, tasks = split(rows, wide * x.block * count)
    numbers = (each, rows, x.blocks, x.stride, y.stride, h, w, high, wide)
    address = resize_kernel(count, x.block).address
    return CpuLowering((CpuStep(address, (read(0), write(), *tables), numbers, tasks, call.op),))
