"""Handover: when a frame's shared memory changes hands, and whether its bytes have to come along."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from hetero.memory.shared import Side


class Use(NamedTuple):
    """What one stage does with a frame's shared memory: names of the tensors it reads and writes."""

    side: Side
    reads: Collection[str]
    writes: Collection[str]


class Handover(NamedTuple):
    """A tensor's memory given to a side after use `giver`, which has to wait for it before use `taker`.

    `wanted` is whether its bytes matter there: they do not where the taker overwrites them, or has them already.
    """

    tensor: str
    side: Side
    giver: int
    taker: int
    wanted: bool


def handovers(uses: Sequence[Use], tensors: Iterable[str]) -> list[Handover]:
    """All hand-overs of a frame, its tensors one after the other.

    The first use loads the frame and the last unloads it, both on the host, which owns everything
    before and after. A tensor is given on as soon as its users on one side are done, so that it is on
    its way while others still work.
    """
    last = len(uses) - 1
    found = []
    for tensor in tensors:
        touched = (i for i, use in enumerate(uses) if i in (0, last) or tensor in use.reads or tensor in use.writes)
        valid: set[Side] = set()  # the sides that have the tensor's bytes as they are now
        for giver, taker in pairwise(touched):
            if tensor in uses[giver].writes:
                valid = {uses[giver].side}
            side = uses[taker].side
            if side != uses[giver].side:
                wanted = tensor in uses[taker].reads and side not in valid
                found.append(Handover(tensor, side, giver, taker, wanted))
                valid |= {side} if wanted else set()
    return found
