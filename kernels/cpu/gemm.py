"""Matrix products on the CPU: register tiles over rows of A, and panels of B, packed at load where B is constant."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.chain import tail
from kernels.cpu.dense import TASK_FLOPS, choose_tile, dense_kernel
from kernels.cpu.record import floats, kernel, number
from kernels.cpu.strided import strided
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import load, multiply, splat, store
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, Operand, Shape, constant, operand, scratch, write
from kernels.product import Product, Strides, image_stride
from kernels.view import dense_strides

Array = np.ndarray[Any, Any]


@cache
def pack_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: b, packed; rows, columns, panels, b's strides by image, row and column; a factor. A task is a panel: `lanes`
    columns of an image's matrix, which become [row][lanes], zeros where there are no columns.
    """

    def pack(args: Any, task: Any) -> None:
        rows, by_row, by_column = args[2], args[6], args[7]
        image, first = task // args[4], task % args[4] * lanes
        source = args[0] + (image * args[5] + first * by_column) * 4
        target = args[1] + task * rows * lanes * 4
        count = min(lanes, args[3] - first)
        factor = number(args, 8)
        if by_column == 1 and count == lanes:
            factors = splat(factor, lanes)
            for row in range(rows):
                store(target + row * lanes * 4, multiply(load(source + row * by_row * 4, lanes), factors))
        else:
            x, y = floats(source), floats(target)
            for row in range(rows):
                for lane in range(count):
                    y[row * lanes + lane] = x[row * by_row + lane * by_column] * factor
                for lane in range(count, lanes):
                    y[row * lanes + lane] = 0.0

    return kernel(pack)


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower Gemm or MatMul: A and B plain, C absent, a number or one a column, constant; plain output."""
    get = call.attributes.get
    bias = np.zeros(call.outputs[0].shape[-1], np.float32)
    if 2 in call.constants:
        bias[:] = call.constants[2].reshape(-1) * get("beta", 1.0)
    if 1 in call.constants and len(call.need(1).shape) == 2 and not get("transA", 0):
        weights = call.constants[1] if get("transB", 0) else call.constants[1].T
        return _constant(call, target, weights * np.float32(get("alpha", 1.0)), bias)
    return _variable(call, target, Product.of(call), bias)


def _constant(call: Call, target: CpuTarget, weights: Array, bias: Array) -> CpuLowering:
    """A, taken as rows, times weights (N, K), plus bias (N)."""
    n, k = weights.shape
    lanes = target.lanes
    count = -(-n // lanes)
    padded = np.zeros((count * lanes, k), np.float32)
    padded[:n] = weights
    packed = constant(padded.reshape(count, lanes, k).transpose(0, 2, 1))
    rows = prod(call.need(0).shape) // k
    return CpuLowering((_product(call, target, (1, rows, k, n), operand(call, 0), (0, k), packed, bias),))


def _variable(call: Call, target: CpuTarget, product: Product, bias: Array) -> CpuLowering:
    """Pack B into scratch, then multiply; matrices that do not lie evenly are copied first."""
    batch, m, k, n = product.batch, product.m, product.k, product.n
    images, panels = prod(batch), -(-n // target.lanes)
    areas = [images * panels * k * target.lanes * 4]
    steps: list[CpuStep | None] = []

    def even(position: int, shape: Shape, by: Strides, rows: bool) -> tuple[Operand, int, Strides]:
        """A matrix stack's memory, its stride by image, and those by row and column (1 where `rows` are wanted)."""
        source, image = operand(call, position), image_stride(batch, by)
        if image is not None and (by[-1] == 1 or not rows):
            return source, image, by[-2:]
        there = scratch(len(areas))
        areas.append(4 * prod((*batch, *shape)))
        sizes = (*batch, *shape)
        steps.append(strided(source, there, sizes, by, dense_strides(sizes), target.lanes))
        return there, prod(shape), (shape[1], 1)

    a, a_image, (a_row, _) = even(0, (m, k), product.a, rows=True)
    b, b_image, by_b = even(1, (k, n), product.b, rows=False)
    if b_image == 0 and a_image == m * k:
        # One matrix for all: a single, taller product.
        images, m = 1, images * m
    numbers = (k, n, panels, b_image, *by_b, float(call.attributes.get("alpha", 1.0)))
    steps.append(CpuStep(pack_kernel(target.lanes).address, (b, scratch()), numbers, images * panels, "pack"))
    steps.append(_product(call, target, (images, m, k, n), a, (a_image, a_row), scratch(), bias))
    return CpuLowering(tuple(step for step in steps if step is not None), tuple(areas))


def _product(
    call: Call, target: CpuTarget, sizes: Shape, a: Operand, by_a: tuple[int, int], packed: Operand, bias: Array
) -> CpuStep:
    """Images of M x K, with strides by image and row, times packed panels: those of every image behind each other."""
    images, m, k, n = sizes
    lanes = target.lanes
    count = -(-n // lanes)
    padded = np.zeros(count * lanes, np.float32)
    padded[:n] = bias
    pixels, blocks = choose_tile(m, count, target.registers)
    firsts = [min(i, count - blocks) for i in range(0, count, blocks)]
    groups = np.array([[first, 0, 1, first * k * lanes] for first in firsts], np.int64)
    tiles = -(-m // pixels)
    each = min(tiles, max(1, round(TASK_FLOPS / (2.0 * k * lanes * blocks * pixels))))
    parts = -(-tiles // each)
    numbers = (
        images, len(firsts), parts, each, 1, m, by_a[0], 0, by_a[1], m * n, 0, n, lanes, k * lanes, n, *clamp_of(call),
        count * k * lanes, 0, 0,
    )  # fmt: skip
    operands = (
        a, packed, constant(padded), ABSENT, write(), constant(np.array([[0, k]], np.int64)), constant(groups),
    )  # fmt: skip
    chain, tasks = tail(call, lanes), images * len(firsts) * parts
    kernel_of_size = dense_kernel(pixels, blocks, lanes).address
    return CpuStep(kernel_of_size, (*operands, *chain), numbers, tasks, "dense", len(chain))
