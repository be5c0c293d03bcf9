"""Gather on the CPU: places along an axis, known at load, in any order."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.cpu.record import floats, integers, kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, constant, read, write


@cache
def gather_kernel() -> Any:
    """Record: x, y, places; how many, length of x's axis, elements behind it, rows a task, all rows. A row: a place."""

    def gather(args: Any, task: Any) -> None:
        count, inner, places = args[3], args[5], integers(args[2])
        for row in range(task * args[6], min(args[7], (task + 1) * args[6])):
            x = floats(args[0] + (row // count * args[4] + places[row % count]) * inner * 4)
            y = floats(args[1] + row * inner * 4)
            for i in range(inner):
                y[i] = x[i]

    return kernel(gather)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower Gather of a plain tensor."""
    outer, length, inner = call.attributes["sizes"]
    places = np.array(call.attributes["places"], np.int64)
    rows = outer * places.size
    each, tasks = split(rows, inner)
    numbers = (places.size, length, inner, each, rows)
    operands = (read(0), write(), constant(places))
    return CpuLowering((CpuStep(gather_kernel().address, operands, numbers, tasks, "Gather"),))
