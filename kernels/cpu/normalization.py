"""Normalisation on the CPU: the numbers of a row made of mean zero and variance one, then scaled and shifted."""

from __future__ import annotations

from functools import cache
from math import sqrt
from typing import Any

import numpy as np

from kernels.cpu.record import floats, kernel, number
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, constant, read, write


@cache
def normalize_kernel() -> Any:
    """Compiled kernel.

    Record: x, y, scales, shifts [group][channel]; elements a row, groups, channels a row, rows a task, all rows;
    epsilon.
    """

    def normalize(args: Any, task: Any) -> None:
        length, groups, channels, epsilon = args[4], args[5], args[6], number(args, 9)
        area = length // channels
        for row in range(task * args[7], min(args[8], (task + 1) * args[7])):
            x, y = floats(args[0] + row * length * 4), floats(args[1] + row * length * 4)
            first = row % groups * channels
            scales, shifts = floats(args[2] + first * 4), floats(args[3] + first * 4)
            total = np.float32(0)
            for i in range(length):
                total += x[i]
            mean = total / np.float32(length)
            squares = np.float32(0)
            for i in range(length):
                squares += (x[i] - mean) * (x[i] - mean)
            factor = np.float32(1) / np.float32(sqrt(squares / np.float32(length) + epsilon))
            if area == 1:
                for i in range(length):
                    y[i] = (x[i] - mean) * factor * scales[i] + shifts[i]
            else:
                for channel in range(channels):
                    scale, shift = factor * scales[channel], shifts[channel]
                    for i in range(channel * area, (channel + 1) * area):
                        y[i] = (x[i] - mean) * scale + shift

    return kernel(normalize, any_order=True)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower InstanceNormalization, GroupNormalization or LayerNormalization of a plain tensor."""
    rows, groups, channels = (call.attributes[name] for name in ("rows", "groups", "channels"))
    size = call.outputs[0].size // rows
    scales = np.ascontiguousarray(call.constants[1], np.float32)
    shifts = np.asarray(call.constants.get(2, np.zeros_like(scales)), np.float32)
    each, tasks = split(rows, size)
    numbers = (size, groups, channels, each, rows, float(call.attributes["epsilon"]))
    operands = (read(0), write(), constant(scales), constant(shifts))
    return CpuLowering((CpuStep(normalize_kernel().address, operands, numbers, tasks, call.op),))
