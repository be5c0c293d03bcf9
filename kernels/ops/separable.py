"""Separable: a depthwise convolution, or a scale and shift a channel, and a 1x1 convolution of what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from kernels.cpu import separable as cpu
from kernels.op import Call, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import separable as gpu
from kernels.separable import parts


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """No model holds this operator: a pass makes it, and knows its output."""
    return None


def layouts(call: Call) -> Layouts:
    """Images blocked: X, the residual and what a chain reads."""
    image: Layout = "blocked"
    own: tuple[Layout, ...] = (image, "plain", "plain")
    return (*own, *(image,) * (len(call.inputs) - 5), "plain", "plain"), (image,)


def flops(call: Call) -> int:
    """Two for each multiply-add of both."""
    first, second = parts(call)
    return sum(2 * prod(part.outputs[0].shape) * prod(part.need(1).shape[1:]) for part in (first, second))


OPS = (Op("Separable", infer, cpu.lower, gpu.lower, layouts=layouts, flops=flops),)
