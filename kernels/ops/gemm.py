"""Gemm and MatMul with constant weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import gemm as cpu
from kernels.op import Call, Case, Inferred, Op, Spec
from kernels.opencl import gemm as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """A (M, K), B (K, N) constant, C a number or one a column, constant -> (M, N)."""
    a, b = inputs[0], constants.get(1)
    full = {"transA": 0, "transB": 0, "alpha": 1.0, "beta": 1.0} | attributes
    if a is None or b is None or a.dtype != np.float32 or len(a.shape) != 2 or full["transA"]:
        return None
    k, n = b.shape[::-1] if full["transB"] else b.shape
    if a.shape[1] != k:
        raise ValueError(f"A has {a.shape[1]} columns, but B has {k} rows")
    if len(inputs) > 2 and inputs[2] is not None:
        c = constants.get(2)
        if c is None or c.size not in (1, n) or (c.size == n and c.shape[-1:] != (n,)):
            return None
    return full, [Spec((a.shape[0], n))]


def infer_matmul(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """A (..., M, K), B (K, N) constant -> (..., M, N)."""
    a, b = inputs[0], constants.get(1)
    if a is None or b is None or b.ndim != 2 or a.dtype != np.float32 or len(a.shape) < 2:
        return None
    if a.shape[-1] != b.shape[0]:
        raise ValueError(f"A has {a.shape[-1]} columns, but B has {b.shape[0]} rows")
    return {}, [Spec((*a.shape[:-1], b.shape[1]))]


def flops(call: Call) -> int:
    """Two for each multiply-add."""
    return 2 * prod(call.outputs[0].shape) * call.need(0).shape[-1]


OPS = (
    Op(
        "Gemm", infer, cpu.lower, gpu.lower, flops=flops,
        cases=(
            Case({"transB": 1}, ((1, 100), (37, 100), (37,)), (1, 2)),
            Case({"alpha": 0.5, "beta": 2.0}, ((5, 64), (64, 130), (1, 130)), (1, 2)),
            Case({}, ((17, 33), (33, 16)), (1,)),
        ),
    ),
    Op(
        "MatMul", infer_matmul, cpu.lower_matmul, gpu.lower, flops=flops,
        cases=(Case({}, ((3, 40), (40, 10)), (1,)), Case({}, ((2, 5, 16), (16, 31)), (1,))),
    ),
)  # fmt: skip
