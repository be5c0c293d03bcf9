"""Resampling along an axis: the inputs every output is made of and their weights, as ONNX's Resize defines them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
)  # fmt: skip
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
TAPS = {"nearest": 1, "linear": 2, "cubic": 4}  # inputs that make an output, along one axis


def coordinates(how: str, length: int, out: int, scale: float) -> Array:
    """Where each of `out` outputs lies among `length` inputs; `how` is one of COORDINATES."""
    x = np.arange(out, dtype=np.float64)
    if how == "align_corners":
        return x * (length - 1) / (out - 1) if out > 1 else 0 * x
    if how == "asymmetric":
        return x / scale
    if how == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if how == "pytorch_half_pixel" and out == 1:
        return 0 * x
    middle = length / 2 * (1 - out / (scale * length)) if how == "half_pixel_symmetric" else 0.0
    return middle + (x + 0.5) / scale - 0.5


def taps(attributes: Mapping[str, Any], length: int, out: int, scale: float) -> tuple[Array, Array]:
    """Inputs (int64) and weights (float32), both (out, TAPS); what lies beyond an edge is the edge."""
    x = coordinates(attributes["coordinate_transformation_mode"], length, out, scale)
    if attributes["mode"] == "nearest":
        rounded = {
            "round_prefer_floor": np.ceil(x - 0.5), "round_prefer_ceil": np.floor(x + 0.5),
            "floor": np.floor(x), "ceil": np.ceil(x),
        }[attributes["nearest_mode"]]  # fmt: skip
        index, weights = rounded[:, None], np.ones((out, 1))
    elif attributes["mode"] == "linear":
        part = (x - np.floor(x))[:, None]
        index, weights = np.floor(x)[:, None] + np.arange(2), np.concatenate([1 - part, part], 1)
    else:
        index = np.floor(x)[:, None] + np.arange(-1, 3)
        weights = _cubic(np.abs(x[:, None] - index), attributes["cubic_coeff_a"])
        if attributes["exclude_outside"]:
            weights = np.where((index >= 0) & (index < length), weights, 0)
            weights /= weights.sum(1, keepdims=True)
    return np.clip(index, 0, length - 1).astype(np.int64), weights.astype(np.float32)


def _cubic(distance: Array, a: float) -> Array:
    """Keys' kernel of parameter a (doi 10.1109/TASSP.1981.1163711)."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0))
