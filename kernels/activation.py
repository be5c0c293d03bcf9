"""Activations that convolution and its kin apply before they store: one clamp with a slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.op import Call

INFINITY = float("inf")
IDENTITY = (-INFINITY, INFINITY, 0.0)


def clamp_of(call: Call) -> tuple[float, float, float]:
    """(low, high, slope) of y = clamp(v, low, high) + slope * min(v, 0); the identity where none is fused."""
    low, high, slope = call.attributes.get("activation") or IDENTITY
    return float(low), float(high), float(slope)


def apply(value: np.ndarray[Any, Any], activation: tuple[float, float, float] | None) -> np.ndarray[Any, Any]:
    """The same in NumPy."""
    if activation is None:
        return value
    low, high, slope = activation
    result = np.clip(value, low, high)
    return (result + slope * np.minimum(value, 0)).astype(value.dtype) if slope else result
