"""Strided copies: an array's elements at even distances along a few dimensions to others at even distances.

Where neighbours in the one are not neighbours in the other, squares of numbers turn in registers.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu.compiler import intrinsic, ir, njit, types
from kernels.cpu.record import floats, integers, kernel
from kernels.cpu.share import TASK_ELEMENTS
from kernels.cpu.vector import f32, pointer_ir
from kernels.op import CpuStep, Operand, constant
from kernels.view import RANK

SHORT = 16  # elements: a dimension that makes a poor innermost loop
Dimension = tuple[int, int, int]  # its size, and its strides in x and in y


@njit(inline="always")  # type: ignore[untyped-decorator]
def offsets(table: Any, number: Any, rank: Any) -> Any:
    """Where both arrays have the number-th element of the first `rank` dimensions of a table [3][RANK], in elements."""
    first = second = 0
    for k in range(rank - 1, -1, -1):
        index = number % table[k]
        number //= table[k]
        first += index * table[RANK + k]
        second += index * table[2 * RANK + k]
    return first, second


@cache
def copy_kernel() -> Any:
    """Compiled kernel.

    Record: x, y, table [3][RANK] of sizes and both strides; x's and y's first element, planes a task, all planes. A
    plane is the last two dimensions.
    """

    def copy(args: Any, task: Any) -> None:
        table = integers(args[2])
        rows, x_row, y_row = table[RANK - 2], table[2 * RANK - 2], table[3 * RANK - 2]
        length, by_x, by_y = table[RANK - 1], table[2 * RANK - 1], table[3 * RANK - 1]
        for plane in range(task * args[5], min(args[6], (task + 1) * args[5])):
            first, second = offsets(table, plane, RANK - 2)
            for row in range(rows):
                x = floats(args[0] + (args[3] + first + row * x_row) * 4)
                y = floats(args[1] + (args[4] + second + row * y_row) * 4)
                for i in range(length):
                    y[i * by_y] = x[i * by_x]

    return kernel(copy)


@intrinsic(prefer_literal=True)
def turn(typing, source, source_row, target, target_row, lanes):
    """Row i, number k of a square of lanes x lanes float32 becomes row k, number i. Addresses and strides in bytes.

    Of each bit of row and number one exchange: rows that differ in it alone swap halves of their numbers.
    """
    count = lanes.literal_value

    def codegen(context, builder, signature, arguments):
        source, source_row, target, target_row, _ = arguments
        vector = ir.VectorType(f32(), count)

        def row(base, stride, i):
            return pointer_ir(builder, builder.add(base, builder.mul(stride, ir.Constant(stride.type, i))), vector)

        def picked(a, b, numbers):
            return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), count), numbers))

        rows = [builder.load(row(source, source_row, i), align=4) for i in range(count)]
        bit = 1
        while bit < count:
            for i in range(count):
                if i & bit == 0:
                    a, b = rows[i], rows[i | bit]
                    rows[i] = picked(a, b, [count + k - bit if k & bit else k for k in range(count)])
                    rows[i | bit] = picked(a, b, [count + k if k & bit else k + bit for k in range(count)])
            bit *= 2
        for i, value in enumerate(rows):
            builder.store(value, row(target, target_row, i), align=4)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4, lanes), codegen


@cache
def turn_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: as `copy_kernel` has it, for rows of squares instead of planes. Numbers are neighbours in x along the last
    dimension but one, in y along the last one; both hold a square or more, and the last square overlaps its neighbour.
    """

    def turned(args: Any, task: Any) -> None:
        table = integers(args[2])
        high, wide = table[RANK - 2], table[RANK - 1]
        x_step, y_step = table[2 * RANK - 1], table[3 * RANK - 2]
        squares = (high + lanes - 1) // lanes
        for part in range(task * args[5], min(args[6], (task + 1) * args[5])):
            top = min(part % squares * lanes, high - lanes)
            first, second = offsets(table, part // squares, RANK - 2)
            for column in range(0, wide, lanes):
                left = min(column, wide - lanes)
                x = args[0] + (args[3] + first + top + left * x_step) * 4
                y = args[1] + (args[4] + second + top * y_step + left) * 4
                turn(x, x_step * 4, y, y_step * 4, lanes)

    return kernel(turned)


def strided(
    x: Operand,
    y: Operand,
    sizes: Sequence[int],
    x_strides: Sequence[int],
    y_strides: Sequence[int],
    lanes: int,
    x_first: int = 0,
    y_first: int = 0,
    name: str = "copy",
) -> CpuStep | None:
    """y[i...] = x[i...], numbers of four bytes, over up to RANK dimensions; None where there are more.

    Strides and the firsts in elements.
    """
    dimensions = _joined(list(zip(sizes, x_strides, y_strides, strict=True)))
    if len(dimensions) > RANK:
        return None
    near_x = next((d for d in dimensions if d[1] == 1), None)
    near_y = next((d for d in dimensions if d[2] == 1), None)
    if near_x and near_y and near_x is not near_y and min(near_x[0], near_y[0]) >= lanes:
        order = [d for d in dimensions if d not in (near_x, near_y)] + [near_x, near_y]
        parts, elements, address = -(-near_x[0] // lanes), lanes * near_y[0], turn_kernel(lanes).address
    else:
        order = _longest_last(dimensions)
        # A single row would be a single task; cut it so that it can be shared.
        if len(order) == 1 and order[0][0] % 64 == 0:
            length, by_x, by_y = order[0][0] // 64, *order[0][1:]
            order = [(64, by_x * length, by_y * length), (1, 0, 0), (length, by_x, by_y)]
        parts, elements, address = 1, prod(d[0] for d in order[-2:]), copy_kernel().address
    full = [(1, 0, 0)] * (RANK - len(order)) + order
    count = prod(d[0] for d in full[:-2]) * parts
    each = max(1, TASK_ELEMENTS // max(1, elements))
    table = constant(np.array(full, np.int64).T)
    return CpuStep(address, (x, y, table), (x_first, y_first, each, count), -(-count // each), name)


def _joined(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """Neighbours that lie evenly in both arrays taken as one dimension, and none of size one."""
    kept: list[Dimension] = []
    for size, by_x, by_y in dimensions:
        if size == 1:
            continue
        if kept and kept[-1][1:] == (by_x * size, by_y * size):
            kept[-1] = (kept[-1][0] * size, by_x, by_y)
        else:
            kept.append((size, by_x, by_y))
    return kept


def _longest_last(dimensions: list[Dimension]) -> list[Dimension]:
    """The longest dimension innermost where the last one is short: loops have their price.

    Only one along which the elements of x or y are neighbours will do.
    """
    if not dimensions or dimensions[-1][0] >= SHORT:
        return dimensions
    near = [k for k, dimension in enumerate(dimensions) if 1 in dimension[1:]]
    best = max(near, key=lambda k: (dimensions[k][0], k), default=len(dimensions) - 1)
    return [*dimensions[:best], *dimensions[best + 1 :], dimensions[best]]
