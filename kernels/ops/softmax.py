"""Softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import softmax as cpu
from kernels.op import Call, Case, Inferred, Op, Spec
from kernels.opencl import softmax as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X -> the same. `extent` is how many dimensions from the axis on are taken together: all before opset 13."""
    x = inputs[0]
    if x is None or x.dtype != np.float32 or not x.shape:
        return None
    axis = attributes.get("axis", 1 if opset < 13 else -1) % len(x.shape)
    return {"axis": axis, "extent": len(x.shape) - axis if opset < 13 else 1}, [Spec(x.shape)]


def flops(call: Call) -> int:
    """Some ten a number, the exponential among them."""
    return 10 * prod(call.outputs[0].shape)


OPS = (
    Op(
        "Softmax", infer, cpu.lower, gpu.lower, flops=flops,
        cases=(
            Case({}, ((2, 1000),), low=-20, high=20),
            Case({"axis": 1}, ((2, 21, 3, 4),)),
            Case({"axis": -1}, ((1, 50, 2),), low=80, high=100),
        ),
    ),
)  # fmt: skip
