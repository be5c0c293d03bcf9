"""Delivery: a frame's outputs copied into arrays of their own by the worker that ends it, not by who waits for them."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.devices.command import Command, DriverError
from engine.devices.native import native
from hetero.memory.shared import StagedBuffer
from hetero.memory.supply import Supply
from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import integers
from kernels.cpu.vector import pointer_ir

Array = np.ndarray[Any, Any]


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
    """One slot's outputs: how they get into arrays of their own, and those arrays for the frames in flight.

    outputs    name -> the array where it is found when all stages have ended, one frame of a batch behind the other
    frames     of a batch
    landings   a mapping for each variant: name -> what hands the output over to the host, for nobody else there
    supply     of the arrays
    command    copies what was promised last, if no device does; the arrays must live until it has
    """

    def __init__(
        self,
        outputs: Mapping[str, Array],
        frames: int,
        landings: Sequence[Mapping[str, StagedBuffer]],
        supply: Supply,
    ) -> None:
        self._outputs = {name: np.asarray(array, order="C") for name, array in outputs.items()}
        self._frames, self._landings, self._supply = frames, landings, supply
        self._found = [(name, array.ctypes.data, array.nbytes) for name, array in self._outputs.items()]
        self._promised: dict[str, Array] = {}
        self._list = np.zeros(1 + 3 * len(outputs), np.int64)
        self.command = Command(_deliver, (self._list.ctypes.data,), DriverError, self._list, self._outputs)

    def promise(self, variant: int) -> None:
        """Have arrays ready for the outputs of what is in the slot."""
        landings, copies = self._landings[variant], []
        for name, address, nbytes in self._found:
            loan, staged = None, landings.get(name)
            if staged is not None:
                loan = self._supply.pinned[name].lend()
                staged.land(loan.address if loan else 0)
            if loan is None:
                plain = self._supply.plain[name]
                loan = plain.lend() or plain.give()
                copies += [loan.address, address, nbytes]
            self._promised[name] = loan.array()
        self._list[0] = len(copies) // 3
        self._list[1 : 1 + len(copies)] = copies

    def collect(self) -> list[dict[str, Array]]:
        """What was promised, frame by frame; theirs who collect it, and used again when they hold none of it."""
        promised, self._promised = self._promised, {}
        return by_frame(promised, self._frames)


def by_frame(batch: dict[str, Array], frames: int) -> list[dict[str, Array]]:
    """A batch's arrays, so many frames one behind the other, frame by frame: views, or the batch if it is one."""
    if frames == 1:
        return [batch]
    rows = {name: np.split(array, frames) for name, array in batch.items()}
    return [{name: each[i] for name, each in rows.items()} for i in range(frames)]
