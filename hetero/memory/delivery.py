"""Delivery: a frame's outputs copied into arrays of their own by the worker that ends it, not by who waits for them."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from engine.devices.command import Command, DriverError
from engine.devices.native import native
from hetero.memory.lender import Lender
from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import integers
from kernels.cpu.vector import pointer_ir

Array = np.ndarray[Any, Any]

LENT = 16  # frames of a slot whose arrays are waited for: more are seldom held at once by who takes them in order


@intrinsic
def _copy_bytes(typing, to, source, count):
    """Copy so many bytes from one address to another."""

    def codegen(context, builder, signature, arguments):
        into, source = (pointer_ir(builder, each, ir.IntType(8)) for each in arguments[:2])
        cgutils.raw_memcpy(builder, into, source, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@native("int64(int64)")
def _deliver(words):
    """Copy arrays. words: where the list of them lies: how many, then for each where to, where from, its bytes."""
    w = integers(integers(words)[0])
    for i in range(w[0]):
        _copy_bytes(w[3 * i + 1], w[3 * i + 2], w[3 * i + 3])
    return 0


class Delivery:
    """One slot's outputs: what is to be copied, and the arrays that the frames in flight will give.

    frames    of the slot, one after the other: output -> the array where it is found when all stages have ended
    command   copies what was promised last; the arrays must live until it has
    """

    def __init__(self, frames: Sequence[Mapping[str, Array]]) -> None:
        sources = [{name: np.asarray(array, order="C") for name, array in each.items()} for each in frames]
        self._lenders = [(tuple(each), Lender(tuple(each.values()), LENT)) for each in sources]
        self._promised: list[dict[str, Array]] = []
        rows = [(0, array.ctypes.data, array.nbytes) for each in sources for array in each.values()]
        self._list = np.array([0, *chain(*rows)], np.int64)
        self._to = self._list[1::3]
        self.command = Command(_deliver, (self._list.ctypes.data,), DriverError, self._list, sources)

    def promise(self, frames: int) -> None:
        """Make arrays for the outputs of the first frames, those that the slot holds."""
        self._promised, addresses = [], []
        for names, lender in self._lenders[:frames]:
            loan = lender.lend()
            self._promised.append(dict(zip(names, loan.views(), strict=True)))
            addresses += loan.addresses
        self._list[0] = len(addresses)
        self._to[: len(addresses)] = addresses

    def collect(self) -> list[dict[str, Array]]:
        """What was promised, frame by frame; theirs who collect it, and used again when they hold none of it."""
        promised, self._promised = self._promised, []
        return promised
