"""Shuffle of channels between groups, on blocked images."""

from __future__ import annotations

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch, a work-item a float; a work-group is a pixel's block."""
    x, y = call.need(0), call.outputs[0]
    n, c, h, w = x.shape
    step = GpuStep(
        template("shuffle"),
        "shuffle_channels",  # `shuffle` is OpenCL C's own
        (read(0), write()),
        (h * w, c, call.attributes["groups"], x.stride, y.stride),
        (h * w * x.block, x.blocks, n),
        (x.block, 1, 1),
        (("BLOCK", x.block),),
    )
    return GpuLowering((step,))
