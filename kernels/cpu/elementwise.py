"""Elementwise operators on the CPU: chains where shapes agree, broadcasting a row at a time elsewhere."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import chain
from kernels.cpu.chain import CHUNK
from kernels.cpu.function import function
from kernels.cpu.record import floats, integers, invoke, kernel
from kernels.cpu.share import TASK_ELEMENTS
from kernels.cpu.strided import offsets
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import stack
from kernels.op import Call, CpuLowering, CpuStep, Operand, constant, read, write
from kernels.view import RANK


@cache
def broadcast_kernel(lanes: int) -> Any:
    """Record: x, y, z, sizes and strides [3][RANK]; rows a task, all rows, the function. A row is the last axis."""

    def elementwise(args: Any, task: Any) -> None:
        table = integers(args[3])
        length, by_x, by_y = table[RANK - 1], table[2 * RANK - 1], table[3 * RANK - 1]
        one, other = stack(CHUNK), stack(CHUNK)
        for row in range(task * args[4], min(args[5], (task + 1) * args[4])):
            first, second = offsets(table, row, RANK - 1)
            for begin in range(0, length, CHUNK):
                count = min(CHUNK, length - begin)
                x, y = floats(args[0] + (first + begin * by_x) * 4), floats(args[1] + (second + begin * by_y) * 4)
                for i in range(count):
                    floats(one)[i] = x[i * by_x]
                    floats(other)[i] = y[i * by_y]
                z = args[2] + (row * length + begin) * 4
                invoke(args[6], (z, one, other, lanes * 4, count, 0, 0))

    return kernel(elementwise)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an operator of one input or of any number: one chain, or two inputs at a time into the output."""
    if any(spec is None or spec.dtype != np.float32 for spec in call.inputs):
        return None
    lowered = chain.lower(call, target)
    if lowered is not None:
        return lowered
    operands = [constant(call.constants[i]) if i in call.constants else read(i) for i in range(len(call.inputs))]
    steps = [_pair(call, target, operands[0], call.need(0).shape, operands[1], 1)]
    steps += [_pair(call, target, write(), call.outputs[0].shape, operands[i], i) for i in range(2, len(operands))]
    return CpuLowering(tuple(steps))


def _pair(call: Call, target: CpuTarget, x: Operand, shape: tuple[int, ...], y: Operand, second: int) -> CpuStep:
    """One step z = f(x, y)."""
    name = "Add" if call.op == "Sum" else call.op
    sizes, strides = broadcast(call.outputs[0].shape, [shape, call.need(second).shape])
    table = constant(np.array([sizes, *strides], np.int64))
    rows = prod(sizes[:-1])
    each = max(1, TASK_ELEMENTS // max(1, sizes[-1]))
    numbers = (each, rows, function(name, False, target.lanes))
    return CpuStep(broadcast_kernel(target.lanes).address, (x, y, write(), table), numbers, -(-rows // each), call.op)


def broadcast(shape: tuple[int, ...], inputs: list[tuple[int, ...]]) -> tuple[list[int], list[list[int]]]:
    """Sizes (RANK) and each input's strides (RANK) of a broadcast, neighbours that behave alike joined.

    Raises ValueError where more than RANK dimensions are left.
    """
    strides = []
    for given in inputs:
        full = (1,) * (len(shape) - len(given)) + given
        steps = [prod(full[k + 1 :]) if full[k] > 1 else 0 for k in range(len(shape))]
        strides.append(steps)
    sizes: list[int] = []
    joined: list[list[int]] = [[] for _ in inputs]
    for k, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(row[-1] == steps[k] * size for row, steps in zip(joined, strides, strict=True)):
            sizes[-1] *= size
            for row, steps in zip(joined, strides, strict=True):
                row[-1] = steps[k]
            continue
        sizes.append(size)
        for row, steps in zip(joined, strides, strict=True):
            row.append(steps[k])
    if len(sizes) > RANK:
        raise ValueError(f"broadcast of {inputs} to {shape} has {len(sizes)} dimensions; at most {RANK} can be done")
    missing = RANK - len(sizes)
    return [1] * missing + sizes, [[0] * missing + row for row in joined]
