"""Operators on the CPU that only move numbers: copies, transposes, slices, concatenation, changes of layout."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from kernels.cpu.record import floats, kernel
from kernels.cpu.strided import strided
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, Operand, Spec, constant, read, write
from kernels.view import dense_strides, transposed

WORD = 4  # bytes of a moved element: float32, int32


def _one(step: CpuStep | None) -> CpuLowering | None:
    return None if step is None else CpuLowering((step,))


def lower_copy(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Reshape and its kin where the engine could not let the output be the input's memory."""
    x = call.need(0)
    if x.dtype.itemsize != WORD or x.layout != "plain":
        return None
    return _one(strided(read(0), write(), [x.size], [1], [1], target.lanes))


def lower_transpose(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Transpose: of a plain tensor, from a blocked one or to one."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype.itemsize != WORD:
        return None
    sizes, strides = transposed(x, y, call.attributes["perm"])
    return _one(strided(read(0), write(), sizes, strides, dense_strides(sizes), target.lanes))


def lower_slice(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Slice of a plain tensor: starts and steps are given for every axis, steps may be negative."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype.itemsize != WORD:
        return None
    starts, steps, strides = call.attributes["starts"], call.attributes["steps"], dense_strides(x.shape)
    first = sum(a * b for a, b in zip(starts, strides, strict=True))
    by = [a * b for a, b in zip(steps, strides, strict=True)]
    return _one(strided(read(0), write(), y.shape, by, dense_strides(y.shape), target.lanes, first))


def lower_view(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an operator whose output is the input's elements at `strides` over `sizes`."""
    sizes, strides = call.attributes["sizes"], call.attributes["strides"]
    return _one(strided(read(0), write(), sizes, strides, dense_strides(sizes), target.lanes))


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
                _blocked_part(source, spec, y, start, target)
                if blocked
                else _plain_part(source, spec, y, axis, start, target)
            )
        start += spec.shape[axis]
    return None if None in steps else CpuLowering(tuple(step for step in steps if step is not None))


def _plain_part(source: Operand, x: Spec, y: Spec, axis: int, start: int, target: CpuTarget) -> CpuStep | None:
    outer, inner = prod(x.shape[:axis]), prod(x.shape[axis:])
    pitch = prod(y.shape[axis:])
    first = start * prod(y.shape[axis + 1 :])
    return strided(source, write(), [outer, inner], [inner, 1], [pitch, 1], target.lanes, 0, first, "concat")


def _blocked_part(source: Operand, x: Spec, y: Spec, start: int, target: CpuTarget) -> CpuStep | None:
    n, c, h, w = x.shape
    if start % x.block == 0 and c % x.block == 0:
        size = c * h * w
        return strided(
            source, write(), [n, size], [x.stride, 1], [y.stride, 1], target.lanes, 0, start * h * w, "concat"
        )
    numbers = (h * w, x.stride, y.stride, c, start)
    return CpuStep(lanes_kernel(x.block).address, (source, write()), numbers, n * c, "concat")


@cache
def edge_kernel(to_blocked: bool, lanes: int) -> Any:
    """Compiled kernel.

    Record: x, y; pixels of a plane, x's and y's image strides, the block's first channel, its channels. A task is
    an image's block that channels do not fill.
    """

    def edge(args: Any, task: Any) -> None:
        area, first, count = args[2], args[5], args[6]
        x = floats(args[0] + (task * args[3] + first * area) * 4)
        y = floats(args[1] + (task * args[4] + first * area) * 4)
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

    return kernel(edge)


def lower_reorder(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Reorder, plain to blocked or back: full blocks, and the one that channels do not fill."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype.itemsize != WORD:
        return None
    n, c, h, w = x.shape
    to_blocked, area = y.layout == "blocked", h * w
    lanes = (y if to_blocked else x).block
    full, rest = divmod(c, lanes)
    source = constant(call.constants[0]) if 0 in call.constants else read(0)
    plain, blocked = (lanes * area, 1, area), (lanes * area, lanes, 1)  # by block, pixel and lane
    by_x, by_y = (plain, blocked) if to_blocked else (blocked, plain)
    steps: list[CpuStep | None] = []
    if full:
        sizes = (n, full, area, lanes)
        steps.append(
            strided(source, write(), sizes, (x.stride, *by_x), (y.stride, *by_y), target.lanes, name="reorder")
        )
    if rest:
        numbers = (area, x.stride, y.stride, full * lanes, rest)
        steps.append(CpuStep(edge_kernel(to_blocked, lanes).address, (source, write()), numbers, n, "reorder"))
    return None if None in steps else CpuLowering(tuple(step for step in steps if step is not None))
