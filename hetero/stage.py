"""BoundStage: a stage of a plan bound to memory, and the hand-overs around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import NamedTuple

from engine.devices.device import Recording
from engine.program import Program
from hetero.compiled import Part
from hetero.memory.handover import Handover
from hetero.memory.shared import Side
from hetero.memory.slots import Slot
from hetero.rescue import Rescue


class Step(NamedTuple):
    """Part of a stage's run: "crossing" (a tensor given on, or waited for), "start" of the program, or its "finish"."""

    kind: str
    name: str
    work: Callable[[], None]


class BoundStage:
    """A stage of one variant, bound to every slot's memory."""

    def __init__(
        self,
        part: Part,
        slots: Iterable[tuple[Slot, Recording, Sequence[Step], Sequence[Step]]],
        rescue: Rescue,
    ) -> None:
        """For every slot what is replayed, what is taken over before and given on after."""
        self.device = part.device
        self._part, self._rescue = part, rescue
        self._recordings: dict[int, Recording] = {}
        self._starts: dict[int, list[Step]] = {}
        self._finishes: dict[int, list[Step]] = {}
        for slot, recording, takes, gives in slots:
            self._recordings[id(slot)] = recording
            self._starts[id(slot)] = [*takes, Step("start", self.device, recording.start), *gives]
            self._finishes[id(slot)] = [Step("finish", self.device, recording.wait)]

    def start(self, slot: Slot) -> None:
        """Take over the inputs, start the program, give the outputs on, all as far as a device can work alone."""
        self._do(self._starts, slot)

    def finish(self, slot: Slot) -> None:
        """Return when the device has ended."""
        self._do(self._finishes, slot)

    def run(self, slot: Slot) -> None:
        """Start, and finish."""
        self.start(slot)
        self.finish(slot)

    def _do(self, steps: Mapping[int, Sequence[Step]], slot: Slot) -> None:
        if slot.outputs is None:
            with self._rescue.standing_by(slot):
                for step in steps[id(slot)]:
                    step.work()

    def watched(self, around: Callable[[Step], Callable[[], None]]) -> BoundStage:
        """The same stage, where `around` gives what is done in every step's place."""
        twin = copy(self)

        def told(steps: Mapping[int, Sequence[Step]]) -> dict[int, list[Step]]:
            return {key: [step._replace(work=around(step)) for step in each] for key, each in steps.items()}

        twin._starts, twin._finishes = told(self._starts), told(self._finishes)
        return twin

    @contextmanager
    def alone(self, slot: Slot) -> Iterator[Recording]:
        """What is replayed for a slot, to be run by itself on memory that holds anything; the slot holds no frame."""
        touched = [slot.shared[key] for key in self._part.keys.values() if key in slot.shared]
        lent = touched if side(self.device) == "device" else []
        for shared in lent:
            shared.to_device()
            shared.wait()
        try:
            yield self._recordings[id(slot)]
        finally:
            for shared in lent:
                shared.recall()

    @property
    def program(self) -> Program:
        """The stage's program."""
        return self._part.program


def side(device: str) -> Side:
    """The side of shared memory that a device works on."""
    return "host" if device == "cpu" else "device"


def takes(moves: Sequence[Handover], use: int, slot: Slot) -> list[Step]:
    """What one use of a slot waits for before it begins."""
    mine = [move.tensor for move in moves if move.taker == use]
    return [Step("crossing", f"wait for {tensor}", slot.shared[tensor].wait) for tensor in mine]


def gives(moves: Sequence[Handover], use: int, slot: Slot) -> list[Step]:
    """What one use of a slot gives on when it is done."""
    return [
        Step("crossing", f"give {move.tensor}", partial(slot.shared[move.tensor].hand, move.side, move.wanted))
        for move in moves
        if move.giver == use
    ]
