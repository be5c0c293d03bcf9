"""Gather with constant indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import gather as cpu
from kernels.op import Case, Inferred, Op, Spec
from kernels.opencl import gather as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and constant indices into an axis of it -> (before the axis, the indices' shape, behind the axis).

    `sizes` are the elements before the axis, along it and behind it; `places` are the indices, none negative.
    """
    x, indices = inputs[0], constants.get(1)
    if x is None or indices is None or x.dtype.itemsize != 4:
        return None
    axis = attributes.get("axis", 0) % len(x.shape)
    length = x.shape[axis]
    if indices.size and not (-length <= indices.min() and indices.max() < length):
        raise ValueError(f"indices from {indices.min()} to {indices.max()} for axis {axis} of {length} elements")
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    places = tuple(int(index) % length for index in indices.reshape(-1))
    sizes = (prod(before), length, prod(behind))
    return {"places": places, "sizes": sizes}, [Spec((*before, *indices.shape, *behind), x.dtype)]


def _case(shape: tuple[int, ...], indices: Any, axis: int) -> Case:
    value = np.array(indices, np.int64)
    return Case({"axis": axis}, (shape, value.shape), (1,), {1: value})


OPS = (
    Op(
        "Gather", infer, cpu.lower, gpu.lower, data=1,
        cases=(
            _case((2, 5, 3), 3, 1),
            _case((4, 7), [[0, -1], [2, 2]], 1),
            _case((6, 2, 3), [5, 0, 1], 0),
            _case((2, 3, 4), [3, 1, -4], -1),
        ),
    ),
)  # fmt: skip
