"""Normalisation of every image's own numbers: InstanceNormalization, GroupNormalization, LayerNormalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import normalization as cpu
from kernels.op import Call, Case, Inferred, Op, Spec
from kernels.opencl import normalization as gpu


def _inferred(x: Spec, epsilon: float, rows: int, groups: int, channels: int) -> Inferred:
    """`rows` stretches of numbers are normalised, each one's `channels` equal parts scaled.

    Scales and shifts are those of `groups` rows; then they begin anew.
    """
    return {"epsilon": epsilon, "rows": rows, "groups": groups, "channels": channels}, [Spec(x.shape)]


def _given(inputs: Sequence[Spec | None], constants: Mapping[int, Any], least: int) -> Spec | None:
    x = inputs[0]
    if x is None or x.dtype != np.float32 or len(x.shape) < least or not 1 <= len(constants) <= 2 or x.size == 0:
        return None
    return x if all(i in constants or spec is None for i, spec in enumerate(inputs[1:], 1)) else None


def infer_instance(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, ...), scale (C), B (C) constant: every channel of every image."""
    x = _given(inputs, constants, 3)
    if x is None:
        return None
    n, c = x.shape[:2]
    return _inferred(x, attributes.get("epsilon", 1e-5), n * c, c, 1)


def infer_group(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, ...), scale (C), B (C) constant: num_groups stretches of channels of every image."""
    x, groups = _given(inputs, constants, 3), attributes["num_groups"]
    # Before opset 21 there was a scale a group.
    if x is None or opset < 21:
        return None
    n, c = x.shape[:2]
    if c % groups:
        raise ValueError(f"{c} channels cannot be divided into {groups} groups")
    return _inferred(x, attributes.get("epsilon", 1e-5), n * groups, groups, c // groups)


def infer_layer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X, scale and B constant, of the shape of X from an axis on: everything from that axis on."""
    x = _given(inputs, constants, 1)
    if x is None:
        return None
    axis = attributes.get("axis", -1) % len(x.shape)
    length = prod(x.shape[axis:])
    if any(value.size != length for value in constants.values()):
        return None
    return _inferred(x, attributes.get("epsilon", 1e-5), prod(x.shape[:axis]), 1, length)


def flops(call: Call) -> int:
    """Eight a number: mean, variance, and what they are for."""
    return 8 * prod(call.outputs[0].shape)


def _op(name: str, infer: Any, *cases: Case) -> Op:
    return Op(name, infer, cpu.lower, gpu.lower, flops=flops, cases=cases)


OPS = (
    _op(
        "InstanceNormalization", infer_instance,
        Case({"epsilon": 1e-3}, ((2, 20, 9, 7), (20,), (20,)), (1, 2), low=-1, high=3),
        Case({}, ((1, 5, 130), (5,), (5,)), (1, 2)),
    ),
    _op(
        "GroupNormalization", infer_group,
        Case({"num_groups": 4}, ((2, 20, 5, 6), (20,), (20,)), (1, 2), low=-1, high=3),
        Case({"num_groups": 5}, ((1, 5, 3, 3), (5,), (5,)), (1, 2)),
    ),
    _op(
        "LayerNormalization", infer_layer,
        Case({}, ((2, 7, 65), (65,), (65,)), (1, 2), low=-1, high=3),
        Case({"axis": 1, "epsilon": 1e-3}, ((3, 4, 9), (4, 9)), (1,)),
    ),
)  # fmt: skip
