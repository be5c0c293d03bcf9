"""One strided copy of up to six axes: what Transpose and Slice are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kernels.op import Call, GpuLowering, GpuStep, Shape, read, write
from kernels.opencl.copy import element
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

AXES = 6  # what the template has


def copy_strided(call: Call, strides: Sequence[int], first: int, target: GpuTarget) -> GpuLowering | None:
    """The output, dense, from the input's elements at `first` and on, a stride per output axis."""
    x, y = call.need(0), call.outputs[0]
    if len(y.shape) > AXES or "blocked" in (x.layout, y.layout) or element(x) is None:
        return None
    if prod(y.shape) == 0:
        return GpuLowering(())
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
            *(0,) * missing,
            *(int(stride) for stride in strides),
        ),
        (row.items,),
        (row.group,),
        (("ELEMENT", str(element(x))),),
    )
    return GpuLowering((step,))


def dense(shape: Shape) -> Shape:
    """Strides, in elements, of a row-major array."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
