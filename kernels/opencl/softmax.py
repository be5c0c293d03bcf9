"""Softmax along one axis of a plain tensor."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch, a work-group per row; the tensor is seen as outer x axis x inner."""
    x = call.need(0)
    if x.layout != "plain" or x.dtype != np.float32 or not x.shape:
        return None
    axis, end = call.attributes["axis"], call.attributes["axis"] + call.attributes["extent"]
    length, inner = prod(x.shape[axis:end]), prod(x.shape[end:])
    rows = prod(x.shape[:axis]) * inner
    items = min(64, target.max_work_group) if target.simt else 1
    step = GpuStep(
        template("softmax"),
        "softmax",
        (read(0), write()),
        (length, inner),
        (rows * items,),
        (items,),
        (("ITEMS", items),),
    )
    return GpuLowering((step,))
