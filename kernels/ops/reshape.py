"""Reshape and the operators that only change the shape: Flatten, Squeeze, Unsqueeze, Identity, Dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import move as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec
from kernels.opencl import copy as gpu


def _inferred(x: Spec | None, shape: Sequence[int] | None) -> Inferred | None:
    if x is None or shape is None or x.dtype.itemsize != 4:
        return None
    if prod(shape) != prod(x.shape):
        raise ValueError(f"{x.shape} holds {prod(x.shape)} elements, but {tuple(shape)} {prod(shape)}")
    return {}, [Spec(tuple(shape), x.dtype)]


def infer_reshape(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X and a constant shape, in which 0 keeps a dimension and -1 takes what is left."""
    x = inputs[0]
    wanted = constants[1].tolist() if 1 in constants else attributes.get("shape")
    if x is None or wanted is None:
        return None
    if not attributes.get("allowzero", 0):
        wanted = [x.shape[k] if size == 0 else size for k, size in enumerate(wanted)]
    if -1 in wanted:
        known = prod(size for size in wanted if size != -1)
        if known == 0 or prod(x.shape) % known:
            raise ValueError(f"{x.shape} cannot become {tuple(wanted)}")
        wanted = [prod(x.shape) // known if size == -1 else size for size in wanted]
    return _inferred(x, wanted)


def infer_flatten(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X -> (elements before the axis, elements from it on)."""
    x = inputs[0]
    if x is None:
        return None
    axis = attributes.get("axis", 1)
    axis = axis + len(x.shape) if axis < 0 else axis
    return _inferred(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def _axes(attributes: Mapping[str, Any], constants: Mapping[int, Any]) -> list[int] | None:
    axes = constants[1].tolist() if 1 in constants else attributes.get("axes")
    return None if axes is None else list(axes)


def infer_squeeze(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X without the named dimensions of size one, or without any such."""
    x = inputs[0]
    if x is None or (len(inputs) > 1 and inputs[1] is not None and 1 not in constants):
        return None
    axes = _axes(attributes, constants)
    if axes is None:
        axes = [k for k, size in enumerate(x.shape) if size == 1]
    gone = {k % len(x.shape) for k in axes}
    return _inferred(x, [size for k, size in enumerate(x.shape) if k not in gone])


def infer_unsqueeze(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X with dimensions of size one put in."""
    x, axes = inputs[0], _axes(attributes, constants)
    if x is None or axes is None:
        return None
    rank = len(x.shape) + len(axes)
    new = {k % rank for k in axes}
    old = iter(x.shape)
    return _inferred(x, [1 if k in new else next(old) for k in range(rank)])


def infer_same(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X as it is: Identity, and Dropout when a network only runs."""
    x = inputs[0]
    return None if x is None else _inferred(x, x.shape)


def layouts(call: Call) -> Layouts:
    """Identity takes what comes; a change of shape needs the plain layout."""
    layout = call.need(0).layout if call.need(0).shape == call.outputs[0].shape else "plain"
    return (layout,), (layout,)


def _op(name: str, infer: Any, *cases: Case) -> Op:
    return Op(name, infer, cpu.lower_copy, gpu.lower_copy, data=1, layouts=layouts, alias=True, cases=cases)


def _int(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


OPS = (
    _op("Reshape", infer_reshape, Case({}, ((2, 3, 4), (2,)), (1,), {1: _int(0, -1)})),
    _op("Flatten", infer_flatten, Case({"axis": 2}, ((2, 3, 4, 5),)), Case({"axis": -1}, ((2, 3, 4),))),
    _op("Squeeze", infer_squeeze, Case({}, ((2, 1, 4), (1,)), (1,), {1: _int(1)}), Case({}, ((1, 3, 1),))),
    _op("Unsqueeze", infer_unsqueeze, Case({}, ((2, 4), (2,)), (1,), {1: _int(0, -1)})),
    _op("Identity", infer_same, Case({}, ((2, 4),))),
    _op("Dropout", infer_same, Case({}, ((2, 4),))),
)
