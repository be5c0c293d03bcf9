"""Shuffle of channels between groups, on blocked images."""

from __future__ import annotations

from kernels.op import Call, GpuLowering, GpuStep, Spec, read, write
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch, a work-item a float; a work-group is a pixel's block."""
    return GpuLowering((pick(call.need(0), call.outputs[0], call.attributes["groups"], 0),))


def pick(x: Spec, y: Spec, groups: int, first: int, position: int = 0) -> GpuStep:
    """The step that makes an output of the input's channels from `first` on, dealt out between groups."""
    n, channels, h, w = y.shape
    return GpuStep(
        template("shuffle"),
        "shuffle_channels",  # `shuffle` is OpenCL C's own
        (read(0), write(position)),
        (h * w, channels, groups, first, x.stride, y.stride),
        (h * w * x.block, y.blocks, n),
        (x.block, 1, 1),
        (("BLOCK", x.block),),
    )
