"""Matrix products with constant weights on the CPU: register tiles over rows of A."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.dense import TASK_FLOPS, choose_tile, dense_kernel
from kernels.cpu.target import CpuTarget
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, read, write

Array = np.ndarray[Any, Any]


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Gemm: A (M, K) plain, B constant, C absent, a number or one a column; plain output."""
    a, attributes = call.need(0), call.attributes
    if 1 not in call.constants or attributes.get("transA", 0) or a.dtype != np.float32 or len(a.shape) != 2:
        return None
    b = call.constants[1] if attributes.get("transB", 0) else call.constants[1].T
    bias = np.zeros(b.shape[0], np.float32)
    if call.given(2) is not None:
        c = call.constants.get(2)
        if c is None or c.size not in (1, b.shape[0]):
            return None
        bias[:] = c.reshape(-1) * attributes.get("beta", 1.0)
    return _lower(call, target, b * np.float32(attributes.get("alpha", 1.0)), bias)


def lower_matmul(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower MatMul: A (..., M, K) plain, B (K, N) constant; plain output."""
    a, b = call.need(0), call.constants.get(1)
    if b is None or b.ndim != 2 or a.dtype != np.float32 or len(a.shape) < 2:
        return None
    return _lower(call, target, b.T, np.zeros(b.shape[1], np.float32))


def _lower(call: Call, target: CpuTarget, weights: Array, bias: Array) -> CpuLowering:
    """Weights (N, K), bias (N)."""
    n, k = weights.shape
    rows, lanes = prod(call.need(0).shape) // k, target.lanes
    count = -(-n // lanes)
    pixels, blocks = choose_tile(rows, count, target.registers)
    rows_of_weights = np.zeros((count * lanes, k), np.float32)
    rows_of_weights[:n] = weights
    packed = rows_of_weights.reshape(count, lanes, k).transpose(0, 2, 1)
    padded = np.zeros(count * lanes, np.float32)
    padded[:n] = bias
    firsts = [min(i, count - blocks) for i in range(0, count, blocks)]
    groups = np.array([[first, 0, 1, first * k * lanes] for first in firsts], np.int64)
    tiles = -(-rows // pixels)
    each = min(tiles, max(1, round(TASK_FLOPS / (2.0 * k * lanes * blocks * pixels))))
    parts = -(-tiles // each)
    numbers = (
        1, len(firsts), parts, each, 1, rows, 0, 0, k, 0, 0, n, lanes, k * lanes, n, *clamp_of(call), 0, 0, 0,
    )  # fmt: skip
    operands = (
        read(0), constant(packed), constant(padded), ABSENT, write(),
        constant(np.array([[0, k]], np.int64)), constant(groups),
    )  # fmt: skip
    kernel = dense_kernel(pixels, blocks, lanes).address
    return CpuLowering((CpuStep(kernel, operands, numbers, len(firsts) * parts, "dense"),))
