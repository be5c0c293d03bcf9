"""Winograd's F(4x4, 3x3) on OpenCL: transform, multiply by the kernel for 1x1 convolutions, transform back."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, Spec, read, write
from kernels.opencl import direct, implicit
from kernels.opencl.activation import LARGEST
from kernels.opencl.chain import Tail
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div, grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.sequence import sequence
from kernels.space import Question, Space, Tunable
from kernels.winograd import transformed

_SIZE = 4  # outputs of a tile, each way
_PLANES = (_SIZE + 2) ** 2
_BYTES = 8  # a CPU's core moves in a cycle, from the third-level cache
_FLOAT = 0.3  # cycles of a SIMT device's compute unit for a float that a transform moves

SPACE = Space(
    "winograd",
    (Tunable("winograd", (0, 1), "1: by Winograd's transforms, 0: directly"),),
    ("opencl/winograd.cl", "opencl/direct.cl", "opencl/implicit.cl"),
)


def pays(conv: Convolution, target: GpuTarget) -> bool:
    """Whether the convolution is one of Winograd's, and found faster so: by a count of cycles, if nobody measured."""
    ones = conv.strides == conv.dilations == (1, 1) and conv.group == 1
    if not ones or conv.kernel != (3, 3) or conv.x.layout != "blocked":
        return False
    cycles = _simt_cycles(conv, target) if target.simt else _core_cycles(conv, target)
    default = {"winograd": int(cycles[1] < cycles[0])}
    question = Question(SPACE, conv.problem, default, lambda choice: cycles[choice["winograd"]])
    return bool(target.choose(question)["winograd"])


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """Three launches, or four where the product splits its reduction, over two scratch areas of planes."""
    weights = np.zeros((conv.y.blocks * conv.block, conv.x.blocks * conv.block, 3, 3), np.float32)
    weights[: conv.y.shape[1], : conv.x.shape[1]] = conv.weights
    planes = _planes(conv)
    planes = replace(planes, weights=transformed(weights, _SIZE).reshape(planes.weights.shape))
    product = implicit.lower(planes, target) if target.simt else direct.lower(planes, target)
    behind = sequence(product, GpuLowering((_backward(conv, target),)), planes.y.nbytes)
    return sequence(GpuLowering((_forward(conv, target),)), behind, planes.x.nbytes)


def _forward(conv: Convolution, target: GpuTarget) -> GpuStep:
    n, _, height, width = conv.x.shape
    high, wide = _tiles(conv)
    lanes = target.block_lanes(conv.block)
    items = grid(high * wide * conv.block // lanes, target)
    return GpuStep(
        template("winograd"), "winograd_in", (read(0), write()),
        (
            items.span, high * wide, wide, height, width, conv.x.blocks, n * high * wide, conv.x.stride, *conv.pads[:2],
        ),
        (items.items, conv.x.blocks, n), (items.group, 1, 1), (("V", lanes), ("BLOCK", conv.block), ("RESIDUAL", 0)),
    )  # fmt: skip


def _backward(conv: Convolution, target: GpuTarget) -> GpuStep:
    n, _, height, width = conv.y.shape
    high, wide = _tiles(conv)
    lanes = target.block_lanes(conv.block)
    items = grid(high * wide * conv.block // lanes, target)
    bias, residual = conv.operands()
    step = GpuStep(
        template("winograd"), "winograd_out", (read(0), bias, residual, write()),
        (
            items.span, high * wide, wide, height, width, conv.y.blocks, n * high * wide, conv.y.stride,
            conv.residual.stride if conv.residual else 0, *conv.activation,
        ),
        (items.items, conv.y.blocks, n), (items.group, 1, 1),
        (("V", lanes), ("BLOCK", conv.block), ("RESIDUAL", int(conv.residual is not None))),
    )  # fmt: skip
    return conv.tail.on(step)


def _tiles(conv: Convolution) -> tuple[int, int]:
    """Tiles of an image, down and across."""
    height, width = conv.y.shape[2:]
    return ceil_div(height, _SIZE), ceil_div(width, _SIZE)


def _planes(conv: Convolution) -> Convolution:
    """The products, weights left out: a 1x1 convolution with a group a plane, whose pixels are all images' tiles."""
    inputs, outputs = conv.x.blocks * conv.block, conv.y.blocks * conv.block
    tiles = conv.y.shape[0] * prod(_tiles(conv))
    weights = np.broadcast_to(np.float32(0), (_PLANES * outputs, inputs, 1, 1))
    x, y = (Spec((1, _PLANES * count, 1, tiles), layout="blocked", block=conv.block) for count in (inputs, outputs))
    return replace(
        conv, x=x, y=y, weights=weights, bias=None, residual=None, kernel=(1, 1),
        pads=(0, 0, 0, 0), group=_PLANES, activation=(-LARGEST, LARGEST, 0.0), tail=Tail(), accompanied=False,
    )  # fmt: skip


def _simt_cycles(conv: Convolution, target: GpuTarget) -> dict[int, float]:
    """Cycles of a SIMT device, directly and by transforms: a tile's 36 numbers and 16 are moved on either side."""
    planes = _planes(conv)
    moved = (planes.x.size + planes.y.size) * (1 + _SIZE**2 / _PLANES)
    transforms = 2 * implicit.LAUNCH + _FLOAT * moved / target.compute_units
    return {0: implicit.cycles(conv, target), 1: implicit.cycles(planes, target) + transforms}


def _core_cycles(conv: Convolution, target: GpuTarget) -> dict[int, float]:
    """Cycles of a CPU's core, directly and by transforms."""
    inputs, outputs = conv.x.blocks * conv.block, conv.y.blocks * conv.block
    n, _, height, width = conv.y.shape
    tiles = n * prod(_tiles(conv))
    a_cycle = 2 * target.vector_width
    product = max(tiles * inputs * outputs / a_cycle, 4 * inputs * outputs / _BYTES)
    moved = 2 * 4 * tiles * (inputs + outputs) / _BYTES
    return {1: _PLANES * (product + moved), 0: 9 * n * height * width * inputs * outputs / a_cycle}
