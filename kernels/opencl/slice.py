"""Slice."""

from __future__ import annotations

from kernels.op import Call, GpuLowering
from kernels.opencl.strided import copy_strided
from kernels.opencl.target import GpuTarget
from kernels.view import dense_strides


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch: the input's strides times the steps, which may be negative, from the starts on."""
    strides = dense_strides(call.need(0).shape)
    starts, steps = call.attributes["starts"], call.attributes["steps"]
    first = sum(start * stride for start, stride in zip(starts, strides, strict=True))
    paces = [step * stride for step, stride in zip(steps, strides, strict=True)]
    return copy_strided(call, paces, first, target)
