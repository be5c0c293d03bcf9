"""Reductions along axes: ReduceMean and its kin, ArgMax and ArgMin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import reduce as cpu
from kernels.op import Call, Case, Inferred, Op, Shape, Spec
from kernels.opencl import reduce as gpu

RANK = 6  # dimensions that a copy of axes that lie apart can have


def _shape(shape: Shape, axes: Sequence[int], keep: bool) -> Shape:
    kept = (1 if k in axes else size for k, size in enumerate(shape) if keep or k not in axes)
    return tuple(kept)


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and axes, constant, all where none are given -> X without them, or with them of size one."""
    x = inputs[0]
    if x is None or x.dtype != np.float32 or not 0 < len(x.shape) <= RANK:
        return None
    if len(inputs) > 1 and inputs[1] is not None and 1 not in constants:
        return None
    given = constants[1].tolist() if 1 in constants else list(attributes.get("axes", ()))
    if not given and attributes.get("noop_with_empty_axes", 0):
        return None
    axes = tuple(sorted({k % len(x.shape) for k in given or range(len(x.shape))}))
    return {"axes": axes}, [Spec(_shape(x.shape, axes, bool(attributes.get("keepdims", 1))))]


def infer_place(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X -> int64 places of the largest or smallest along an axis, the first one or the last."""
    x = inputs[0]
    if x is None or x.dtype != np.float32 or not x.shape:
        return None
    axis = attributes.get("axis", 0) % len(x.shape)
    shape = _shape(x.shape, (axis,), bool(attributes.get("keepdims", 1)))
    last = attributes.get("select_last_index", 0)
    return {"axes": (axis,), "select_last_index": last}, [Spec(shape, np.dtype(np.int64))]


def flops(call: Call) -> int:
    """One for each number."""
    return prod(call.need(0).shape)


def _axes(shape: Shape, *axes: int, **attributes: Any) -> Case:
    return Case(attributes, (shape, (len(axes),)), (1,), {1: np.array(axes, np.int64)})


CASES = (
    _axes((2, 20, 7, 9), 2, 3),
    _axes((2, 20, 7, 9), 1, keepdims=0),
    _axes((3, 500), -1),
    _axes((2, 5, 7, 9), 0, 2),
    _axes((2, 1, 7, 9), 0, 1),
    Case({"keepdims": 0}, ((4, 33),)),
)
PLACES = (
    Case({"axis": 1}, ((2, 21, 6, 5),)),
    Case({"axis": -1, "keepdims": 0}, ((3, 1000),)),
    Case({"axis": 0, "select_last_index": 1}, ((5, 4),), given={0: np.ones((5, 4), np.float32)}),
)


OPS = (
    *(
        Op(name, infer, cpu.lower, gpu.lower, data=1, flops=flops, cases=CASES)
        for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")
    ),
    *(Op(name, infer_place, cpu.lower_place, flops=flops, cases=PLACES) for name in ("ArgMax", "ArgMin")),
)
