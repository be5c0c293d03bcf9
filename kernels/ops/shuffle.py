"""ChannelShuffle: channels dealt out between groups (ShuffleNet, arXiv 1707.01083); a pass finds it in reshapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import shuffle as cpu
from kernels.op import Call, Inferred, Layouts, Op, Spec
from kernels.opencl import shuffle as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W) -> the same; channel k of the output is channel k % groups * (C / groups) + k // groups."""
    x = inputs[0]
    return None if x is None or x.dtype != np.float32 else (attributes, [Spec(x.shape)])


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    return ("blocked",), ("blocked",)


OPS = (Op("ChannelShuffle", infer, cpu.lower, gpu.lower, layouts=layouts),)
