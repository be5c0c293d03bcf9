"""BoundStage: a stage of a plan bound to memory, and the hand-overs around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import NamedTuple

from engine.devices.command import Command
from engine.devices.device import Recording
from engine.program import Program
from hetero.compiled import Part
from hetero.memory.handover import Handover
from hetero.memory.shared import Side
from hetero.memory.slots import Slot
from hetero.pipeline.stage import Stage
from hetero.rescue import Rescue


class Step(NamedTuple):
    """Part of a stage's run: "crossing" (a tensor given on, or waited for), "start" of the program, or its "finish"."""

    kind: str
    name: str
    work: Callable[[], None]


class BoundStage(Stage):
    """A stage of one variant, bound to every slot's memory.

    `start` and `finish` keep account of who owns what is shared. As commands it does without, unless it is `checked`:
    a frame's hand-overs are always the same, and before and after all is the host's.
    """

    def __init__(
        self,
        part: Part,
        slots: Iterable[tuple[Slot, Recording]],
        moves: Sequence[Handover],
        use: int,
        rescue: Rescue,
        checked: bool,
        last: Mapping[int, Command],
    ) -> None:
        """For every slot what is replayed; the variant's hand-overs, and which use of a slot this stage is.

        `last` is what to do with a slot, by its id, when its frame is done, where this stage is the last.
        """
        self.device = part.device
        self._part, self._moves, self._use, self._rescue, self._checked = part, moves, use, rescue, checked
        self._last = {key: (command,) for key, command in last.items()}
        self._recordings: dict[int, Recording] = {}
        self._starts: dict[int, list[Step]] = {}
        self._finishes: dict[int, list[Step]] = {}
        for slot, recording in slots:
            self._recordings[id(slot)] = recording
            start = Step("start", self.device, recording.start)
            self._starts[id(slot)] = [*takes(moves, use, slot), start, *gives(moves, use, slot)]
            self._finishes[id(slot)] = [Step("finish", self.device, recording.wait)]

    def commands(self, slot: Slot) -> tuple[Sequence[Command], Sequence[Command]]:
        """What `start` and `finish` do to a slot whose frame is its own; the last stage then delivers the outputs."""
        if self._checked:
            return super().commands(slot)
        starts, finishes = self._recordings[id(slot)].commands()
        finishes = (*finishes, *self._last.get(id(slot), ()))
        if side(self.device) == "host":
            return starts, finishes

        def crossings(to: Side, use: Callable[[Handover], int]) -> list[Command]:
            mine = [move for move in self._moves if move.side == to and use(move) == self._use]
            return [each for move in mine for each in slot.shared[move.tensor].crossing(to, move.wanted)]

        arriving = crossings("device", lambda move: move.taker)
        leaving = crossings("host", lambda move: move.giver)
        return (*arriving, *starts, *leaving), finishes

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
