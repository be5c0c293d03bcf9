"""Reductions along axes of a plain tensor."""

from __future__ import annotations

from kernels.op import Call, GpuLowering, GpuStep, read, scratch, write
from kernels.opencl.source import template
from kernels.opencl.strided import strided
from kernels.opencl.target import GpuTarget
from kernels.reduction import OPERATORS, WAYS, Reduction


def lower(call: Call, target: GpuTarget) -> GpuLowering:
    """One launch, a work-group per result; before it, a copy where the axes lie apart."""
    found = Reduction.of(call.need(0).shape, call.attributes["axes"])
    source, steps, areas = read(0), [], []
    if found.sizes is not None and found.strides is not None:
        source = scratch()
        steps.append(strided(read(0), source, call.need(0), found.sizes, found.strides, 0, target))
        areas.append(4 * found.outer * found.length)
    items = min(64, target.max_work_group) if target.simt else 1
    last = GpuStep(
        template("reduce"),
        "reduce",
        (source, write()),
        (found.length, found.inner, 1.0 / found.length if call.op == "ReduceMean" else 1.0),
        (found.outer * found.inner * items,),
        (items,),
        (("ITEMS", items), ("WAY", WAYS.index(OPERATORS[call.op])), ("ROOT", int(call.op == "ReduceL2"))),
    )
    return GpuLowering((*steps, last), tuple(areas))
