"""Softmax on the CPU: along one axis of a plain tensor."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu.mathematics import exponential
from kernels.cpu.record import floats, kernel
from kernels.cpu.share import TASK_ELEMENTS
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import add, divide, load, load_part, maximum, splat, stack, store, store_part, subtract
from kernels.op import Call, CpuLowering, CpuStep, read, write


@cache
def rows_kernel(lanes: int) -> Any:
    """Record: x, y; length of the axis, which is the last. A task is a row."""

    def softmax(args: Any, task: Any) -> None:
        length = args[2]
        x, y = args[0] + task * length * 4, args[1] + task * length * 4
        whole = length // lanes * lanes
        room = stack(lanes)
        best = splat(np.float32(-np.inf), lanes)
        for i in range(0, whole, lanes):
            best = maximum(load(x + i * 4, lanes), best)
        store(room, best)
        largest = floats(room)[0]
        for k in range(1, lanes):
            largest = max(largest, floats(room)[k])
        for i in range(whole, length):
            largest = max(largest, floats(x)[i])
        sums = splat(np.float32(0), lanes)
        for i in range(0, length, lanes):
            left = length - i
            value = exponential(subtract(load_part(x + i * 4, left, lanes), splat(largest, lanes)))
            store_part(y + i * 4, value, left)
            sums = add(sums, load_part(y + i * 4, left, lanes))
        store(room, sums)
        total = np.float32(0)
        for k in range(lanes):
            total += floats(room)[k]
        for i in range(0, length, lanes):
            store_part(y + i * 4, divide(load_part(y + i * 4, length - i, lanes), splat(total, lanes)), length - i)

    return kernel(softmax)


@cache
def columns_kernel(lanes: int) -> Any:
    """Record: x, y; length of the axis, elements behind it, how many of those a task takes, tasks to cover them."""

    def softmax(args: Any, task: Any) -> None:
        length, inner, each, parts = args[2], args[3], args[4], args[5]
        base = task // parts * length * inner
        begin = task % parts * each
        for i in range(begin, min(inner, begin + each), lanes):
            left = inner - i
            x, y = args[0] + (base + i) * 4, args[1] + (base + i) * 4
            largest = load_part(x, left, lanes)
            for k in range(1, length):
                largest = maximum(load_part(x + k * inner * 4, left, lanes), largest)
            total = splat(np.float32(0), lanes)
            for k in range(length):
                value = exponential(subtract(load_part(x + k * inner * 4, left, lanes), largest))
                store_part(y + k * inner * 4, value, left)
                total = add(total, value)
            for k in range(length):
                there = y + k * inner * 4
                store_part(there, divide(load_part(there, left, lanes), total), left)

    return kernel(softmax)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Softmax of a plain float32 tensor."""
    x = call.need(0)
    if x.dtype != np.float32 or x.layout != "plain":
        return None
    axis, end = call.attributes["axis"], call.attributes["axis"] + call.attributes["extent"]
    length, inner, tasks, lanes = prod(x.shape[axis:end]), prod(x.shape[end:]), prod(x.shape[:axis]), target.lanes
    if inner == 1:
        step = CpuStep(rows_kernel(lanes).address, (read(0), write()), (length,), tasks, "Softmax")
        return CpuLowering((step,))
    vectors = max(1, TASK_ELEMENTS // max(1, length * lanes))
    each = vectors * lanes
    parts = -(-inner // each)
    numbers = (length, inner, each, parts)
    step = CpuStep(columns_kernel(lanes).address, (read(0), write()), numbers, tasks * parts, "Softmax")
    return CpuLowering((step,))
