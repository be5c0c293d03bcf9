"""Channels picked from one or two blocked images, on OpenCL."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Spec, constant, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch; a work-item writes some lanes of a pixel."""
    images = [call.need(i) for i in range(len(call.inputs))]
    return GpuLowering((pick(images, call.attributes["picked"], call.outputs[0], target),))


def pick(
    images: Sequence[Spec], picked: tuple[tuple[int, int], ...], y: Spec, target: GpuTarget, position: int = 0
) -> GpuStep:
    """The step that makes the output at a position of channels, each (image, channel), of one or two blocked images."""
    n, _, h, w = y.shape
    last = len(images) - 1
    # Lanes beyond the channels repeat the first: any finite number will do there.
    spare = y.blocks * y.block - y.shape[1]
    which, channel = np.array((*picked, *picked[:1] * spare), np.int32).T
    lanes = min(4, y.block)
    row = grid(h * w, target)
    return GpuStep(
        template("channels"),
        "channels",
        (read(0), read(last), constant(np.where(which == 0, channel, ~channel)), write(position)),
        (row.span, h * w, images[0].stride, images[last].stride, y.stride),
        (row.items * (y.block // lanes), y.blocks, n),
        (row.group, 1, 1),
        (("V", lanes), ("BLOCK", y.block)),
        table=True,
    )
