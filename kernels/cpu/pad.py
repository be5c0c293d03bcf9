"""Copies of an image into zero-padded scratch: blocked as it is, or plain with its channels interleaved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from kernels.cpu.record import floats, kernel
from kernels.cpu.vector import load, splat, store
from kernels.op import CpuStep, Spec, read, scratch


@cache
def pad_kernel(lanes: int) -> Any:
    """Record: x, padded; blocks, x's image stride, height, width, top, left, bottom, right. A task is a block."""

    def pad_block(args: Any, task: Any) -> None:
        blocks, height, width = args[2], args[4], args[5]
        top, left, bottom, right = args[6], args[7], args[8], args[9]
        x = args[0] + (task // blocks * args[3] + task % blocks * height * width * lanes) * 4
        wide = width + left + right
        y = args[1] + task * (height + top + bottom) * wide * lanes * 4
        zero = splat(0.0, lanes)
        for _ in range(top * wide):
            store(y, zero)
            y += lanes * 4
        for _ in range(height):
            for _ in range(left):
                store(y, zero)
                y += lanes * 4
            for _ in range(width):
                store(y, load(x, lanes))
                x += lanes * 4
                y += lanes * 4
            for _ in range(right):
                store(y, zero)
                y += lanes * 4
        for _ in range(bottom * wide):
            store(y, zero)
            y += lanes * 4

    return kernel(pad_block)


@cache
def interleave_kernel(channels: int) -> Any:
    """Record: x, padded; x's image stride, height, width, top, left, bottom, right. A task is a row."""

    def interleave_row(args: Any, task: Any) -> None:
        height, width = args[3], args[4]
        top, left = args[5], args[6]
        high = height + top + args[7]
        wide = width + left + args[8]
        y = floats(args[1] + task * wide * channels * 4)
        row = task % high - top
        if row < 0 or row >= height:
            for i in range(wide * channels):
                y[i] = 0.0
            return
        x = floats(args[0] + (task // high * args[2] + row * width) * 4)
        for i in range(left * channels):
            y[i] = 0.0
        for column in range(width):
            for channel in range(channels):
                y[(left + column) * channels + channel] = x[channel * height * width + column]
        for i in range((left + width) * channels, wide * channels):
            y[i] = 0.0

    return kernel(interleave_row)


def pad(x: Spec, pads: Sequence[int]) -> CpuStep:
    """Blocked x to scratch [N][blocks][H + pads][W + pads][lanes]; pads: top, left, bottom, right."""
    n, _, h, w = x.shape
    numbers = (x.blocks, x.stride, h, w, *pads)
    return CpuStep(pad_kernel(x.block).address, (read(0), scratch()), numbers, n * x.blocks, "pad")


def interleave(x: Spec, pads: Sequence[int]) -> CpuStep:
    """Plain x to scratch [N][H + pads][W + pads][C]."""
    n, c, h, w = x.shape
    numbers = (x.stride, h, w, *pads)
    tasks = n * (h + pads[0] + pads[2])
    return CpuStep(interleave_kernel(c).address, (read(0), scratch()), numbers, tasks, "interleave")
