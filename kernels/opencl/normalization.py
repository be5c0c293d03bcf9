"""Normalisation of every image's own numbers, on plain tensors."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering:
    """One launch, a work-group per row."""
    rows, groups, channels = (call.attributes[name] for name in ("rows", "groups", "channels"))
    size = call.outputs[0].size // rows
    scales = np.asarray(call.constants[1], np.float32)
    shifts = np.asarray(call.constants.get(2, np.zeros_like(scales)), np.float32)
    items = min(64, target.max_work_group) if target.simt else 1
    step = GpuStep(
        template("normalization"),
        "normalize_rows",  # `normalize` is OpenCL C's own
        (read(0), write(), constant(scales), constant(shifts)),
        (size, groups, channels, size // channels, float(call.attributes["epsilon"])),
        (rows * items,),
        (items,),
        (("ITEMS", items),),
    )
    return GpuLowering((step,))
