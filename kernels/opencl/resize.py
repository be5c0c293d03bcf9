"""Resize and Upsample of height and width, on blocked tensors."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.grid import row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.resampling import TAPS, taps


def lower(call: Call, target: GpuTarget) -> GpuLowering:
    """One launch over rows of all blocks and images."""
    x, y = call.need(0), call.outputs[0]
    n, _, height, width = y.shape
    lanes = target.block_lanes(x.block)
    tables = []
    for length, out, scale in zip(x.shape[2:], (height, width), call.attributes["scales"], strict=True):
        index, weights = taps(call.attributes, length, out, scale)
        tables += [constant(index.astype(np.int32)), constant(weights)]
    row = row_grid(width * (x.block // lanes), target)
    step = GpuStep(
        template("resize"),
        "resize",
        (read(0), write(), *tables),
        (row.span, height, width, x.blocks, *x.shape[2:], x.stride, y.stride),
        (row.items, height, n * x.blocks),
        (row.group, 1, 1),
        (("V", lanes), ("BLOCK", x.block), ("TAPS", TAPS[call.attributes["mode"]])),
    )
    return GpuLowering((step,))
