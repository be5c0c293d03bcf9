"""Channels: an image made of channels picked from one or two others; a pass makes it of slices, joins and shuffles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import channels as cpu
from kernels.op import Call, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import channels as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W), and perhaps another of other C -> (N, len(picked), H, W): `picked` holds (input, channel)."""
    x = inputs[0]
    if x is None or x.dtype != np.float32:
        return None
    n, _, h, w = x.shape
    return attributes, [Spec((n, len(attributes["picked"]), h, w))]


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    layout: Layout = "blocked"
    return (layout,) * len(call.inputs), (layout,)


OPS = (Op("Channels", infer, cpu.lower, gpu.lower, layouts=layouts),)
