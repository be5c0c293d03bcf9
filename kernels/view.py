"""Views: an output whose elements, in order, are an input's at even distances along a few dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

RANK = 6  # dimensions that the kernels walk


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a row-major array."""
    return tuple(prod(shape[k + 1 :]) for k in range(len(shape)))


def joined(sizes: Sequence[int], strides: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes and strides with neighbours that lie evenly taken as one dimension, and none of size one."""
    kept: list[tuple[int, int]] = []
    for size, stride in zip(sizes, strides, strict=True):
        if size == 1:
            continue
        if kept and kept[-1][1] == stride * size:
            kept[-1] = (kept[-1][0] * size, stride)
        else:
            kept.append((size, stride))
    return tuple(size for size, _ in kept), tuple(stride for _, stride in kept)
