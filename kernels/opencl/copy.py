"""Plain byte copies: Reshape and its like, and rows of a concatenation."""

from __future__ import annotations

from math import prod

from kernels.op import Call, GpuLowering, GpuStep, Operand, Spec, read, write
from kernels.opencl.grid import grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

_ELEMENTS = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong"}


def lower_copy(call: Call, target: GpuTarget) -> GpuLowering | None:
    """The input's elements under another shape; a blocked tensor keeps its own."""
    x, y = call.need(0), call.outputs[0]
    if element(x) is None or x.layout != y.layout:
        return None
    if x.layout == "blocked":
        rows, length, strides = x.shape[0], prod(x.stored[1:]), (x.stride, y.stride)
    else:
        rows, length, strides = 1, prod(x.shape), (0, 0)
    return GpuLowering((copy_rows(x, read(0), rows, length, strides, 0, target),))


def element(spec: Spec) -> str | None:
    """The unsigned integer type of a spec's elements, None where there is none."""
    return _ELEMENTS.get(spec.dtype.itemsize)


def copy_rows(
    x: Spec,
    source: Operand,
    rows: int,
    length: int,
    strides: tuple[int, int],
    first: int,
    target: GpuTarget,
) -> GpuStep:
    """Copy `rows` rows of `length` elements from `source` to the output, the first one to element `first`."""
    row = grid(length, target)
    return GpuStep(
        template("copy"),
        "copy",
        (source, write()),
        (row.span, length, *strides, first),
        (row.items, rows),
        (row.group, 1),
        (("ELEMENT", str(element(x))),),
    )
