"""Operators on the CPU that only move numbers: copies, transposes, slices, concatenation, changes of layout."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu.elementwise import RANK
from kernels.cpu.record import floats, integers, kernel
from kernels.cpu.share import TASK_ELEMENTS
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, Operand, Spec, constant, read, write
from kernels.view import dense_strides

SHORT = 16  # elements: a dimension that makes a poor innermost loop
WORD = 4  # bytes of a moved element: float32, int32


@cache
def strided_kernel() -> Any:
    """Record: x, y, table [3][RANK] of sizes and both strides; x's and y's first element, rows a task, all rows."""

    def strided(args: Any, task: Any) -> None:
        table = integers(args[2])
        length, by_x, by_y = table[RANK - 1], table[2 * RANK - 1], table[3 * RANK - 1]
        for row in range(task * args[5], min(args[6], (task + 1) * args[5])):
            rest = row
            first, second = args[3], args[4]
            for k in range(RANK - 2, -1, -1):
                index = rest % table[k]
                rest //= table[k]
                first += index * table[RANK + k]
                second += index * table[2 * RANK + k]
            x, y = floats(args[0] + first * 4), floats(args[1] + second * 4)
            for i in range(length):
                y[i * by_y] = x[i * by_x]

    return kernel(strided)


def strided(
    x: Operand,
    y: Operand,
    sizes: list[int],
    x_strides: list[int],
    y_strides: list[int],
    x_first: int = 0,
    y_first: int = 0,
    name: str = "copy",
) -> CpuStep | None:
    """y[i...] = x[i...] over up to RANK dimensions; None where there are more. Strides in elements."""  # fmt: skip
    kept = [k for k, size in enumerate(sizes) if size != 1]
    rows: list[list[int]] = [[], [], []]
    for k in kept:
        if rows[0] and rows[1][-1] == x_strides[k] * sizes[k] and rows[2][-1] == y_strides[k] * sizes[k]:
            rows[0][-1] *= sizes[k]
            rows[1][-1], rows[2][-1] = x_strides[k], y_strides[k]
            continue
        for row, value in zip(rows, (sizes[k], x_strides[k], y_strides[k]), strict=True):
            row.append(value)
    if len(rows[0]) > RANK:
        return None
    rows = _longest_last(rows)
    # A single row would be a single task; cut it so that it can be shared.
    if len(rows[0]) == 1 and rows[0][0] % 64 == 0:
        length, by_x, by_y = rows[0][0] // 64, rows[1][0], rows[2][0]
        rows = [[64, length], [by_x * length, by_x], [by_y * length, by_y]]
    table = np.array([[fill] * (RANK - len(row)) + row for fill, row in zip((1, 0, 0), rows, strict=True)], np.int64)
    count = int(prod(table[0][:-1].tolist()))
    each = max(1, TASK_ELEMENTS // max(1, int(table[0][-1])))
    numbers = (x_first, y_first, each, count)
    return CpuStep(strided_kernel().address, (x, y, constant(table)), numbers, -(-count // each), name)


def _longest_last(rows: list[list[int]]) -> list[list[int]]:
    """Sizes and strides with the longest dimension innermost where the last one is short: loops have their price.

    Only one along which the elements of x or y are neighbours will do.
    """
    sizes, by_x, by_y = rows
    if not sizes or sizes[-1] >= SHORT:
        return rows
    near = [k for k in range(len(sizes)) if 1 in (by_x[k], by_y[k])]
    best = max(near, key=lambda k: (sizes[k], k), default=len(sizes) - 1)
    return [[*row[:best], *row[best + 1 :], row[best]] for row in rows]


def _one(step: CpuStep | None) -> CpuLowering | None:
    return None if step is None else CpuLowering((step,))


def lower_copy(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Reshape and its kin where the engine could not let the output be the input's memory."""
    x = call.need(0)
    if x.dtype.itemsize != WORD or x.layout != "plain":
        return None
    return _one(strided(read(0), write(), [x.size], [1], [1]))


