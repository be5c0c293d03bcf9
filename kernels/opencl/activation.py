"""The activation that fused operators share, as three numbers."""

from __future__ import annotations

from kernels.op import Call

LARGEST = 3.4e38  # stands for infinity: kernels may be built for finite numbers only


def activation(call: Call) -> tuple[float, float, float]:
    """(low, high, slope) of y = clamp(v, low, high) + slope * min(v, 0), all of them finite."""
    low, high, slope = call.attributes.get("activation") or (-LARGEST, LARGEST, 0.0)
    return max(float(low), -LARGEST), min(float(high), LARGEST), float(slope)
