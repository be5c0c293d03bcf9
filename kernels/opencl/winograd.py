"""Winograd's F(4x4, 3x3) on OpenCL: where it pays; on SIMT devices in three launches, on CPU cores in one."""

from __future__ import annotations

from math import prod

from kernels.op import GpuLowering, GpuStep, read, write
from kernels.opencl import implicit, winograd_band
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import grid
from kernels.opencl.planes import PLANES, SIZE, products, tiles, weighed
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.sequence import sequence
from kernels.space import Question, Space, Tunable

_BYTES = 8  # a CPU's core moves in a cycle, from the third-level cache
_FLOAT = 0.3  # cycles of a SIMT device's compute unit for a float that a transform moves

SPACE = Space(
    "winograd",
    (Tunable("winograd", (0, 1), "1: by Winograd's transforms, 0: directly"),),
    (
        "opencl/winograd.cl", "opencl/winograd_band.cl", "opencl/winograd_tile.cl", "opencl/register_tile.cl",
        "opencl/direct.cl", "opencl/implicit.cl",
    ),
)  # fmt: skip


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
    """On SIMT devices transform, multiply by the kernel for 1x1 convolutions, transform back; on CPU cores bands."""
    if not target.simt:
        return winograd_band.lower(conv, target)
    planes = weighed(conv, products(conv))
    behind = sequence(implicit.lower(planes, target), GpuLowering((_backward(conv, target),)), planes.y.nbytes)
    return sequence(GpuLowering((_forward(conv, target),)), behind, planes.x.nbytes)


def _forward(conv: Convolution, target: GpuTarget) -> GpuStep:
    n, _, height, width = conv.x.shape
    high, wide = tiles(conv)
    lanes = target.block_lanes(conv.block)
    items = grid(high * wide * conv.block // lanes, target)
    return GpuStep(
        template("winograd_tile", "winograd"), "winograd_in", (read(0), write()),
        (high * wide, wide, height, width, conv.x.blocks, n * high * wide, conv.x.stride, *conv.pads[:2]),
        (items.items, conv.x.blocks, n), (items.group, 1, 1), (("V", lanes), ("BLOCK", conv.block), ("RESIDUAL", 0)),
    )  # fmt: skip


def _backward(conv: Convolution, target: GpuTarget) -> GpuStep:
    n, _, height, width = conv.y.shape
    high, wide = tiles(conv)
    lanes = target.block_lanes(conv.block)
    items = grid(high * wide * conv.block // lanes, target)
    bias, residual = conv.operands()
    step = GpuStep(
        template("winograd_tile", "winograd"), "winograd_out", (read(0), bias, residual, write()),
        (
            high * wide, wide, height, width, conv.y.blocks, n * high * wide, conv.y.stride,
            conv.residual.stride if conv.residual else 0, *conv.activation,
        ),
        (items.items, conv.y.blocks, n), (items.group, 1, 1),
        (("V", lanes), ("BLOCK", conv.block), ("RESIDUAL", int(conv.residual is not None))),
    )  # fmt: skip
    return conv.tail.on(step)


def _simt_cycles(conv: Convolution, target: GpuTarget) -> dict[int, float]:
    """Cycles of a SIMT device, directly and by transforms: a tile's 36 numbers and 16 are moved on either side."""
    planes = products(conv)
    moved = (planes.x.size + planes.y.size) * (1 + SIZE**2 / PLANES)
    transforms = 2 * implicit.LAUNCH + _FLOAT * moved / target.compute_units
    return {0: implicit.cycles(conv, target), 1: implicit.cycles(planes, target) + transforms}


def _core_cycles(conv: Convolution, target: GpuTarget) -> dict[int, float]:
    """Cycles of a CPU's core, directly and by transforms."""
    inputs, outputs = conv.x.blocks * conv.block, conv.y.blocks * conv.block
    n, _, height, width = conv.y.shape
    count = n * prod(tiles(conv))
    a_cycle = 2 * target.vector_width
    product = max(count * inputs * outputs / a_cycle, 4 * inputs * outputs / _BYTES)
    moved = 2 * 4 * count * (inputs + outputs) / _BYTES
    return {1: PLANES * (product + moved), 0: 9 * n * height * width * inputs * outputs / a_cycle}