def lower_transpose(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Transpose of a plain tensor."""
    x, y, perm = call.need(0), call.outputs[0], call.attributes["perm"]
    if x.dtype.itemsize != WORD:
        return None
    strides = dense_strides(x.shape)
    return _one(strided(read(0), write(), list(y.shape), [strides[k] for k in perm], list(dense_strides(y.shape))))


def lower_slice(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Slice of a plain tensor: starts and steps are given for every axis, steps may be negative."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype.itemsize != WORD:
        return None
    starts, steps, strides = call.attributes["starts"], call.attributes["steps"], dense_strides(x.shape)
    first = sum(a * b for a, b in zip(starts, strides, strict=True))
    by = [a * b for a, b in zip(steps, strides, strict=True)]
    return _one(strided(read(0), write(), list(y.shape), by, list(dense_strides(y.shape)), first))


def lower_view(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an operator whose output is the input's elements at `strides` over `sizes`."""
    sizes, strides = list(call.attributes["sizes"]), list(call.attributes["strides"])
    return _one(strided(read(0), write(), sizes, strides, list(dense_strides(sizes))))


@cache
def lanes_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: x, y; blocks' area (pixels), x's and y's image strides, channels, first channel in y. A task is one
    image's channel of x.
    """

    def copy(args: Any, task: Any) -> None:
        area, channels = args[2], args[5]
        channel = task % channels
        there = args[6] + channel
        x = floats(args[0] + (task // channels * args[3] + channel // lanes * area * lanes + channel % lanes) * 4)
        y = floats(args[1] + (task // channels * args[4] + there // lanes * area * lanes + there % lanes) * 4)
        for i in range(area):
            y[i * lanes] = x[i * lanes]

    return kernel(copy)


@cache
def clear_kernel() -> Any:
    """Record: y; first element, elements, image stride. A task is an image: its elements become zero."""

    def clear(args: Any, task: Any) -> None:
        y = floats(args[0] + (task * args[3] + args[1]) * 4)
        for i in range(args[2]):
            y[i] = 0.0

    return kernel(clear)


def lower_concat(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Concat: any axis of plain tensors, channels of blocked ones.

    The attribute `in_place` tells which inputs already lie where they belong.
    """
    y = call.outputs[0]
    if y.dtype.itemsize != WORD:
        return None
    axis = call.attributes["axis"] % len(y.shape)
    there = call.attributes.get("in_place", (False,) * len(call.inputs))
    blocked = y.layout == "blocked"
    steps: list[CpuStep | None] = []
    if blocked and y.shape[1] % y.block and not there[-1]:
        area = y.shape[2] * y.shape[3] * y.block
        last = (call.outputs[0].blocks - 1) * area
        steps.append(CpuStep(clear_kernel().address, (write(),), (last, area, y.stride), y.shape[0], "clear"))
    start = 0
    for i, _ in enumerate(call.inputs):
        spec = call.need(i)
        source = constant(call.constants[i]) if i in call.constants else read(i)
        if not there[i]:
            steps.append(
                _blocked_part(source, spec, y, start) if blocked else _plain_part(source, spec, y, axis, start)
            )
        start += spec.shape[axis]
    return None if None in steps else CpuLowering(tuple(step for step in steps if step is not None))


def _plain_part(source: Operand, x: Spec, y: Spec, axis: int, start: int) -> CpuStep | None:
    outer, inner = prod(x.shape[:axis]), prod(x.shape[axis:])
    pitch = prod(y.shape[axis:])
    first = start * prod(y.shape[axis + 1 :])
    return strided(source, write(), [outer, inner], [inner, 1], [pitch, 1], 0, first, "concat")


def _blocked_part(source: Operand, x: Spec, y: Spec, start: int) -> CpuStep | None:
    n, c, h, w = x.shape
    if start % x.block == 0 and c % x.block == 0:
        size = c * h * w
        return strided(source, write(), [n, size], [x.stride, 1], [y.stride, 1], 0, start * h * w, "concat")
    numbers = (h * w, x.stride, y.stride, c, start)
    return CpuStep(lanes_kernel(x.block).address, (source, write()), numbers, n * c, "concat")


@cache
def reorder_kernel(to_blocked: bool, lanes: int) -> Any:
    """Record: x, y; pixels of a plane, x's and y's image strides, channels, blocks. A task is a block of an image."""

    def reorder(args: Any, task: Any) -> None:
        area, channels, blocks = args[2], args[5], args[6]
        image, block = task // blocks, task % blocks
        count = min(lanes, channels - block * lanes)
        x = floats(args[0] + (image * args[3] + block * lanes * area) * 4)
        y = floats(args[1] + (image * args[4] + block * lanes * area) * 4)
        if to_blocked:
            for pixel in range(area):
                for lane in range(count):
                    y[pixel * lanes + lane] = x[lane * area + pixel]
                for lane in range(count, lanes):
                    y[pixel * lanes + lane] = 0.0
        else:
            for lane in range(count):
                for pixel in range(area):
                    y[lane * area + pixel] = x[pixel * lanes + lane]

    return kernel(reorder)


def lower_reorder(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Reorder: plain to blocked or back."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype.itemsize != WORD:
        return None
    n, c, h, w = x.shape
    blocked = y if y.layout == "blocked" else x
    address = reorder_kernel(y.layout == "blocked", blocked.block).address
    source = constant(call.constants[0]) if 0 in call.constants else read(0)
    numbers = (h * w, x.stride, y.stride, c, blocked.blocks)
    return CpuLowering((CpuStep(address, (source, write()), numbers, n * blocked.blocks, "reorder"),))
