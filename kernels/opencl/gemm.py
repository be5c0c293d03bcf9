"""Gemm and MatMul with a constant right-hand matrix."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, constant, read, write
from kernels.opencl.activation import activation
from kernels.opencl.grid import ceil_div
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

Array = np.ndarray[Any, Any]


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over panels of columns and groups of rows; the weights are read once per group of rows."""
    a = call.need(0)
    if a.layout != "plain" or a.dtype != np.float32 or call.constants.get(1, np.zeros(0)).ndim != 2:
        return None
    if call.given(2) is not None and 2 not in call.constants:
        return None
    b = np.asarray(call.constants[1], np.float32)
    transposed = False
    if call.op == "Gemm":
        transposed = bool(call.attributes.get("transA", 0))
        b = (b.T if call.attributes.get("transB", 0) else b) * np.float32(call.attributes.get("alpha", 1))
    depth, columns = b.shape
    rows = prod(a.shape) // max(depth, 1)
    lanes = 4 if target.simt else 16
    panel = 16 if target.simt else lanes  # columns packed together, whatever the blocks of images are
    padded = ceil_div(columns, panel) * panel
    panels = np.zeros((depth, padded), np.float32)
    panels[:, :columns] = b
    bias = _bias(call, columns, padded)
    slices = min(64, target.max_work_group) // (panel // lanes) if target.simt else 1
    group = (panel // lanes) * slices
    together = min(rows, 4 if target.simt else 6)
    step = GpuStep(
        template("gemm"),
        "gemm",
        (
            read(0),
            constant(panels.reshape(depth, -1, panel).transpose(1, 0, 2)),
            constant(bias),
            write(),
        ),
        (
            rows,
            columns,
            depth,
            1 if transposed else depth,
            rows if transposed else 1,
            padded if len(bias) > 1 else 0,
            *activation(call),
        ),
        (padded // panel * group, ceil_div(rows, together)),
        (group, 1),
        (("V", lanes), ("PANEL", panel), ("SLICES", slices), ("ROWS", together)),
    )
    return GpuLowering((step,))


def _bias(call: Call, columns: int, padded: int) -> Array:
    """[1 or M][columns, padded]: beta * C, with as many rows as it really has."""
    bias = np.zeros((1, padded), np.float32)
    if call.op == "Gemm" and 2 in call.constants:
        c = np.atleast_2d(np.asarray(call.constants[2], np.float32))
        bias = np.zeros((c.shape[0], padded), np.float32)
        bias[:, :columns] = c * np.float32(call.attributes.get("beta", 1))
    return bias
