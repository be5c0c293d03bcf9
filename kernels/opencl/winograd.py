"""Winograd's F(4x4, 3x3) for OpenCL runtimes on CPU cores: transform, multiply by the direct kernel, transform back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, scratch, write
from kernels.opencl import direct
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.space import Question, Space, Tunable
from kernels.winograd import transformed

_SIZE = 4  # outputs of a tile, each way
_PLANES = (_SIZE + 2) ** 2
_BYTES = 8  # a cycle, from the third-level cache
_LARGEST = 3.4e38

SPACE = Space(
    "winograd",
    (Tunable("winograd", (0, 1), "1: by Winograd's transforms, 0: directly"),),
    ("opencl/winograd.cl", "opencl/direct.cl"),
)


def pays(conv: Convolution, target: GpuTarget) -> bool:
    """Whether the convolution is one of Winograd's, and found faster so: by a count of cycles, if nobody measured."""
    ones = conv.strides == conv.dilations == (1, 1) and conv.group == 1
    if not ones or conv.kernel != (3, 3) or conv.x.layout != "blocked":
        return False
    inputs, outputs = conv.x.blocks * conv.block, conv.y.blocks * conv.block
    n, _, height, width = conv.y.shape
    tiles = n * ceil_div(height, _SIZE) * ceil_div(width, _SIZE)
    a_cycle = 2 * target.vector_width
    product = max(tiles * inputs * outputs / a_cycle, 4 * inputs * outputs / _BYTES)
    moved = 2 * 4 * tiles * (inputs + outputs) / _BYTES
    cycles = {1: _PLANES * (product + moved), 0: 9 * n * height * width * inputs * outputs / a_cycle}
    default = {"winograd": int(cycles[1] < cycles[0])}
    question = Question(SPACE, conv.problem, default, lambda choice: cycles[choice["winograd"]])
    return bool(target.choose(question)["winograd"])


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """Three launches over two scratch areas of planes."""
    n, _, h, w = conv.x.shape
    _, k, height, width = conv.y.shape
    v = conv.block
    high, wide = ceil_div(height, _SIZE), ceil_div(width, _SIZE)
    tiles = n * high * wide
    bias, residual = conv.operands()
    top, left, _, _ = conv.pads
    forward = GpuStep(
        template("winograd"), "winograd_in", (read(0), scratch(0)),
        (high, wide, h, w, conv.x.blocks, tiles, conv.x.stride, top, left),
        (high, conv.x.blocks, n), (1, 1, 1), (("V", v), ("RESIDUAL", 0)),
    )  # fmt: skip
    backward = GpuStep(
        template("winograd"), "winograd_out", (scratch(1), bias, residual, write()),
        (
            high, wide, height, width, conv.y.blocks, tiles, conv.y.stride,
            conv.residual.stride if conv.residual else 0, *conv.activation,
        ),
        (high, conv.y.blocks, n), (1, 1, 1), (("V", v), ("RESIDUAL", int(conv.residual is not None))),
    )  # fmt: skip
    weights = np.zeros((conv.y.blocks * v, conv.x.blocks * v, 3, 3), np.float32)
    weights[:k, : conv.x.shape[1]] = conv.weights
    split = transformed(weights, _SIZE).reshape(_PLANES, conv.y.blocks, v, conv.x.blocks, v)
    packed = split.transpose(0, 1, 3, 4, 2).astype(np.float32)
    row = replace(conv, y=replace(conv.y, shape=(_PLANES, k, 1, tiles)))
    choice = direct.choose(row, v, conv.x.blocks, target, grouped=False, rows_last=True)
    pixels, blocks, rows_last = choice["pixels"], choice["blocks"], choice["rows_last"]
    across = (ceil_div(conv.y.blocks, blocks), _PLANES)
    nothing = constant(np.zeros(conv.y.blocks * v, np.float32))
    offsets = np.arange(conv.x.blocks, dtype=np.int32) * tiles * v
    product = GpuStep(
        template("direct"), "direct",
        (
            scratch(0), constant(packed), constant(offsets), constant(np.zeros(conv.y.blocks, np.int32)), nothing,
            nothing, scratch(1),
        ),
        (
            1, tiles, conv.y.blocks, conv.x.blocks, 0, tiles * v, conv.x.blocks * tiles * v,
            conv.y.blocks * tiles * v, 0, conv.y.blocks * conv.x.blocks * v * v, -_LARGEST, _LARGEST, 0.0,
        ),
        (ceil_div(tiles, pixels), *(across if rows_last else across[::-1])), (1, 1, 1),
        (
            ("V", v), ("T", pixels), ("NB", blocks), ("RUN", v), ("UNROLL", choice["unroll"]), ("PIXEL", v),
            ("RESIDUAL", 0), ("ROW_AXIS", 2 if rows_last else 1),
        ),
    )  # fmt: skip
    plane = 4 * _PLANES * tiles * v
    return GpuLowering((forward, product, conv.tail.on(backward)), (plane * conv.x.blocks, plane * conv.y.blocks))
