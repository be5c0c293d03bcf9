"""Split: a copy of rows for every output, of single lanes where a part of the channels begins within a block."""

from __future__ import annotations

from math import prod

from kernels.op import Call, GpuLowering, read, write
from kernels.opencl.channels import pick
from kernels.opencl.strided import strided
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering:
    """One launch an output, along any axis of a plain tensor or the channels of a blocked one."""
    x, axis = call.need(0), call.attributes["axis"]
    steps, start = [], 0
    for i, y in enumerate(call.outputs):
        if x.layout == "blocked":
            steps.append(pick([x], tuple((0, start + k) for k in range(y.shape[1])), y, target, i))
        else:
            inner = prod(x.shape[axis + 1 :])
            sizes = (prod(x.shape[:axis]), y.shape[axis] * inner)
            steps.append(strided(read(0), write(i), x, sizes, (x.shape[axis] * inner, 1), start * inner, target))
        start += y.shape[axis]
    return GpuLowering(tuple(steps))
