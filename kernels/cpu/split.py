"""Split on the CPU: strided copies of plain tensors and whole blocks, single lanes where a part begins within one."""

from __future__ import annotations

from math import prod

from kernels.cpu.channels import pick
from kernels.cpu.strided import strided
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, read, write


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower Split along any axis of a plain tensor, or along the channels of a blocked one."""
    x, axis = call.need(0), call.attributes["axis"]
    steps: list[CpuStep | None] = []
    start = 0
    for i, y in enumerate(call.outputs):
        size = y.shape[axis]
        if x.layout == "blocked" and start % x.block:
            steps.append(pick([x], tuple((0, start + k) for k in range(size)), y, i))
        elif x.layout == "blocked":
            first, length = start * prod(x.shape[2:]), prod(y.stored[1:])
            sizes, by_x, by_y = (x.shape[0], length), (x.stride, 1), (y.stride, 1)
            steps.append(strided(read(0), write(i), sizes, by_x, by_y, target.lanes, first, name="split"))
        else:
            outer, pitch, inner = prod(x.shape[:axis]), prod(x.shape[axis:]), prod(x.shape[axis + 1 :])
            length = size * inner
            sizes, by_x, by_y, first = (outer, length), (pitch, 1), (length, 1), start * inner
            steps.append(strided(read(0), write(i), sizes, by_x, by_y, target.lanes, first, name="split"))
        start += size
    return CpuLowering(tuple(step for step in steps if step is not None))
