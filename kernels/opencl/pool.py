"""MaxPool, AveragePool and their global forms, on blocked tensors."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.grid import row_grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch; any of the four operators by its name."""
    x = call.need(0)
    if x.layout != "blocked" or x.dtype != np.float32 or len(call.outputs) != 1:
        return None
    return (_whole if call.op.startswith("Global") else _windows)(call, target)


def _windows(call: Call, target: GpuTarget) -> GpuLowering:
    x, y, get = call.need(0), call.outputs[0], call.attributes.get
    n, _, height, width = y.shape
    kernel, pads = call.attributes["kernel_shape"], get("pads") or (0, 0, 0, 0)
    strides, dilations = get("strides") or (1, 1), get("dilations") or (1, 1)
    average = 0 if call.op == "MaxPool" else 2 if get("count_include_pad") else 1
    lanes = target.block_lanes(x.block)
    row = row_grid(width * (x.block // lanes), target)
    step = GpuStep(
        template("pool"),
        "pool",
        (read(0), write()),
        (row.span, height, width, x.blocks, x.shape[2], x.shape[3], x.stride, y.stride),
        (row.items, height, n * x.blocks),
        (row.group, 1, 1),
        (
            ("V", lanes),
            ("BLOCK", x.block),
            ("AVERAGE", average),
            ("KH", kernel[0]),
            ("KW", kernel[1]),
            ("STRIDE_H", strides[0]),
            ("STRIDE_W", strides[1]),
            ("DILATION_H", dilations[0]),
            ("DILATION_W", dilations[1]),
            ("PAD_TOP", pads[0]),
            ("PAD_LEFT", pads[1]),
            ("PAD_BOTTOM", pads[2]),
            ("PAD_RIGHT", pads[3]),
        ),
    )
    return GpuLowering((step,))


def _whole(call: Call, target: GpuTarget) -> GpuLowering:
    x, y = call.need(0), call.outputs[0]
    lanes = target.block_lanes(x.block)
    parts = x.block // lanes
    items = max(parts, min(64, target.max_work_group)) if target.simt else parts
    step = GpuStep(
        template("global_pool"),
        "global_pool",
        (read(0), write()),
        (x.shape[2] * x.shape[3], x.blocks, x.stride, y.stride),
        (x.shape[0] * x.blocks * items,),
        (items,),
        (
            ("V", lanes),
            ("BLOCK", x.block),
            ("AVERAGE", int(call.op == "GlobalAveragePool")),
            ("ITEMS", items),
        ),
    )
    return GpuLowering((step,))
