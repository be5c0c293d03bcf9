"""Transposed convolution on OpenCL: a convolution that makes all phases as channels, then an interleaving.

Of the output, before pads are cut off, pixel stride * q + p sums the taps p + stride * j at input q - j: a convolution
of the same window in q for every phase p (arXiv 1609.07009).
"""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Spec, constant, read, write
from kernels.opencl import conv
from kernels.opencl.activation import activation
from kernels.opencl.convolution import Array
from kernels.opencl.grid import ceil_div
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.sequence import sequence
from kernels.transposed import as_convolution


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """Whatever launches the convolution takes, and one more."""
    x, y, group = call.need(0), call.outputs[0], call.attributes["group"]
    (sh, sw), (top, left, _, _) = call.attributes["strides"], call.attributes["pads"]
    n, channels, height, width = y.shape
    share = channels // group
    # The phases of a single group begin at whole blocks.
    apart = y.blocks * y.block if group == 1 else share
    weights = _phases(call, apart)
    high, wide = ceil_div(height + top, sh), ceil_div(width + left, sw)
    (rows, columns), (h, w) = weights.shape[2:], x.shape[2:]
    attributes = {
        "kernel_shape": (rows, columns), "strides": (1, 1), "dilations": (1, 1), "group": group,
        "pads": (rows - 1, columns - 1, high - h, wide - w),
    }  # fmt: skip
    phases = Spec((n, weights.shape[0], high, wide), layout="blocked", block=y.block)
    made = conv.lower(Call("Conv", attributes, (x, Spec(weights.shape)), (phases,), {1: weights}), target)
    if made is None:
        return None
    bias = np.zeros(y.blocks * y.block, np.float32)
    if 2 in call.constants:
        bias[:channels] = call.constants[2]
    packed, residual = constant(bias), call.given(3)
    last = GpuStep(
        template("interleave"), "interleave",
        (read(0), packed, packed if residual is None else read(3), write()),
        (
            height * width, width, channels, wide, high * wide, top, left, phases.stride, y.stride,
            0 if residual is None else residual.stride, *activation(call),
        ),
        (height * width * y.block, y.blocks, n), (y.block, 1, 1),
        (
            ("BLOCK", y.block), ("STRIDE_H", sh), ("STRIDE_W", sw), ("SHARE", share), ("APART", apart),
            ("RESIDUAL", int(residual is not None)),
        ),
    )  # fmt: skip
    return sequence(made, GpuLowering((last,)), phases.nbytes)


def _phases(call: Call, apart: int) -> Array:
    """Weights (group * phases * apart, C / group, rows, columns) of the convolution that makes all phases."""
    group, dilations = call.attributes["group"], call.attributes["dilations"]
    sh, sw = call.attributes["strides"]
    weights = as_convolution(call.constants[1], group)
    k, c, *window = weights.shape
    rows, columns = (
        ceil_div((size - 1) * apart_by + 1, stride)
        for size, apart_by, stride in zip(window, dilations, (sh, sw), strict=True)
    )
    wide = np.zeros((group, apart, c, rows * sh, columns * sw), np.float32)
    dh, dw = dilations
    taps = wide[..., : (window[0] - 1) * dh + 1 : dh, : (window[1] - 1) * dw + 1 : dw]
    taps[:, : k // group] = weights.reshape(group, k // group, c, *window)
    split = wide.reshape(group, apart, c, rows, sh, columns, sw)[:, :, :, ::-1, :, ::-1]
    return np.ascontiguousarray(split.transpose(0, 4, 6, 1, 2, 3, 5).reshape(-1, c, rows, columns))
