"""LRN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import lrn as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec
from kernels.opencl import lrn as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W) -> the same."""
    x = inputs[0]
    if x is None or len(x.shape) != 4 or x.dtype != np.float32:
        return None
    full = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0} | attributes
    # ONNX stores attributes as float32; 0.75 and its like are exact, the others lose nothing here.
    return full, [Spec(x.shape)]


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    return ("blocked",), ("blocked",)


def flops(call: Call) -> int:
    """A square and an addition for each of the window, and some ten for the power."""
    return prod(call.outputs[0].shape) * (int(call.attributes["size"]) + 11)


OPS = (
    Op(
        "LRN", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops,
        cases=(
            Case({"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0}, ((1, 64, 9, 9),)),
            Case({"size": 3, "alpha": 0.5, "beta": 0.5, "bias": 2.0}, ((2, 20, 5, 4),)),
            Case({"size": 4, "alpha": 0.9, "beta": 0.6}, ((1, 33, 3, 7),)),
            Case({"size": 21, "alpha": 0.9, "beta": 1.0}, ((1, 40, 3, 3),)),
        ),
    ),
)  # fmt: skip
