"""Lifetime: from which step to which a tensor's memory is in use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass


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


def lifetimes(
    steps: Sequence[tuple[Iterable[str], Iterable[str]]],
    nbytes: Mapping[str, int],
    keep: Collection[str] = (),
) -> list[Lifetime]:
    """Lifetimes of the tensors named in `nbytes`, from what each step (reads, writes).

    A tensor lives from the first step that names it to the last. One that is read before it is
    written comes from outside and lives from step 0; one in `keep` lives to the end. A tensor that
    no step names gets no lifetime.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, (reads, writes) in enumerate(steps):
        for name in reads:
            first.setdefault(name, 0)
            last[name] = number
        for name in writes:
            first.setdefault(name, number)
            last[name] = number
    last.update(dict.fromkeys((name for name in keep if name in first), len(steps) - 1))
    return [Lifetime(name, nbytes[name], first[name], last[name]) for name in first if name in nbytes]


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
