"""Softmax on the CPU: along one axis of a plain tensor."""

from __future__ import annotations

from functools import cache
from math import exp, prod
from typing import Any

import numpy as np

from kernels.cpu.record import floats, kernel
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, read, write


@cache
def softmax_kernel() -> Any:
    """Record: x, y; length of the axis, elements behind it. A task is all of one index before the axis."""

    def softmax(args: Any, task: Any) -> None:
        length, inner = args[2], args[3]
        x = floats(args[0] + task * length * inner * 4)
        y = floats(args[1] + task * length * inner * 4)
        for i in range(inner):
            largest = x[i]
            for k in range(1, length):
                largest = max(largest, x[k * inner + i])
            total = np.float32(0)
            for k in range(length):
                value = np.float32(exp(x[k * inner + i] - largest))
                y[k * inner + i] = value
                total += value
            for k in range(length):
                y[k * inner + i] /= total

    return kernel(softmax)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Softmax of a plain float32 tensor."""
    x = call.need(0)
    if x.dtype != np.float32 or x.layout != "plain":
        return None
    axis, end = call.attributes["axis"], call.attributes["axis"] + call.attributes["extent"]
    numbers = (prod(x.shape[axis:end]), prod(x.shape[end:]))
    tasks = prod(x.shape[:axis])
    return CpuLowering((CpuStep(softmax_kernel().address, (read(0), write()), numbers, tasks, "Softmax"),))
