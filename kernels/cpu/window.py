"""Neighbouring windows of a row: every number is read once for all that need it, and nothing is padded."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from kernels.cpu.compiler import ir
from kernels.cpu.vector import f32, i64, pointer_ir

MOST_TAPS = 7  # of a window's row in one go; wider windows take several


def row_ir(builder, row, column, width, outside, windows, taps, stride, dilation, lanes):
    """Read a row of `taps` taps of so many windows: yields each vector, and which (window, tap) need it.

    row: address of the image's row, `width` vectors wide; column: where the first window begins. `outside` is the
    address of what is read where the row has no such column.
    """
    users: dict[int, list[tuple[int, int]]] = {}  # column of a number, from the first window's
    for window in range(windows):
        for tap in range(taps):
            users.setdefault(window * stride + tap * dilation, []).append((window, tap))
    for where in sorted(users):
        place = builder.add(column, ir.Constant(i64(), where))
        inside = builder.icmp_unsigned("<", place, width)
        there = builder.add(row, builder.mul(place, ir.Constant(i64(), 4 * lanes)))
        pointer = pointer_ir(builder, builder.select(inside, there, outside), ir.VectorType(f32(), lanes))
        yield builder.load(pointer, align=4), users[where]
