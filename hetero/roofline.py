"""Roofline: the least time that arithmetic and memory leave to an operator (Williams, Waterman and Patterson, 2009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bound = Literal["compute", "memory"]


@dataclass(frozen=True)
class Limits:
    """What a device was measured to do at most.

    flops      float32 operations a second, a multiply-add counting two
    bandwidth  (bytes, bytes a second): rates of reading and writing so many bytes over and over, the
               fewest bytes first; what fits into a cache moves faster than what does not
    """

    flops: float
    bandwidth: tuple[tuple[int, float], ...]

    def bytes_per_second(self, nbytes: int) -> float:
        """The rate for an operator that touches so many bytes: that of the next smaller amount measured.

        So a share of the limit is never flattered by a cache being about full.
        """
        rates = [rate for size, rate in self.bandwidth if size <= nbytes]
        return rates[-1] if rates else self.bandwidth[0][1]

    def least(self, flops: float, nbytes: int) -> tuple[float, Bound]:
        """Seconds that the slower of arithmetic and memory takes, and which of them it is."""
        compute, memory = flops / self.flops, nbytes / self.bytes_per_second(nbytes)
        return (compute, "compute") if compute > memory else (memory, "memory")
