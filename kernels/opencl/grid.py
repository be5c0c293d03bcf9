"""How many work-items a launch has, and how much each of them does."""

from __future__ import annotations

from dataclasses import dataclass

from kernels.opencl.target import GpuTarget

_GROUP = 128  # work-items per group on SIMT devices
_LEAST = 64  # vectors a CPU's work-item should at least do


def ceil_div(a: int, b: int) -> int:
    """The quotient of a and b, rounded up."""
    return -(-a // b)


def round_up(a: int, b: int) -> int:
    """The least multiple of b that is not below a."""
    return ceil_div(a, b) * b


@dataclass(frozen=True)
class Grid:
    """Work-items along the first axis, those of a group, and how many positions each one does."""

    items: int
    group: int
    span: int


def grid(count: int, target: GpuTarget) -> Grid:
    """Cover `count` neighbouring positions: one each on SIMT devices, long runs on CPU cores."""
    if target.simt:
        group = 8
        while group < min(count, _GROUP, target.max_work_group):
            group *= 2
        return Grid(round_up(count, group), group, 1)
    span = max(_LEAST, ceil_div(count, 4 * target.compute_units))
    return Grid(ceil_div(count, span), 1, span)


def row_grid(count: int, target: GpuTarget) -> Grid:
    """As `grid`, where a CPU's work-item does the whole row."""
    if target.simt:
        return grid(count, target)
    return Grid(1, 1, count)
