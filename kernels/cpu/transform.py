"""Winograd's transforms on the CPU: a tile of vectors between two matrices, by as few operations as those allow."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from itertools import combinations

import numpy as np

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.vector import f32, i64, pointer_ir, vector_call_ir
from kernels.winograd import matrices, values


def _pairs(rows):
    """Pairs of rows that differ in some signs only, and not in all: (sum + difference) and (sum - difference)."""
    return [
        (i, j)
        for i, j in combinations(range(len(rows)), 2)
        if (abs(rows[i]) == abs(rows[j])).all() and abs(rows[i] + rows[j]).any() and abs(rows[i] - rows[j]).any()
    ]


def _product(builder, matrix, values):
    """The matrix times a column of vectors.

    Points of interpolation come with both signs. For B' that makes pairs of rows, for A' pairs of columns, whose
    even and odd parts are computed once.
    """
    columns = [matrix[:, i] for i in range(len(values))]
    values = list(values)
    for i, j in _pairs(columns):
        columns[i], columns[j] = (columns[i] + columns[j]) / 2, (columns[i] - columns[j]) / 2
        values[i], values[j] = builder.fadd(values[i], values[j]), builder.fsub(values[i], values[j])
    rows = list(np.stack(columns, 1))
    pairs = _pairs(rows)
    for i, j in pairs:
        rows[i], rows[j] = (rows[i] + rows[j]) / 2, (rows[i] - rows[j]) / 2
    results = [_sum(builder, row, values) for row in rows]
    for i, j in pairs:
        results[i], results[j] = builder.fadd(results[i], results[j]), builder.fsub(results[i], results[j])
    return results


def _sum(builder, factors, values):
    """The sum of factor x value; what needs no factor comes first, so that all others are multiply-adds."""
    terms = sorted((pair for pair in zip(factors, values, strict=True) if pair[0]), key=lambda pair: abs(pair[0] - 1))
    total = None
    for factor, value in terms:
        wide = ir.Constant(value.type, [float(factor)] * value.type.count)
        if total is None:
            total = value if factor == 1 else builder.fmul(value, wide)
        elif factor in (1, -1):
            total = builder.fadd(total, value) if factor > 0 else builder.fsub(total, value)
        else:
            total = vector_call_ir(builder, "fmuladd", [value, wide, total])
    return total


@intrinsic(prefer_literal=True)
def transform(typing, source, source_row, source_step, target, target_row, target_step, size, outwards, lanes):
    """T = M S M' of one tile of vectors, M being A' of `values` (`outwards` 1) or B' (0).

    Addresses in bytes; S's element (i, j) lies i * source_row + j * source_step elements on, T's likewise.
    """
    literals = (size, outwards, lanes)
    signature = types.void(*[types.int64] * 6, *literals)
    size, outwards, lanes = (literal.literal_value for literal in literals)
    matrix = values(size)[0] if outwards else matrices(size)[2]
    rows, columns = matrix.shape

    def codegen(context, builder, signature, arguments):
        source, source_row, source_step, target, target_row, target_step = arguments[:6]
        vector = ir.VectorType(f32(), lanes)

        def place(base, row, step, i, j):
            offset = builder.add(builder.mul(row, ir.Constant(i64(), i)), builder.mul(step, ir.Constant(i64(), j)))
            return pointer_ir(builder, builder.add(base, builder.shl(offset, ir.Constant(i64(), 2))), vector)

        half = [[cgutils.alloca_once(builder, vector) for _ in range(columns)] for _ in range(rows)]
        for j in range(columns):
            column = [builder.load(place(source, source_row, source_step, i, j), align=4) for i in range(columns)]
            for i, value in enumerate(_product(builder, matrix, column)):
                builder.store(value, half[i][j])
        for i in range(rows):
            for j, value in enumerate(_product(builder, matrix, [builder.load(slot) for slot in half[i]])):
                builder.store(value, place(target, target_row, target_step, i, j), align=4)
        return context.get_dummy_value()

    return signature, codegen
