"""Elementwise functions of two values or more: flat where shapes agree, NumPy's broadcasting elsewhere."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Operand, Shape, Spec, constant, read, write
from kernels.opencl.copy import lower_copy
from kernels.opencl.grid import ceil_div, grid, row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.opencl.unary import has_spare_lanes, image_stride, images_of, lanes_of
from kernels.view import RANK, dense_strides

Array = np.ndarray[Any, Any]
_FUNCTIONS = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu")  # as binary.cl has them


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """A launch per pair: the first two inputs, then the result so far and each further input."""
    function = "Add" if call.op == "Sum" else call.op
    y = call.outputs[0]
    if function not in _FUNCTIONS or y.dtype != np.float32:
        return None
    if len(call.inputs) == 1:
        return lower_copy(call, target)
    sides = [_side(call, position) for position in range(len(call.inputs))]
    given = [side for side in sides if side is not None]
    if len(given) < len(sides) or len(y.stored) > RANK:
        return None
    steps, left = [], given[0]
    for right in given[1:]:
        steps.append(_step(function, left, right, y, target))
        left = (write(), y.stored, _strides(y), image_stride(y))
    return GpuLowering(tuple(steps))


# An input as a step reads it: memory, shape as stored, stride per stored axis, elements between images.
_Side = tuple[Operand, Shape, Shape, int]


def _side(call: Call, position: int) -> _Side | None:
    spec, y = call.need(position), call.outputs[0]
    value = call.constants.get(position)
    if spec.dtype != np.float32:
        return None
    if value is not None and y.layout == "blocked" and spec.layout == "plain":
        packed = _blocked_constant(np.asarray(value), y)
        if packed is None:
            return None
        strides = dense_strides(packed.shape)
        return constant(packed), packed.shape, strides, strides[0]
    if spec.layout != y.layout:
        return None
    if y.layout == "blocked" and spec.shape[1] != y.shape[1]:
        return None  # one channel for all of them would have to be spread over a block's lanes
    operand = read(position) if value is None else constant(np.asarray(value, np.float32))
    return operand, spec.stored, _strides(spec), image_stride(spec)


def _strides(spec: Spec) -> Shape:
    strides = dense_strides(spec.stored)
    return (spec.stride, *strides[1:]) if spec.layout == "blocked" else strides


def _blocked_constant(value: Array, y: Spec) -> Array | None:
    """A constant as a blocked output stores it, where it may be one value or one per channel."""
    if value.size == 1:
        return value.reshape((1,) * 5)
    if value.ndim < 3 or value.ndim > 4 or value.shape[-3] not in (1, y.shape[1]):
        return None
    wide = value.reshape((1,) * (4 - value.ndim) + value.shape)
    n, _, height, width = wide.shape
    packed = np.ones((n, y.blocks * y.block, height, width), np.float32)
    packed[:, : y.shape[1]] = wide
    return packed.reshape(n, y.blocks, y.block, height, width).transpose(0, 1, 3, 4, 2)


def _step(function: str, left: _Side, right: _Side, y: Spec, target: GpuTarget) -> GpuStep:
    mask = has_spare_lanes(y)
    channels = y.shape[1] if mask else 0
    lanes = lanes_of(y, target)
    defines = (("V", lanes), ("OP", function), ("BLOCK", y.block), ("MASK", int(mask)))
    operands = (left[0], right[0], write())
    if left[1] == right[1] == y.stored:
        images, count = images_of(y)
        row = grid(ceil_div(count, lanes), target)
        plane = prod(y.stored[2:]) if mask else 1
        return GpuStep(
            template("binary"),
            "binary",
            operands,
            (row.span, count, left[3], right[3], image_stride(y), plane, channels),
            (row.items, images),
            (row.group, 1),
            defines,
        )
    sizes = (1,) * (RANK - len(y.stored)) + y.stored
    row = row_grid(sizes[-1], target)
    pairs = ((left[1], left[2]), (right[1], right[2]), (y.stored, _strides(y)))
    strides = [_spread(shape, own) for shape, own in pairs]
    return GpuStep(
        template("binary"),
        "broadcast",
        operands,
        (row.span, channels, *sizes[1:], *(stride for axes in strides for stride in axes)),
        (row.items, prod(sizes[:-1])),
        (row.group, 1),
        defines,
    )


def _spread(shape: Shape, strides: Shape) -> Shape:
    """A stride for each of the six axes, 0 where the tensor repeats."""
    missing = (0,) * (RANK - len(shape))
    pairs = zip(shape, strides, strict=True)
    return missing + tuple(0 if size == 1 else stride for size, stride in pairs)
