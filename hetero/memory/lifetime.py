"""Lifetime: from which step to which a tensor's memory is in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.program import Program


@dataclass(frozen=True)
class Lifetime:
    """Bytes that must stay untouched from step `first` to step `last`, both included.

    Raises ValueError for a negative size or a lifetime that ends before it begins.
    """

    name: str
    nbytes: int
    first: int
    last: int

    def __post_init__(self) -> None:
        if self.nbytes < 0:
            raise ValueError(f"tensor {self.name!r} has {self.nbytes} bytes")
        if self.last < self.first:
            raise ValueError(f"tensor {self.name!r} lives from step {self.first} to step {self.last}")

    def overlaps(self, other: Lifetime) -> bool:
        """Whether both are in use during some step."""
        return self.first <= other.last and other.first <= self.last


def lifetimes(program: Program) -> list[Lifetime]:
    """The lifetimes of what a program needs while it runs."""
    return [Lifetime(area.name, area.nbytes, area.first, area.last) for area in program.areas]


def peak(tensors: Iterable[Lifetime]) -> int:
    """The most bytes in use during any one step: no arena can be smaller."""
    change: dict[int, int] = {}
    for tensor in tensors:
        change[tensor.first] = change.get(tensor.first, 0) + tensor.nbytes
        change[tensor.last + 1] = change.get(tensor.last + 1, 0) - tensor.nbytes
    live = most = 0
    for step in sorted(change):
        live += change[step]
        most = max(most, live)
    return most
