"""Functions of two plain tensors whose shapes differ: NumPy's broadcasting, one value at a time."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.chain import BINARY
from kernels.op import Call, GpuLowering, GpuStep, Operand, Shape, constant, read, write
from kernels.opencl.grid import row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.view import RANK, dense_strides


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """A launch per pair: the first two inputs, then the result so far and each further input."""
    function, y = "Add" if call.op == "Sum" else call.op, call.outputs[0]
    if function not in BINARY or len(y.shape) > RANK:
        return None
    sides: list[tuple[Operand, Shape]] = []
    for position in range(len(call.inputs)):
        spec, value = call.need(position), call.constants.get(position)
        if spec.dtype != np.float32 or spec.layout != "plain":
            return None
        sides.append((read(position) if value is None else constant(value), spec.shape))
    steps, left = [], sides[0]
    for right in sides[1:]:
        steps.append(_step(function, left, right, y.shape, target))
        left = (write(), y.shape)
    return GpuLowering(tuple(steps))


def _step(
    function: str, left: tuple[Operand, Shape], right: tuple[Operand, Shape], shape: Shape, target: GpuTarget
) -> GpuStep:
    sizes = (1,) * (RANK - len(shape)) + shape
    row = row_grid(sizes[-1], target)
    strides = [stride for each in (left[1], right[1], shape) for stride in _spread(each)]
    return GpuStep(
        template("broadcast"),
        "broadcast",
        (left[0], right[0], write()),
        (row.span, *sizes[1:], *strides),
        (row.items, prod(sizes[:-1])),
        (row.group, 1),
        (("OP", function),),
    )


def _spread(shape: Shape) -> Shape:
    """A stride for each of the six axes, 0 where the tensor repeats."""
    missing = (0,) * (RANK - len(shape))
    return missing + tuple(0 if size == 1 else stride for size, stride in zip(shape, dense_strides(shape), strict=True))
