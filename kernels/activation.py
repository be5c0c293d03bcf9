"""Activations that convolution and its kin apply before they store: one clamp with a slope."""

from __future__ import annotations

from kernels.op import Call

INFINITY = float("inf")
IDENTITY = (-INFINITY, INFINITY, 0.0)


def clamp_of(call: Call) -> tuple[float, float, float]:
    """(low, high, slope) of y = clamp(v, low, high) + slope * min(v, 0); the identity where none is fused."""
    low, high, slope = call.attributes.get("activation") or IDENTITY
    return float(low), float(high), float(slope)
