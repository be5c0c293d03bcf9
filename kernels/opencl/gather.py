"""Gather with constant indices."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering:
    """One launch over the output's elements."""
    _, length, inner = call.attributes["sizes"]
    places = np.array(call.attributes["places"], np.int32)
    count = prod(call.outputs[0].shape)
    row = grid(count, target)
    step = GpuStep(
        template("gather"),
        "gather",
        (read(0), write(), constant(places)),
        (row.span, count, places.size, length, inner),
        (row.items,),
        (row.group,),
    )
    return GpuLowering((step,))
