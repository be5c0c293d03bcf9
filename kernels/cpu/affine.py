"""Scale and shift of every channel on the CPU, with a fused clamp."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.chain import pass_on, tail
from kernels.cpu.record import floats, kernel, number
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import fma, load, maximum, minimum, splat, store
from kernels.op import Call, CpuLowering, CpuStep, Operand, constant, read, write


@cache
def blocked_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: x, y, scale, shift; pixels a task, tasks a plane, blocks, pixels of a plane, x's and y's image
    strides; low, high, slope; a chain.
    """

    def affine(args: Any, task: Any) -> None:
        parts, blocks, area = args[5], args[6], args[7]
        image, block = task // (parts * blocks), task // parts % blocks
        scale = load(args[2] + block * lanes * 4, lanes)
        shift = load(args[3] + block * lanes * 4, lanes)
        low, high = splat(number(args, 10), lanes), splat(number(args, 11), lanes)
        slope, zero = splat(number(args, 12), lanes), splat(0.0, lanes)
        x = args[0] + (image * args[8] + block * area * lanes) * 4
        y = args[1] + (image * args[9] + block * area * lanes) * 4
        begin = task % parts * args[4]
        for pixel in range(begin, min(area, begin + args[4])):
            value = fma(load(x + pixel * lanes * 4, lanes), scale, shift)
            clamped = minimum(high, maximum(low, value))
            store(y + pixel * lanes * 4, fma(slope, minimum(value, zero), clamped))
        count = (min(area, begin + args[4]) - begin) * lanes
        pass_on(args, 13, y + begin * lanes * 4, count, image, block, begin * lanes)

    return kernel(affine)


@cache
def plain_kernel() -> Any:
    """Record: x, y, scale, shift; channels, elements of a channel; low, high, slope; a chain. A task is one channel."""

    def affine(args: Any, task: Any) -> None:
        size = args[5]
        scale, shift = floats(args[2])[task % args[4]], floats(args[3])[task % args[4]]
        low, high, slope = number(args, 6), number(args, 7), number(args, 8)
        x, y = floats(args[0] + task * size * 4), floats(args[1] + task * size * 4)
        for i in range(size):
            value = x[i] * scale + shift
            y[i] = min(max(value, low), high) + slope * min(value, np.float32(0))
        pass_on(args, 9, args[1] + task * size * 4, size, task // args[4], task % args[4], 0)

    return kernel(affine)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Affine: X (N, C, ...), scale (C) and shift (C) constant."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype != np.float32 or not {1, 2} <= set(call.constants):
        return None
    n, c = x.shape[:2]
    operands = (read(0), write())
    if x.layout == "plain":
        size = x.size // max(1, n * c)
        values = tuple(constant(call.constants[i].astype(np.float32)) for i in (1, 2))
        chain = tail(call, target.lanes)
        return _lowering(plain_kernel(), (*operands, *values), (c, size, *clamp_of(call)), n * c, chain)
    area = x.shape[2] * x.shape[3]
    padded = []
    for i in (1, 2):
        full = np.zeros(x.blocks * x.block, np.float32)
        full[:c] = call.constants[i]
        padded.append(constant(full))
    each, parts = split(area, x.block)
    numbers = (each, parts, x.blocks, area, x.stride, y.stride, *clamp_of(call))
    kernel, tasks = blocked_kernel(x.block), n * x.blocks * parts
    return _lowering(kernel, (*operands, *padded), numbers, tasks, tail(call, x.block))


def _lowering(
    kernel: Any, operands: tuple[Operand, ...], numbers: tuple[int | float, ...], tasks: int, chain: tuple[Operand, ...]
) -> CpuLowering:
    step = CpuStep(kernel.address, (*operands, *chain), numbers, tasks, "affine", len(chain))
    return CpuLowering((step,))
