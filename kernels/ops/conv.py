"""Conv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels import window
from kernels.cpu import conv as cpu
from kernels.op import Call, Case, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import conv as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W), W (K, C / group, kh, kw) constant, B (K) constant or absent -> (N, K, H', W')."""
    x, weights = inputs[0], constants.get(1)
    if x is None or weights is None or len(x.shape) != 4 or x.dtype != np.float32:
        return None
    if len(inputs) > 2 and inputs[2] is not None and 2 not in constants:
        return None
    group = attributes.get("group", 1)
    k, per_group = weights.shape[:2]
    if x.shape[1] != per_group * group or k % group:
        raise ValueError(
            f"input has {x.shape[1]} channels, but the weights {weights.shape} with group {group} "
            f"expect {per_group * group}"
        )
    full = window.complete(attributes, x.shape[2:], weights.shape[2:])
    return full | {"group": group}, [Spec((x.shape[0], k, *window.output_size(full, x.shape[2:])))]


def layouts(call: Call) -> Layouts:
    """A first layer of few channels is read as it comes; everything else is blocked."""
    x = call.need(0)
    few = x.shape[1] < 8 and call.attributes["group"] == 1
    first: Layout = "plain" if few and x.layout == "plain" else "blocked"
    image: Layout = "blocked"
    wanted: tuple[Layout, ...] = (first, "plain", "plain", *(image,) * len(call.inputs[3:]))
    return wanted[: len(call.inputs)], (image,)


def flops(call: Call) -> int:
    """Two for each multiply-add."""
    return 2 * prod(call.outputs[0].shape) * prod(call.need(1).shape[1:])


def case(
    image: tuple[int, int, int, int],
    outputs: int,
    size: int | tuple[int, int],
    bias: bool = True,
    **attributes: Any,
) -> Case:
    """A case of a square or other kernel."""
    window_size = (size, size) if isinstance(size, int) else size
    weights = (outputs, image[1] // attributes.get("group", 1), *window_size)
    shapes = (image, weights, (outputs,)) if bias else (image, weights)
    return Case(attributes, shapes, tuple(range(1, len(shapes))))


CASES = (
    case((1, 32, 14, 14), 48, 1),
    case((2, 24, 9, 11), 40, 3, pads=(1, 1, 1, 1)),
    case((1, 3, 23, 23), 20, 7, strides=(2, 2), pads=(3, 3, 3, 3)),
    case((1, 3, 31, 29), 16, 11, strides=(4, 4), bias=False),
    case((2, 1, 12, 12), 33, 5, pads=(2, 2, 2, 2)),
    case((1, 48, 7, 7), 130, 3, pads=(1, 1, 1, 1)),
    case((1, 64, 13, 13), 16, 1, strides=(2, 2)),
    case((1, 17, 8, 8), 5, (1, 3), pads=(0, 1, 0, 1)),
    case((1, 20, 10, 9), 12, (5, 2), pads=(2, 0, 1, 1), strides=(1, 2)),
    case((1, 16, 12, 12), 16, 3, dilations=(2, 2), pads=(2, 2, 2, 2)),
    case((1, 16, 10, 10), 16, 3, auto_pad="SAME_UPPER", strides=(2, 2)),
    case((1, 16, 10, 10), 16, 2, auto_pad="SAME_LOWER"),
    case((1, 40, 11, 11), 40, 3, group=40, pads=(1, 1, 1, 1)),
    case((2, 24, 15, 15), 24, 3, group=24, strides=(2, 2), pads=(1, 1, 1, 1), bias=False),
    case((1, 20, 7, 30), 20, 5, group=20, pads=(2, 2, 2, 2)),
    case((1, 16, 12, 9), 16, 3, group=16, dilations=(2, 3), pads=(2, 3, 2, 3)),
    case((1, 16, 3, 2), 16, 3, group=16, pads=(1, 1, 1, 1)),
    case((2, 16, 8, 11), 16, (1, 5), group=16, pads=(0, 4, 0, 1), strides=(1, 3)),
    case((1, 16, 4, 4), 16, 2, group=16, pads=(3, 3, 3, 3)),
    case((1, 16, 9, 9), 32, 3, group=16, pads=(1, 1, 1, 1)),
    case((1, 24, 6, 6), 112, 1, group=4),
    case((1, 96, 9, 9), 256, 5, group=2, pads=(2, 2, 2, 2)),
    case((3, 12, 5, 5), 30, 3, group=3, pads=(1, 1, 1, 1)),
    case((1, 16, 1, 1), 32, 1),
    case((1, 8, 3, 40), 24, 3, pads=(1, 1, 1, 1)),
)

OPS = (Op("Conv", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=CASES),)
