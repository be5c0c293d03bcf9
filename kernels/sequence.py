"""Two lowerings as one: what the first gives lies in scratch memory, where the second reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from kernels.op import CpuLowering, GpuLowering, Operand, scratch

Lowering = TypeVar("Lowering", CpuLowering, GpuLowering)


def sequence(first: Lowering, second: Lowering, nbytes: int) -> Lowering:
    """Both, one behind the other: the first's only output has `nbytes`, and is the second's input 0.

    The inputs are the first's input 0 and, from 1 on, the second's own; the first has no other input but constants.
    """

    def ahead(operand: Operand) -> Operand:
        if operand.kind == "output":
            return scratch()
        return scratch(1 + operand.index) if operand.kind == "scratch" else operand

    def behind(operand: Operand) -> Operand:
        if operand.kind == "input" and operand.index == 0:
            return scratch()
        return scratch(1 + len(first.scratch) + operand.index) if operand.kind == "scratch" else operand

    steps: Any = (*_moved(first, ahead), *_moved(second, behind))
    return replace(first, steps=steps, scratch=(nbytes, *first.scratch, *second.scratch))


def _moved(lowering: CpuLowering | GpuLowering, place: Callable[[Operand], Operand]) -> list[Any]:
    return [replace(step, operands=tuple(map(place, step.operands))) for step in lowering.steps]
