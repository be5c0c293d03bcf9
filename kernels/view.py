"""Views: an output whose elements, in order, are an input's at even distances along a few dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kernels.op import Shape, Spec

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


def transposed(x: Spec, y: Spec, perm: Sequence[int]) -> tuple[Shape, Shape]:
    """Where y is x's dimensions in the order of `perm`: sizes in the order that y lies in, and x's strides along them.

    Either may be blocked, all lanes taken: blocks and lanes are dimensions of their own then.
    """
    parts: list[tuple[tuple[int, int], ...]] = [
        ((size, stride),) for size, stride in zip(x.shape, dense_strides(x.shape), strict=True)
    ]
    if x.layout == "blocked":
        (n, c, h, w), lanes = x.shape, x.block
        blocks = ((c // lanes, h * w * lanes), (lanes, 1))
        parts = [((n, x.stride),), blocks, ((h, w * lanes),), ((w, lanes),)]
    moved = [parts[axis] for axis in perm]
    if y.layout == "blocked":
        images, ((count, stride),), rows, columns = moved
        moved = [images, ((count // y.block, stride * y.block),), rows, columns, ((y.block, stride),)]
    flat = [pair for part in moved for pair in part]
    return tuple(size for size, _ in flat), tuple(stride for _, stride in flat)
