"""One strided copy of up to six axes: what Transpose and Slice are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kernels.op import Call, GpuLowering, GpuStep, Operand, Shape, Spec, read, write
from kernels.opencl.copy import element
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.view import RANK


def copy_strided(call: Call, strides: Sequence[int], first: int, target: GpuTarget) -> GpuLowering | None:
    """The output, dense, from the input's elements at `first` and on, a stride per output axis."""
    x, y = call.need(0), call.outputs[0]
    if len(y.shape) > RANK or "blocked" in (x.layout, y.layout) or element(x) is None:
        return None
    if prod(y.shape) == 0:
        return GpuLowering(())
    return GpuLowering((strided(read(0), write(), x, y.shape, strides, first, target),))


def lower_view(call: Call, target: GpuTarget) -> GpuLowering:
    """An operator whose output is the input's elements at `strides` over `sizes`."""
    sizes, strides = call.attributes["sizes"], call.attributes["strides"]
    return GpuLowering((strided(read(0), write(), call.need(0), sizes, strides, 0, target),))


def strided(
    source: Operand, there: Operand, x: Spec, shape: Shape, strides: Sequence[int], first: int, target: GpuTarget
) -> GpuStep:
    """The step: dense memory of a shape from elements of `source`, whose type is x's."""
    row = grid(prod(shape), target)
    missing = RANK - len(shape)
    return GpuStep(
        template("strided"),
        "strided",
        (source, there),
        (
            row.span,
            prod(shape),
            int(first),
            *((1,) * missing + tuple(shape))[1:],
            *(0,) * missing,
            *(int(stride) for stride in strides),
        ),
        (row.items,),
        (row.group,),
        (("ELEMENT", str(element(x))),),
    )
