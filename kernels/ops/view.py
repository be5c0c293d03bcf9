"""Operators that lay an input's elements out anew at even distances: DepthToSpace, SpaceToDepth, Expand, Tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import move as cpu
from kernels.op import Case, Inferred, Op, Shape, Spec
from kernels.opencl import strided as gpu
from kernels.view import RANK, dense_strides, joined


def _inferred(x: Spec, shape: Sequence[int], sizes: Sequence[int], strides: Sequence[int]) -> Inferred | None:
    """The output's elements are x's at `strides` over `sizes`; None for more dimensions than kernels walk."""
    kept, steps = joined(sizes, strides)
    if x.dtype.itemsize != 4 or len(kept) > RANK:
        return None
    return {"sizes": kept, "strides": steps}, [Spec(tuple(shape), x.dtype)]


def infer_depth_to_space(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C * b * b, H, W) -> (N, C, H * b, W * b); the mode says whether blocks or channels come first in C."""
    x = inputs[0]
    if x is None or len(x.shape) != 4:
        return None
    n, deep, h, w = x.shape
    b = attributes["blocksize"]
    c = _share(deep, b * b)
    image, channel, row, column = dense_strides(x.shape)
    down, right, next_channel = b * c * channel, c * channel, channel
    if attributes.get("mode", "DCR") == "CRD":
        down, right, next_channel = b * channel, channel, b * b * channel
    sizes, strides = (n, c, h, b, w, b), (image, next_channel, row, down, column, right)
    return _inferred(x, (n, c, h * b, w * b), sizes, strides)


def infer_space_to_depth(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H * b, W * b) -> (N, b * b * C, H, W); by the mode CRD every channel's blocks lie together."""
    x = inputs[0]
    if x is None or len(x.shape) != 4:
        return None
    n, c, high, wide = x.shape
    b = attributes["blocksize"]
    h, w = _share(high, b), _share(wide, b)
    image, channel, row, column = dense_strides(x.shape)
    dimensions = [(b, row), (b, column)]
    dimensions.insert(0 if attributes.get("mode") == "CRD" else 2, (c, channel))
    sizes, strides = zip((n, image), *dimensions, (h, b * row), (w, b * column), strict=True)
    return _inferred(x, (n, b * b * c, h, w), sizes, strides)


def _share(whole: int, parts: int) -> int:
    if whole % parts:
        raise ValueError(f"{whole} cannot be divided by {parts}, as the block size asks")
    return whole // parts


def infer_expand(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and a constant shape -> X broadcast with it."""
    x = inputs[0]
    if x is None or 1 not in constants:
        return None
    shape = np.broadcast_shapes(x.shape, tuple(constants[1].tolist()))
    full: Shape = (1,) * (len(shape) - len(x.shape)) + x.shape
    steps = [0 if size == 1 else step for size, step in zip(full, dense_strides(full), strict=True)]
    return _inferred(x, shape, shape, steps)


def infer_tile(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and constant repeats, one for every axis -> X repeated."""
    x, repeats = inputs[0], constants.get(1)
    if x is None or repeats is None or repeats.shape != (len(x.shape),):
        return None
    pairs = [(int(times), size) for times, size in zip(repeats, x.shape, strict=True)]
    sizes = [size for pair in pairs for size in pair]
    strides = [step for own in dense_strides(x.shape) for step in (0, own)]
    return _inferred(x, [times * size for times, size in pairs], sizes, strides)


def _int(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def _op(name: str, infer: Any, *cases: Case) -> Op:
    return Op(name, infer, cpu.lower_view, gpu.lower_view, data=1, cases=cases)


OPS = (
    _op(
        "DepthToSpace", infer_depth_to_space,
        Case({"blocksize": 2}, ((2, 12, 5, 3),)), Case({"blocksize": 3, "mode": "CRD"}, ((1, 18, 4, 5),)),
    ),
    _op("SpaceToDepth", infer_space_to_depth, Case({"blocksize": 2}, ((2, 5, 6, 4),))),
    _op(
        "Expand", infer_expand,
        Case({}, ((2, 1, 5), (3,)), (1,), {1: _int(2, 4, 1)}),
        Case({}, ((1, 20, 1, 1), (4,)), (1,), {1: _int(2, 1, 5, 6)}),
    ),
    _op(
        "Tile", infer_tile,
        Case({}, ((2, 3, 4), (3,)), (1,), {1: _int(2, 1, 3)}), Case({}, ((1, 6), (2,)), (1,), {1: _int(5, 1)}),
    ),
)  # fmt: skip
