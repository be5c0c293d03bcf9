"""Launch: one kernel with its arguments set, made from one step or from several that run at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.devices.device import Bound
from kernels.op import GpuStep

if TYPE_CHECKING:
    from engine.devices.opencl import OpenClDevice


class Launch:
    """A kernel, its name and its device's, its sizes on three axes, and each step's share of its work-groups.

    Raises TypeError for a step of another device, ValueError for several steps that are no jobs of one launch.
    """

    def __init__(self, device: OpenClDevice, bound: Sequence[Bound]) -> None:
        steps = [_step(each) for each in bound]
        first = steps[0]
        if not all(_alike(bound[0], each) for each in bound[1:]):
            raise ValueError(f"{len(bound)} steps, the first with kernel {first.kernel!r}, are no jobs of one launch")
        self.device, self.name = device.name, first.kernel
        # Setting an argument retains nothing, so the buffers are kept here.
        self._memory = [memory.base for each in bound for memory in each.memory]
        self.kernel = device.programs.kernel(first)
        size, self.group = _three(first.global_size), _three(first.local_size or (1,))
        self.shares = [1.0]
        if first.table:
            groups = [_groups(step) for step in steps]
            counts = [prod(each) for each in groups]
            size = (sum(counts) * self.group[0], 1, 1)
            self.shares = [count / sum(counts) for count in counts]
            table = device.upload(_table(bound, groups, counts))
            self._memory.append(table)
            self.kernel.set_args(*(memory.base for memory in bound[0].memory), table)
        else:
            self.kernel.set_args(*_arguments(bound[0]))
        self.size = size


def _alike(one: Bound, other: Bound) -> bool:
    a, b = _step(one), _step(other)
    same = (a.source, a.kernel, a.defines, a.local_size, a.table) == (b.source, b.kernel, b.defines, b.local_size, True)
    return same and all(x.base is y.base for x, y in zip(one.memory, other.memory, strict=True))


def _step(bound: Bound) -> GpuStep:
    if not isinstance(bound.step, GpuStep):
        raise TypeError(f"an OpenCL device runs GpuStep, not {type(bound.step).__name__}")
    return bound.step


def _arguments(bound: Bound) -> list[Any]:
    """(buffer, offset) per operand, then the numbers."""
    arguments: list[Any] = []
    for memory in bound.memory:
        arguments += [memory.base, np.int32(memory.offset // 4)]
    arguments += [np.int32(n) if isinstance(n, int) else np.float32(n) for n in _step(bound).numbers]
    return arguments


def _table(bound: Sequence[Bound], groups: Sequence[tuple[int, ...]], counts: Sequence[int]) -> np.ndarray[Any, Any]:
    """The jobs as `GpuStep.table` describes them, int32."""
    table = [len(bound), *np.cumsum(counts)]
    for each, (across, along, _) in zip(bound, groups, strict=True):
        table += [across, along, *(memory.offset // 4 for memory in each.memory)]
        table += [n if isinstance(n, int) else int(np.float32(n).view(np.int32)) for n in _step(each).numbers]
    return np.array(table, np.int32)


def _groups(step: GpuStep) -> tuple[int, ...]:
    """Work-groups along three axes."""
    return tuple(a // b for a, b in zip(_three(step.global_size), _three(step.local_size or (1,)), strict=True))


def _three(size: tuple[int, ...]) -> tuple[int, int, int]:
    """A size on three axes."""
    x, y, z = size + (1,) * (3 - len(size))
    return x, y, z
