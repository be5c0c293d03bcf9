"""Concat: whole rows or blocks where they fit, single lanes where a block begins in another's middle."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Operand, Spec, constant, read, write
from kernels.opencl.copy import copy_rows, element
from kernels.opencl.grid import ceil_div, grid, round_up
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch per input that does not lie in place already."""
    inputs = [call.need(position) for position in range(len(call.inputs))]
    y = call.outputs[0]
    axis = int(call.attributes["axis"]) % len(y.shape)
    layouts = {spec.layout for spec in (*inputs, y)}
    if len(layouts) > 1 or element(y) is None:
        return None
    blocked = y.layout == "blocked"
    if blocked and (axis != 1 or y.dtype != np.float32 or call.constants):
        return None
    in_place = call.attributes.get("in_place") or (False,) * len(inputs)
    steps, start = [], 0
    for position, x in enumerate(inputs):
        if not in_place[position] and x.size:
            put = _blocked if blocked else _plain
            value = call.constants.get(position)
            source = read(position) if value is None else constant(value)
            steps.append(put(x, y, source, axis, start, target))
        start += x.shape[axis]
    return GpuLowering(tuple(steps))


def _plain(x: Spec, y: Spec, source: Operand, axis: int, start: int, target: GpuTarget) -> GpuStep:
    rows, inner = prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
    length = x.shape[axis] * inner
    return copy_rows(x, source, rows, length, (length, y.shape[axis] * inner), start * inner, target)


def _blocked(x: Spec, y: Spec, source: Operand, axis: int, start: int, target: GpuTarget) -> GpuStep:
    n, channels, height, width = x.shape
    area = height * width
    if start % x.block == 0:
        # The last block's spare lanes come along: the next input, put later, overwrites them.
        length = prod(x.stored[1:])
        return copy_rows(x, source, n, length, (x.stride, y.stride), start * area, target)
    end = start + channels
    filled = (round_up(end, x.block) if end == y.shape[1] else end) - start
    row = grid(area * x.block, target)
    return GpuStep(
        template("lanes"),
        "lanes",
        (source, write()),
        (row.span, area, start, channels, filled, x.stride, y.stride),
        (row.items, ceil_div(start + filled, x.block) - start // x.block, n),
        (row.group, 1, 1),
        (("BLOCK", x.block),),
    )
