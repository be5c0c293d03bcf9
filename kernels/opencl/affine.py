"""Affine: a scale and a shift per channel, then an activation (batch normalisation, folded)."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.activation import activation
from kernels.opencl.chain import tail
from kernels.opencl.grid import ceil_div, grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over images, channels (or blocks) and their pixels."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype != np.float32 or len(x.shape) < 2 or not {1, 2} <= call.constants.keys():
        return None
    plain = x.layout == "plain"
    rows = x.shape[1] if plain else x.blocks
    length = prod(x.shape[2:]) * (1 if plain else x.block)
    packed = []
    for position in (1, 2):
        values = np.zeros(rows if plain else rows * x.block, np.float32)
        values[: x.shape[1]] = call.constants[position].reshape(-1)
        packed.append(constant(values))
    lanes = target.lanes if plain else min(target.lanes, x.block)
    row = grid(ceil_div(length, lanes), target)
    step = GpuStep(
        template("rows", "affine"),
        "affine",
        (read(0), *packed, write()),
        (row.span, length, rows, x.stride, y.stride, *activation(call)),
        (row.items, rows, x.shape[0]),
        (row.group, 1, 1),
        (("V", lanes), ("BLOCK", x.block), ("PLAIN", int(plain))),
    )
    return GpuLowering((tail(call).on(step),))
