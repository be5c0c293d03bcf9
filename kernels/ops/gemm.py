"""Gemm and MatMul."""

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
    """A (M, K), B (K, N), either transposed, C a number or one a column, constant -> (M, N)."""
    a, b = inputs[0], inputs[1]
    full = {"transA": 0, "transB": 0, "alpha": 1.0, "beta": 1.0} | attributes
    if a is None or b is None or not a.dtype == b.dtype == np.float32 or len(a.shape) != 2:
        return None
    m, k = a.shape[::-1] if full["transA"] else a.shape
    rows, n = b.shape[::-1] if full["transB"] else b.shape
    if k != rows:
        raise ValueError(f"A has {k} columns, but B has {rows} rows")
    if len(inputs) > 2 and inputs[2] is not None:
        c = constants.get(2)
        if c is None or c.size not in (1, n) or (c.size == n and c.shape[-1:] != (n,)):
            return None
    return full, [Spec((m, n))]


def infer_matmul(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """A (..., M, K), B (..., K, N), up to six dimensions whose leading ones broadcast -> (..., M, N)."""
    a, b = inputs[0], inputs[1]
    if a is None or b is None or not a.dtype == b.dtype == np.float32:
        return None
    if not 2 <= min(len(a.shape), len(b.shape)) <= max(len(a.shape), len(b.shape)) <= 6:
        return None
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"A has {a.shape[-1]} columns, but B has {b.shape[-2]} rows")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return {}, [Spec((*batch, a.shape[-2], b.shape[-1]))]


def flops(call: Call) -> int:
    """Two for each multiply-add."""
    return 2 * prod(call.outputs[0].shape) * call.need(0).shape[-2 if call.attributes.get("transA") else -1]


OPS = (
    Op(
        "Gemm", infer, cpu.lower, gpu.lower, flops=flops,
        cases=(
            Case({"transB": 1}, ((1, 100), (37, 100), (37,)), (1, 2)),
            Case({"alpha": 0.5, "beta": 2.0}, ((5, 64), (64, 130), (1, 130)), (1, 2)),
            Case({}, ((17, 33), (33, 16)), (1,)),
            Case({"transA": 1, "alpha": 0.5}, ((33, 17), (33, 20)), (1,)),
            Case({"alpha": 0.5, "beta": 2.0}, ((9, 70), (70, 37), (37,)), (2,)),
            Case({"transA": 1, "transB": 1}, ((40, 6), (32, 40))),
        ),
    ),
    Op(
        "MatMul", infer_matmul, cpu.lower, gpu.lower, flops=flops,
        cases=(
            Case({}, ((3, 40), (40, 10)), (1,)),
            Case({}, ((2, 5, 16), (16, 31)), (1,)),
            Case({}, ((2, 5, 16), (16, 31))),
            Case({}, ((2, 3, 20, 33), (2, 3, 33, 40))),
            Case({}, ((7, 33), (2, 3, 33, 40)), (0,)),
            Case({}, ((2, 1, 7, 9), (3, 9, 5))),
        ),
    ),
)  # fmt: skip
