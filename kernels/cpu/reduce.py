"""Reductions on the CPU: along axes of a plain tensor that lie together; those that lie apart are copied together."""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import Any

import numpy as np

from kernels.cpu.compiler import njit
from kernels.cpu.record import floats, integers, kernel, number
from kernels.cpu.share import split
from kernels.cpu.strided import strided
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, read, scratch, write
from kernels.reduction import OPERATORS, WAYS, Reduction
from kernels.view import dense_strides


# Settled while compiling: `way` is a constant of each kernel.
@njit(inline="always")  # type: ignore[untyped-decorator]
def _prepared(way: Any, x: Any) -> Any:
    """What a number adds to WAYS[way]."""
    if way == 1:
        return abs(x)
    return x * x if way == 2 else x


@njit(inline="always")  # type: ignore[untyped-decorator]
def _together(way: Any, total: Any, x: Any) -> Any:
    """WAYS[way] so far, with another number."""
    if way == 3:
        return max(total, x)
    if way == 4:
        return min(total, x)
    return total + x


@cache
def reduce_kernel(way: int, root: bool) -> Any:
    """Compiled kernel.

    Record: x, y; elements along the axes and behind them, those of the latter a task, tasks before an index changes,
    rows a task, all rows; a factor. Behind the axes lie either one element, and a task is some rows, or several, and a
    task is a stretch of them.
    """

    def reduce(args: Any, task: Any) -> None:
        length, inner, parts, factor = args[2], args[3], args[5], number(args, 8)
        if inner == 1:
            y = floats(args[1])
            for row in range(task * args[6], min(args[7], (task + 1) * args[6])):
                x = floats(args[0] + row * length * 4)
                total = _prepared(way, x[0])
                for i in range(1, length):
                    total = _together(way, total, _prepared(way, x[i]))
                y[row] = np.float32(sqrt(total)) if root else total * factor
            return
        begin = task % parts * args[4]
        count = min(args[4], inner - begin)
        x = floats(args[0] + (task // parts * length * inner + begin) * 4)
        y = floats(args[1] + (task // parts * inner + begin) * 4)
        for i in range(count):
            y[i] = _prepared(way, x[i])
        for k in range(1, length):
            row_of_x = floats(args[0] + ((task // parts * length + k) * inner + begin) * 4)
            for i in range(count):
                y[i] = _together(way, y[i], _prepared(way, row_of_x[i]))
        for i in range(count):
            y[i] = np.float32(sqrt(y[i])) if root else y[i] * factor

    return kernel(reduce, any_order=True)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower a reduction of OPERATORS, of a plain tensor."""
    found = Reduction.of(call.need(0).shape, call.attributes["axes"])
    outer, length, inner = found.outer, found.length, found.inner
    source, steps, areas = read(0), [], []
    if found.sizes is not None and found.strides is not None:
        source, sizes = scratch(), found.sizes
        steps.append(
            strided(read(0), source, sizes, found.strides, dense_strides(sizes), target.lanes, name="together")
        )
        areas.append(4 * outer * length)
    each, tasks = split(outer, length)
    stretch, parts = split(inner, length)
    factor = 1.0 / length if call.op == "ReduceMean" else 1.0
    numbers = (length, inner, stretch, parts, each, outer, factor)
    address = reduce_kernel(WAYS.index(OPERATORS[call.op]), call.op == "ReduceL2").address
    steps.append(CpuStep(address, (source, write()), numbers, tasks if inner == 1 else outer * parts, call.op))
    return CpuLowering(tuple(step for step in steps if step is not None), tuple(areas))


@cache
def place_kernel(sign: int, last: bool) -> Any:
    """Record: x, y; elements along the axis and behind it, those of the latter a task, tasks an index before."""

    def place(args: Any, task: Any) -> None:
        length, inner, begin = args[2], args[3], task % args[5] * args[4]
        x = floats(args[0] + (task // args[5] * length * inner + begin) * 4)
        y = integers(args[1] + (task // args[5] * inner + begin) * 8)
        for i in range(min(args[4], inner - begin)):
            best = 0
            for k in range(1, length):
                gain = sign * (x[k * inner + i] - x[best * inner + i])
                if gain > 0 or (last and gain == 0):
                    best = k
            y[i] = best

    return kernel(place)


def lower_place(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower ArgMax or ArgMin of a plain tensor."""
    found = Reduction.of(call.need(0).shape, call.attributes["axes"])
    address = place_kernel(1 if call.op == "ArgMax" else -1, bool(call.attributes["select_last_index"])).address
    stretch, parts = split(found.inner, found.length)
    numbers = (found.length, found.inner, stretch, parts)
    return CpuLowering((CpuStep(address, (read(0), write()), numbers, found.outer * parts, call.op),))
