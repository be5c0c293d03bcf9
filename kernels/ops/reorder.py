"""Reorder: from the plain layout to the blocked one, or back; the layout pass makes it, no model holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernels.cpu import move as cpu
from kernels.op import Call, Inferred, Layouts, Op, Spec
from kernels.opencl import reorder as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W) -> the same; the attribute `layout` is the output's."""
    x = inputs[0]
    return None if x is None else (attributes, [Spec(x.shape, x.dtype)])


def layouts(call: Call) -> Layouts:
    """From the one to the other."""
    layout = call.attributes["layout"]
    return ("plain" if layout == "blocked" else "blocked",), (layout,)


OPS = (Op("Reorder", infer, cpu.lower_reorder, gpu.lower, layouts=layouts),)
