"""Depthwise convolution: one filter per channel, a vector of channels per work-item."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, write
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div, round_up, row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.space import Choice, Question, Space, Tunable

_RESIDENT = 2048  # work-items that a SIMT device's compute unit works on at a time
_ITEM = 30  # vectors' loads that beginning a work-item is worth, and a position in it
_POSITION = 4

SPACE = Space(
    "depthwise",
    (
        Tunable("lanes", (1, 2, 4, 8, 16), "channels that a work-item does at a time"),
        Tunable("span", tuple(1 << i for i in range(13)), "neighbouring positions that a work-item does, at most"),
        Tunable("group", (1, 8, 16, 32, 64, 128, 256), "work-items of a group"),
    ),
    ("opencl/depthwise.cl",),
)


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """One launch over rows; the image's edges are checked per tap."""
    block, (kh, kw) = conv.block, conv.kernel
    n, channels, height, width = conv.y.shape
    packed = np.zeros((conv.y.blocks * block, kh, kw), np.float32)
    packed[:channels] = conv.weights[:, 0]
    weights = packed.reshape(-1, block, kh, kw).transpose(0, 2, 3, 1)  # [block][kh][kw][lane]
    bias, residual = conv.operands()
    choice = _choose(conv, target)
    lanes, span, group = choice["lanes"], choice["span"], choice["group"]
    items = round_up(ceil_div(width * block // lanes, span), group)
    step = GpuStep(
        template("depthwise"),
        "depthwise",
        (read(0), constant(weights), bias, residual, write()),
        (
            span,
            height,
            width,
            conv.y.blocks,
            conv.x.shape[2],
            conv.x.shape[3],
            conv.x.stride,
            conv.y.stride,
            conv.residual.stride if conv.residual else 0,
            *conv.activation,
        ),
        (items, height, n * conv.y.blocks),
        (group, 1, 1),
        (
            ("V", lanes),
            ("BLOCK", block),
            ("KH", kh),
            ("KW", kw),
            ("STRIDE_H", conv.strides[0]),
            ("STRIDE_W", conv.strides[1]),
            ("DILATION_H", conv.dilations[0]),
            ("DILATION_W", conv.dilations[1]),
            ("PAD_TOP", conv.pads[0]),
            ("PAD_LEFT", conv.pads[1]),
            ("RESIDUAL", int(conv.residual is not None)),
        ),
    )
    return GpuLowering((conv.tail.on(step),))


def _choose(conv: Convolution, target: GpuTarget) -> Choice:
    """Lanes, span and group: by default one position an item on SIMT devices, a row on CPU cores."""
    n, _, height, width = conv.y.shape
    vector = 4 if target.simt else target.vector_width
    at_once = target.compute_units * (_RESIDENT if target.simt else 1)

    def cost(choice: Choice) -> float:
        lanes, span, group = choice["lanes"], choice["span"], choice["group"]
        if conv.block % lanes or group > (target.max_work_group if target.simt else 1):
            return float("inf")
        row = width * conv.block // lanes
        items = round_up(ceil_div(row, span), group) * height * n * conv.y.blocks
        loads = min(span, row) * (2 * prod(conv.kernel) * ceil_div(lanes, vector) + _POSITION)
        return ceil_div(items, at_once) * (_ITEM + loads)

    lanes = target.block_lanes(conv.block)
    row = row_grid(width * conv.block // lanes, target)
    span = 1 << min((row.span - 1).bit_length(), 12)
    return target.choose(Question(SPACE, conv.problem, {"lanes": lanes, "span": span, "group": row.group}, cost))
