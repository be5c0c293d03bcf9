"""Channels picked from one or two blocked images, on OpenCL."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch; a work-item writes some lanes of a pixel."""
    y, last = call.outputs[0], len(call.inputs) - 1
    n, _, h, w = y.shape
    # Lanes beyond the channels repeat the first: any finite number will do there.
    spare = y.blocks * y.block - y.shape[1]
    picked = np.array((*call.attributes["picked"], *call.attributes["picked"][:1] * spare), np.int32)
    which, channel = picked.T
    lanes = min(4, y.block)
    row = grid(h * w * (y.block // lanes), target)
    step = GpuStep(
        template("channels"),
        "channels",
        (read(0), read(last), constant(np.where(which == 0, channel, ~channel)), write()),
        (row.span, h * w, call.need(0).stride, call.need(last).stride, y.stride),
        (row.items, y.blocks, n),
        (row.group, 1, 1),
        (("V", lanes), ("BLOCK", y.block)),
    )
    return GpuLowering((step,))
