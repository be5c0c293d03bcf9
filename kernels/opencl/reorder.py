"""Reorder: between the plain and the blocked layout."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over images, blocks and the elements of a block's plane."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype != np.float32 or len(x.shape) != 4 or x.layout == y.layout:
        return None
    blocked = x if x.layout == "blocked" else y
    n, channels, height, width = x.shape
    row = grid(height * width * blocked.block, target)
    step = GpuStep(
        template("reorder"),
        "reorder",
        (read(0), write()),
        (row.span, height * width, channels, x.stride, y.stride),
        (row.items, blocked.blocks, n),
        (row.group, 1, 1),
        (("BLOCK", blocked.block), ("TO_BLOCKED", int(y.layout == "blocked"))),
    )
    return GpuLowering((step,))
