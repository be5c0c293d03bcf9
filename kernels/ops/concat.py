"""Concat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernels.cpu import move as cpu
from kernels.op import Call, Case, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import concat as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """Any tensors of four-byte elements that agree but in one axis -> their concatenation along it."""
    given = [x for x in inputs if x is not None]
    first = given[0]
    if first.dtype.itemsize != 4:
        return None
    axis = attributes.get("axis", 1) % len(first.shape)
    for i, x in enumerate(given):
        same = [k for k in range(len(x.shape)) if k != axis and x.shape[k] != first.shape[k]]
        if len(x.shape) != len(first.shape) or same or x.dtype != first.dtype:
            raise ValueError(f"input {i} of shape {x.shape} does not fit {first.shape} along axis {axis}")
    length = sum(x.shape[axis] for x in given)
    return {"axis": axis}, [Spec((*first.shape[:axis], length, *first.shape[axis + 1 :]), first.dtype)]


def layouts(call: Call) -> Layouts:
    """Blocked where channels of blocked images are joined."""
    images = [x for x in call.inputs if x is not None]
    blocked = call.attributes["axis"] == 1 and not call.constants and any(x.layout == "blocked" for x in images)
    layout: Layout = "blocked" if blocked else "plain"
    return (layout,) * len(call.inputs), (layout,)


OPS = (
    Op(
        "Concat", infer, cpu.lower_concat, gpu.lower, layouts=layouts,
        cases=(
            Case({"axis": 1}, ((2, 3, 4), (2, 5, 4))),
            Case({"axis": 0}, ((2, 3), (1, 3), (4, 3))),
            Case({"axis": -1}, ((2, 3, 4, 5), (2, 3, 4, 1))),
            Case({"axis": 1}, ((2, 24, 5, 5), (2, 30, 5, 5), (2, 16, 5, 5))),
        ),
    ),
)  # fmt: skip
