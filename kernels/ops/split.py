"""Split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import split as cpu
from kernels.op import Call, Case, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import split as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and constant sizes, or none for equal parts, the last one smaller if need be -> X's parts along an axis."""
    x = inputs[0]
    if x is None or x.dtype.itemsize != 4 or (len(inputs) > 1 and inputs[1] is not None and 1 not in constants):
        return None
    axis, count = attributes.get("axis", 0) % len(x.shape), attributes["num_outputs"]
    length = x.shape[axis]
    part = -(-length // count)
    even = [min(part, length - i * part) for i in range(count)]
    sizes = constants[1].tolist() if 1 in constants else list(attributes.get("split", even))
    if sum(sizes) != length or len(sizes) != count:
        raise ValueError(f"{count} outputs of sizes {sizes} do not make {length} along axis {axis}")
    outputs = [Spec((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype) for size in sizes]
    return {"axis": axis, "num_outputs": count}, outputs


def layouts(call: Call) -> Layouts:
    """Blocked where channels of a blocked image are dealt out."""
    x = call.need(0)
    blocked = x.layout == "blocked" and call.attributes["axis"] == 1
    layout: Layout = "blocked" if blocked else "plain"
    return (layout,), (layout,) * len(call.outputs)


OPS = (
    Op(
        "Split", infer, cpu.lower, gpu.lower, data=1, outputs=None, layouts=layouts,
        cases=(
            Case({"axis": 1, "num_outputs": 2}, ((2, 32, 5, 6),), outputs=2),
            Case({"axis": -1, "num_outputs": 3}, ((2, 3, 8),), outputs=3),
            Case({"axis": 1}, ((2, 50, 3, 4), (3,)), (1,), {1: np.array((16, 20, 14), np.int64)}, outputs=3),
        ),
    ),
)  # fmt: skip
