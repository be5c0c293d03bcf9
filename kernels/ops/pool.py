"""MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels import window
from kernels.cpu import pool as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec
from kernels.opencl import pool as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W) -> (N, C, H', W'); the indices that MaxPool may give besides have no kernel."""
    x = inputs[0]
    if x is None or len(x.shape) != 4 or x.dtype != np.float32 or attributes.get("storage_order", 0):
        return None
    full = window.complete(attributes, x.shape[2:], attributes["kernel_shape"])
    full["count_include_pad"] = attributes.get("count_include_pad", 0)
    ceil_mode = bool(attributes.get("ceil_mode", 0))
    return full, [Spec((*x.shape[:2], *window.output_size(full, x.shape[2:], ceil_mode)))]


def infer_average(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """As `infer`; dilated averages have no kernel."""
    if any(step != 1 for step in attributes.get("dilations", ())):
        return None
    return infer(attributes, inputs, constants, opset)


def infer_global(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W) -> (N, C, 1, 1)."""
    x = inputs[0]
    if x is None or len(x.shape) != 4 or x.dtype != np.float32:
        return None
    return {}, [Spec((*x.shape[:2], 1, 1))]


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    return ("blocked",), ("blocked",)


def flops(call: Call) -> int:
    """One for each number in a window."""
    return prod(call.outputs[0].shape) * prod(map(int, call.attributes["kernel_shape"]))


def flops_global(call: Call) -> int:
    """One for each number."""
    return prod(call.need(0).shape)


def case(image: tuple[int, ...], size: int, **attributes: Any) -> Case:
    """A case of a square window."""
    return Case({"kernel_shape": (size, size), **attributes}, (image,))


WINDOWS = (
    case((1, 32, 14, 14), 3, strides=(2, 2)),
    case((2, 20, 15, 13), 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    case((1, 16, 7, 7), 3, pads=(1, 1, 1, 1)),
    case((1, 16, 12, 12), 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    case((1, 24, 13, 13), 3, strides=(2, 2), ceil_mode=1),
    case((1, 5, 10, 10), 2, strides=(2, 2)),
    case((1, 16, 9, 9), 2, auto_pad="SAME_UPPER", strides=(2, 2)),
    case((1, 16, 12, 30), 9, pads=(4, 4, 4, 4)),
)
AVERAGES = (
    *WINDOWS,
    case((1, 16, 9, 9), 3, strides=(2, 2), pads=(1, 1, 1, 1), count_include_pad=1),
    case((1, 16, 6, 6), 7, pads=(0, 0, 1, 1)),
)
GLOBAL = (Case({}, ((1, 40, 7, 7),)), Case({}, ((2, 16, 5, 3),)))

OPS = (
    Op(
        "MaxPool", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops,
        cases=(*WINDOWS, case((1, 16, 12, 12), 3, dilations=(2, 2))),
    ),
    Op("AveragePool", infer_average, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=AVERAGES),
    Op("GlobalMaxPool", infer_global, cpu.lower_global, gpu.lower, layouts=layouts, flops=flops_global, cases=GLOBAL),
    Op(
        "GlobalAveragePool", infer_global, cpu.lower_global, gpu.lower, layouts=layouts, flops=flops_global,
        cases=GLOBAL,
    ),
)  # fmt: skip
