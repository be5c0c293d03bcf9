"""Arena: one block of memory shared by tensors whose lifetimes do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hetero.memory.lifetime import Lifetime


@dataclass(frozen=True)
class Arena:
    """Where each tensor begins, in bytes from the arena's start, and how many bytes it needs in all."""

    offsets: Mapping[str, int]
    total: int


def pack(tensors: Iterable[Lifetime], alignment: int = 64) -> Arena:
    """Give every tensor a place of its own for its lifetime, in as few bytes as greedy packing needs.

    The largest tensor is placed first; each goes to the smallest gap that holds it among those it
    shares a step with. Offsets and the total are multiples of `alignment`, in bytes.
    """
    placed: list[tuple[int, int, Lifetime]] = []  # (begin, end, whose), by begin
    total = 0
    for tensor in sorted(tensors, key=lambda each: (-each.nbytes, each.first, each.name)):
        size = -(-tensor.nbytes // alignment) * alignment
        end, best, tightest = 0, None, None
        for begin, stop, other in placed:
            if not tensor.overlaps(other):
                continue
            gap = begin - end
            if gap >= size and (tightest is None or gap < tightest):
                best, tightest = end, gap
            end = max(end, stop)
        offset = end if best is None else best
        placed.append((offset, offset + size, tensor))
        placed.sort(key=lambda each: each[:2])
        total = max(total, offset + size)
    return Arena({tensor.name: offset for offset, _, tensor in placed}, total)
