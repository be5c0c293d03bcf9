"""LRN on blocked tensors; the usual powers without pow."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

_POWERS = {0.5: 50, 0.75: 75, 1.0: 100}  # as the template names them; 0 is the general power


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over images, blocks and pixels."""
    x, y = call.need(0), call.outputs[0]
    if x.layout != "blocked" or x.dtype != np.float32:
        return None
    size, beta = int(call.attributes["size"]), float(call.attributes["beta"])
    before = (size - 1) // 2
    area = x.shape[2] * x.shape[3]
    row = grid(area, target)
    step = GpuStep(
        template("lrn"),
        "lrn",
        (read(0), write()),
        (
            row.span,
            area,
            x.shape[1],
            x.stride,
            y.stride,
            float(call.attributes["alpha"]) / size,
            float(call.attributes["bias"]),
            beta,
        ),
        (row.items, x.blocks, x.shape[0]),
        (row.group, 1, 1),
        (
            ("V", min(target.lanes, x.block)),
            ("BLOCK", x.block),
            ("BEFORE", before),
            ("AFTER", size - 1 - before),
            ("PIXELS", 1 if target.simt else 16),
            ("POWER", _POWERS.get(round(beta, 6), 0)),
        ),
    )
    return GpuLowering((step,))
