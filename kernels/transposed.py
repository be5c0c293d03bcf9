"""Transposed convolution seen as convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def as_convolution(weights: Array, group: int) -> Array:
    """(C, K / group, kh, kw) of a transposed convolution as (K, C / group, kh, kw) of a convolution."""
    c, share, *window = weights.shape
    split = weights.reshape(group, c // group, share, *window)
    return split.swapaxes(1, 2).reshape(group * share, c // group, *window)
