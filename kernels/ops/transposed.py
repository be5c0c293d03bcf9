"""ConvTranspose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels import window
from kernels.cpu import transposed as cpu
from kernels.op import Call, Case, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import transposed as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W), W (C, K / group, kh, kw) constant, B (K) constant or absent -> (N, K, H', W')."""
    x, weights = inputs[0], constants.get(1)
    if x is None or weights is None or len(x.shape) != 4 or x.dtype != np.float32:
        return None
    if len(inputs) > 2 and inputs[2] is not None and 2 not in constants:
        return None
    group = attributes.get("group", 1)
    if x.shape[1] != weights.shape[0] or x.shape[1] % group:
        raise ValueError(
            f"input has {x.shape[1]} channels, but the weights {weights.shape} with group {group} expect "
            f"{weights.shape[0]}"
        )
    full, size = window.transposed(attributes, x.shape[2:], weights.shape[2:])
    if min(full["pads"]) < 0 or min(size) < 1:
        return None
    return full | {"group": group}, [Spec((x.shape[0], weights.shape[1] * group, *size))]


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    wanted: tuple[Layout, ...] = ("blocked", "plain", "plain", "blocked")
    return wanted[: len(call.inputs)], ("blocked",)


def flops(call: Call) -> int:
    """Two for each multiply-add, those that fall into the padding among them."""
    return 2 * prod(call.need(0).shape) * prod(call.need(1).shape[1:])


def case(image: tuple[int, int, int, int], outputs: int, size: int | tuple[int, int], **attributes: Any) -> Case:
    """A case of a square or other kernel, with bias."""
    kernel = (size, size) if isinstance(size, int) else size
    shapes = (image, (image[1], outputs // attributes.get("group", 1), *kernel), (outputs,))
    return Case(attributes, shapes, (1, 2))


CASES = (
    case((1, 32, 7, 7), 24, 2, strides=(2, 2)),
    case((1, 20, 8, 9), 33, 4, strides=(2, 2), pads=(1, 1, 1, 1)),
    case((2, 16, 5, 6), 16, 3, strides=(2, 2), pads=(1, 1, 1, 1), output_padding=(1, 1)),
    case((1, 17, 6, 5), 40, 3),
    case((1, 16, 5, 4), 20, (3, 2), strides=(3, 1), pads=(0, 1, 2, 0)),
    case((1, 16, 4, 4), 16, 2, strides=(3, 4)),
    case((1, 16, 6, 5), 18, 3, strides=(2, 3), dilations=(2, 3), pads=(1, 2, 0, 1)),
    case((1, 24, 5, 5), 40, 3, strides=(2, 2), group=4),
    case((1, 20, 6, 6), 20, 4, strides=(2, 2), pads=(1, 1, 1, 1), group=20),
    case((2, 64, 5, 5), 32, 3, strides=(2, 2), group=2, auto_pad="SAME_UPPER"),
    case((1, 16, 5, 5), 16, 3, strides=(2, 2), auto_pad="SAME_LOWER"),
    case((1, 16, 5, 6), 16, 3, strides=(3, 3), output_shape=(13, 17)),
    case((1, 8, 3, 3), 8, 5, pads=(2, 2, 2, 2)),
    case((1, 1, 2, 2), 3, 16, strides=(8, 8), pads=(4, 4, 4, 4)),
)

OPS = (Op("ConvTranspose", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=CASES),)
