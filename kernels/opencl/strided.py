"""Transpose and Slice: one strided copy of up to six axes."""

from __future__ import annotations

from math import prod

from kernels.op import Call, GpuLowering, GpuStep, Shape, read, write
from kernels.opencl.copy import element
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

AXES = 6  # what the template has


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over the output's elements."""
    x, y = call.need(0), call.outputs[0]
    if len(x.shape) > AXES or "blocked" in (x.layout, y.layout) or element(x) is None:
        return None
    strides, first = list(dense(x.shape)), 0
    if call.op == "Transpose":
        perm = call.attributes.get("perm") or range(len(x.shape))[::-1]
        strides = [strides[axis] for axis in perm]
    else:
        names = ("starts", "axes", "steps")
        for start, axis, pace in zip(*(call.attributes[name] for name in names), strict=True):
            if pace <= 0:
                return None
            first += start * strides[axis]
            strides[axis] *= pace
    row = grid(prod(y.shape), target)
    missing = AXES - len(y.shape)
    step = GpuStep(
        template("strided"),
        "strided",
        (read(0), write()),
        (
            row.span,
            prod(y.shape),
            int(first),
            *((1,) * missing + y.shape)[1:],
            *(int(stride) for stride in [0] * missing + strides),
        ),
        (row.items,),
        (row.group,),
        (("ELEMENT", str(element(x))),),
    )
    return GpuLowering((step,))


def dense(shape: Shape) -> Shape:
    """Strides, in elements, of a row-major array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
