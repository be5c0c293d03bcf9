"""Affine: y = x * scale + shift for every channel, with a fused activation; what batch normalisation comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import affine as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec
from kernels.opencl import affine as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, ...), scale (C), shift (C) -> as X. The graph's passes make this operator; no model holds it."""
    x = inputs[0]
    if x is None or x.dtype != np.float32:
        return None
    return attributes, [Spec(x.shape)]


def infer_normalization(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, ...) with constant scale, shift, mean and variance; a pass turns it into an Affine."""
    x = inputs[0]
    if x is None or x.dtype != np.float32 or attributes.get("training_mode", 0) or opset < 7:
        return None
    if not {1, 2, 3, 4} <= set(constants) or len(x.shape) < 2:
        return None
    return {"epsilon": attributes.get("epsilon", 1e-5)}, [Spec(x.shape)]


def layouts(call: Call) -> Layouts:
    """As the input lies."""
    layout = call.need(0).layout
    return (layout, "plain", "plain", *(layout,) * (len(call.inputs) - 3)), (layout,)


def flops(call: Call) -> int:
    """A multiply-add a number."""
    return 2 * prod(call.outputs[0].shape)


def _unfused(call: Call, target: Any) -> None:
    """A batch normalisation never reaches a device."""


def normalization(shape: tuple[int, ...]) -> Case:
    """A case with a positive variance."""
    c = shape[1]
    return Case(
        {"epsilon": 1e-3},
        (shape, (c,), (c,), (c,), (c,)),
        (1, 2, 3, 4),
        {4: np.linspace(0.5, 2, c, dtype="f")},
    )


OPS = (
    Op("Affine", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops),
    Op(
        "BatchNormalization", infer_normalization, _unfused, flops=flops,
        cases=(normalization((2, 20, 5, 6)), normalization((1, 32, 7, 7)), normalization((3, 5))),
    ),
)  # fmt: skip
