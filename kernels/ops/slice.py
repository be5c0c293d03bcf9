"""Slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import move as cpu
from kernels.op import Case, Inferred, Op, Spec
from kernels.opencl import slice as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X of up to six dimensions, with constant starts, ends, axes and steps -> the part they name.

    Returned starts and steps hold one number for every axis.
    """
    x = inputs[0]
    if x is None or x.dtype.itemsize != 4 or len(x.shape) > 6:
        return None
    if any(spec is not None and i not in constants for i, spec in enumerate(inputs[1:], 1)):
        return None
    names = ("starts", "ends", "axes", "steps")
    given = {name: constants[i].tolist() for i, name in enumerate(names, 1) if i in constants}
    given = {name: list(attributes[name]) for name in names if name in attributes} | given
    axes = given.get("axes", list(range(len(given["starts"]))))
    starts, steps, shape = [0] * len(x.shape), [1] * len(x.shape), list(x.shape)
    for k, axis in enumerate(axes):
        step = given["steps"][k] if "steps" in given else 1
        picked = range(*slice(given["starts"][k], _end(given["ends"][k], step), step).indices(x.shape[axis]))
        starts[axis], steps[axis], shape[axis] = picked.start, step, len(picked)
    return {"starts": tuple(starts), "steps": tuple(steps)}, [Spec(tuple(shape), x.dtype)]


def _end(end: int, step: int) -> int | None:
    """Python's form of an end: far below zero means through the first element when walking backwards."""
    return None if step < 0 and end < -(2**30) else end


def _case(shape: tuple[int, ...], starts: list[int], ends: list[int], axes: list[int], steps: list[int]) -> Case:
    given = {i: np.array(v, np.int64) for i, v in enumerate((starts, ends, axes, steps), 1)}
    return Case({}, (shape, *((len(starts),) for _ in range(4))), (1, 2, 3, 4), given)


OPS = (
    Op(
        "Slice", infer, cpu.lower_slice, gpu.lower, data=1,
        cases=(
            _case((4, 5, 6), [1, -3], [3, 2**31 - 1], [0, 2], [1, 1]),
            _case((2, 9, 4), [1], [9], [1], [3]),
            _case((2, 9), [-1], [-(2**31)], [1], [-2]),
        ),
    ),
)  # fmt: skip
