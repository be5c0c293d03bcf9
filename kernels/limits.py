"""What a device can do at most: two operators that no model has, one all arithmetic, the other all memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from kernels.cpu import limits as cpu
from kernels.op import Call, Inferred, Op, Spec
from kernels.opencl import limits as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """No model has these operators."""
    return None


def flops(call: Call) -> int:
    """Two for each multiply-add."""
    return 2 * int(call.attributes["repeats"]) * prod(call.outputs[0].shape)


MULTIPLY_ADDS = Op("MultiplyAdds", infer, cpu.multiply_adds, gpu.multiply_adds, flops=flops)
"""Y (n) = X (n) after `repeats` times x = x / 2 + 1, in registers; n a multiple of 384."""

TRIAD = Op("Triad", infer, cpu.triad, gpu.triad, flops=flops)
"""Y (n) = A (n) + r B (n) for r from 0 up to `repeats`; n a multiple of 64 times `parts`, which run side by side."""
