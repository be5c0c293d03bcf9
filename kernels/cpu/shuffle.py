"""Shuffle of channels between groups on the CPU, on blocked images: one pass instead of two reorders."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.cpu.record import kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import collect, store
from kernels.op import Call, CpuLowering, CpuStep, Spec, constant, read, write


@cache
def shuffle_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: x, y, offsets [block][lanes] in bytes from a pixel of the first block; pixels a task, tasks a block,
    pixels, blocks, x's and y's image strides.
    """

    def shuffle(args: Any, task: Any) -> None:
        parts, area, blocks = args[4], args[5], args[6]
        image, block = task // (parts * blocks), task // parts % blocks
        x = args[0] + image * args[7] * 4
        y = args[1] + (image * args[8] + block * area * lanes) * 4
        offsets = args[2] + block * lanes * 8
        begin = task % parts * args[3]
        for pixel in range(begin, min(area, begin + args[3])):
            store(y + pixel * lanes * 4, collect(x + pixel * lanes * 4, offsets, lanes))

    return kernel(shuffle)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower ChannelShuffle, blocked in and out."""
    x, groups = call.need(0), call.attributes["groups"]
    k = np.arange(x.shape[1])
    return CpuLowering((pick(x, call.outputs[0], k % groups * (x.shape[1] // groups) + k // groups),))


def pick(x: Spec, y: Spec, channels: np.ndarray[Any, Any], position: int = 0) -> CpuStep:
    """The step that makes an output, blocked as the input, of the input's channels in the order given."""
    n, _, h, w = x.shape
    lanes = x.block
    # Lanes beyond the channels repeat the first: any finite number will do there.
    source = np.resize(channels[:1], y.blocks * lanes)
    source[: channels.size] = channels
    offsets = 4 * (source // lanes * h * w * lanes + source % lanes)
    each, parts = split(h * w, lanes)
    numbers = (each, parts, h * w, y.blocks, x.stride, y.stride)
    operands = (read(0), write(position), constant(offsets.astype(np.int64)))
    return CpuStep(shuffle_kernel(lanes).address, operands, numbers, n * y.blocks * parts, "shuffle")
