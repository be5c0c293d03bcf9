"""Depthwise convolution: one filter per channel, a vector of channels per work-item."""

from __future__ import annotations

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, write
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """One launch over rows; the image's edges are checked per tap."""
    block, (kh, kw) = conv.block, conv.kernel
    n, channels, height, width = conv.y.shape
    packed = np.zeros((conv.y.blocks * block, kh, kw), np.float32)
    packed[:channels] = conv.weights[:, 0]
    weights = packed.reshape(-1, block, kh, kw).transpose(0, 2, 3, 1)  # [block][kh][kw][lane]
    bias, residual = conv.operands()
    lanes = target.block_lanes(block)
    row = row_grid(width * (block // lanes), target)
    step = GpuStep(
        template("depthwise"),
        "depthwise",
        (read(0), constant(weights), bias, residual, write()),
        (
            row.span,
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
        (row.items, height, n * conv.y.blocks),
        (row.group, 1, 1),
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
    return GpuLowering((step,))
