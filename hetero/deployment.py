"""Deployment: a compiled plan with memory for the frames in flight, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.devices.device import Memory, Recording
from hetero.compiled import Compiled, Part
from hetero.debug import debugging
from hetero.memory.delivery import Delivery, by_frame
from hetero.memory.guarded import GuardedRecording
from hetero.memory.handover import Handover, Use, handovers
from hetero.memory.shared import StagedBuffer
from hetero.memory.slots import Slot, make_slot
from hetero.memory.supply import Supply
from hetero.rescue import Rescue
from hetero.stage import BoundStage, gives, side

Array = np.ndarray[Any, Any]


class Deployment:
    """A plan's variants, ready to run. Frames in flight need a slot each; every slot serves every variant.

    `checked` makes touching shared memory out of turn an OwnershipError; None: as the environment says. `spare` makes
    the network ready on the CPU, for frames that a device's driver fails; None: they fail.
    """

    def __init__(
        self,
        compiled: Compiled,
        depth: int,
        checked: bool | None = None,
        spare: Callable[[], Deployment] | None = None,
    ) -> None:
        self.graph, self.plan, self.devices = compiled.graph, compiled.plan, compiled.devices
        self.checked = debugging() if checked is None else checked
        self._rescue = Rescue(self.devices, spare, self._inputs)
        self.slots = [self._slot(compiled.parts, number) for number in range(depth)]
        arenas = self._arenas(compiled.parts)
        self._entries = {id(slot): self._entry(slot) for slot in self.slots}
        moves = [self._handovers(parts) for parts in compiled.variants]
        lasts = [
            [move.tensor for move in each if move.taker == len(parts) + 1 and move.wanted]
            for parts, each in zip(compiled.variants, moves, strict=True)
        ]
        self._deliveries = self._deliver(lasts)
        self.variants = [
            [self._stage(part, arenas, each, use, use == len(parts)) for use, part in enumerate(parts, 1)]
            for parts, each in zip(compiled.variants, moves, strict=True)
        ]
        self._loading = {(v, id(s)): gives(each, 0, s) for v, each in enumerate(moves) for s in self.slots}

    def _arenas(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """For every slot an arena a device, large enough for any of its stages.

        All slots share that of a device that runs one stage at a time.
        """
        total: dict[str, int] = {}
        for part in parts:
            total[part.device] = max(total.get(part.device, 0), part.arena.total)
        found: list[dict[str, Any]] = [{} for _ in self.slots]
        for key, nbytes in total.items():
            device = self.devices[key]
            shared = None if device.streams > 1 or device.ahead else device.allocate(nbytes)
            for each in found:
                each[key] = device.allocate(nbytes) if shared is None else shared
        return found

    def _slot(self, parts: Sequence[Part], number: int) -> Slot:
        ends = {*self.graph.inputs, *self.graph.outputs}
        sizes = {name: self.graph.spec(name).nbytes for name in ends if self.graph.value(name) is None}
        users: dict[str, set[str]] = {name: {"cpu"} for name in sizes}
        for part in parts:
            for name, nbytes in part.program.border.items():
                key = part.keys[name]
                sizes[key] = max(sizes.get(key, 0), nbytes)
                users.setdefault(key, set()).add(part.device)
        return make_slot(self.devices, sizes, users, number, self.checked)

    def _handovers(self, parts: Sequence[Part]) -> list[Handover]:
        """A variant's hand-overs: use 0 loads a frame, use i is its i-th stage, the last unloads it."""
        stages = [Use(side(part.device), part.reads, part.writes) for part in parts]
        uses = [Use("host", (), self.graph.inputs), *stages, Use("host", self.graph.outputs, ())]
        return handovers(uses, self.slots[0].shared)

    def _deliver(self, lasts: Sequence[Sequence[str]]) -> dict[int, Delivery]:
        """Every slot's delivery, by its id; each variant's `lasts` are handed over only to be unloaded."""
        outputs = [{name: self._output(slot, name) for name in self.graph.outputs} for slot in self.slots]
        landings = [[_staged(slot, names) for names in lasts] for slot in self.slots]
        any_variant = {name: staged for each in landings[0] for name, staged in each.items()}
        supply = Supply(outputs[0], len(self.slots), any_variant)
        return {
            id(slot): Delivery(outputs[i], self.plan.batch, landings[i], supply) for i, slot in enumerate(self.slots)
        }

    def _stage(
        self, part: Part, arenas: Sequence[Mapping[str, Any]], moves: Sequence[Handover], use: int, last: bool
    ) -> BoundStage:
        bound = ((slot, self._bind(part, slot, arena)) for slot, arena in zip(self.slots, arenas, strict=True))
        deliveries = {key: each.command for key, each in self._deliveries.items()} if last else {}
        return BoundStage(part, bound, moves, use, self._rescue, self.checked, deliveries)

    def _bind(self, part: Part, slot: Slot, arenas: Mapping[str, Any]) -> Recording:
        def memory(name: str) -> Memory:
            if name in part.program.border:
                return slot.memory[part.keys[name]][part.device]
            return Memory(arenas[part.device], part.arena.offsets[name])

        recording = part.program.bind(memory, slot.number)
        if not self.checked:
            return recording
        touched = {name: slot.shared[key] for name, key in part.keys.items() if key in slot.shared}
        return GuardedRecording(recording, side(part.device), touched)

    def load(self, slot: Slot, feeds: Mapping[str, Array], variant: int) -> None:
        """Put one frame's inputs into a slot, and give them to the variant's first stages."""
        self.load_all(slot, (feeds,), variant)

    def load_all(self, slot: Slot, frames: Sequence[Mapping[str, Array]], variant: int) -> None:
        """Put the inputs of a batch into a slot, at most as many frames as the plan runs together."""
        self._rescue.reclaim(slot)
        _fill(self._entry(slot), frames)
        with self._rescue.standing_by(slot):
            for step in self._loading[variant, id(slot)]:
                step.work()

    def hand_in(self, slot: Slot, frames: Sequence[Mapping[str, Array]], variant: int) -> None:
        """Put a batch into a slot for stages that are run as commands, which take what they need and deliver."""
        self._rescue.reclaim(slot)
        _fill(self._entries[id(slot)], frames)
        self._deliveries[id(slot)].promise(variant)

    def _entry(self, slot: Slot) -> list[dict[str, Array]]:
        """Where a slot's inputs belong, frame by frame. Raises OwnershipError where the slot is not the host's."""
        return by_frame(self._inputs(slot), self.plan.batch)

    def rescue(self, slot: Slot, error: BaseException) -> bool:
        """Whether a slot can be unloaded though a stage raised an error there."""
        return self._rescue.rescued(slot, error)

    def unload(self, slot: Slot) -> dict[str, Array]:
        """Copies of one frame's outputs."""
        return self.unload_all(slot, 1)[0]

    def unload_all(self, slot: Slot, frames: int) -> list[dict[str, Array]]:
        """Copies of the outputs of a batch's first frames, one after the other."""
        if slot.outputs is None:
            with self._rescue.standing_by(slot):
                for name in self.graph.outputs:
                    if name in slot.shared:
                        slot.shared[name].wait()
        return [{name: array.copy() for name, array in each.items()} for each in self._outputs(slot)[:frames]]

    def hand_out(self, slot: Slot) -> list[dict[str, Array]]:
        """The outputs of a whole batch, of what was handed in first, one after the other, as they were delivered."""
        delivered = self._deliveries[id(slot)].collect()
        return delivered if slot.outputs is None else self.unload_all(slot, len(delivered))

    def _outputs(self, slot: Slot) -> list[dict[str, Array]]:
        """A slot's outputs, frame by frame, where they lie."""
        return by_frame({name: self._output(slot, name) for name in self.graph.outputs}, self.plan.batch)

    def _output(self, slot: Slot, name: str) -> Array:
        if slot.outputs is not None:
            return slot.outputs[name]
        value = self.graph.value(name)
        return self.view(slot, name) if value is None else value

    def _inputs(self, slot: Slot) -> dict[str, Array]:
        return {name: self.view(slot, name) for name in self.graph.inputs}

    def view(self, slot: Slot, name: str) -> Array:
        """An input or output as the host sees it in a slot."""
        spec = self.graph.spec(name)
        return slot.host(name, spec.nbytes).view(spec.dtype).reshape(spec.shape)

    def run(self, slot: Slot, variant: int) -> None:
        """All stages of one frame, one after the other."""
        for stage in self.variants[variant]:
            stage.run(slot)

    def infer(self, feeds: Mapping[str, Array], frame: int = 0) -> dict[str, Array]:
        """The outputs of one frame that runs by itself, in the first slot; `frame` says which variant is due."""
        slot, variant = self.slots[0], self.plan.schedule[frame % len(self.plan.schedule)]
        self.load(slot, feeds, variant)
        self.run(slot, variant)
        return self.unload(slot)

    def noise(self) -> dict[str, Array]:
        """A frame of seeded noise."""
        random = np.random.default_rng(0)
        specs = {name: self.graph.spec(name) for name in self.graph.inputs}
        drawn = {name: random.standard_normal(s.shape, np.float32).astype(s.dtype) for name, s in specs.items()}
        return by_frame(drawn, self.plan.batch)[0]

    @property
    def rescued(self) -> int:
        """Frames so far that a driver failed and the CPU ran again."""
        return self._rescue.count

    def bytes_moved(self) -> int:
        """Bytes copied between devices so far; none where memory is shared."""
        return sum(shared.moved for slot in self.slots for shared in slot.shared.values())


def _staged(slot: Slot, names: Iterable[str]) -> dict[str, StagedBuffer]:
    """Of some shared tensors those that a device copies."""
    found = {name: slot.shared[name] for name in names}
    return {name: shared for name, shared in found.items() if isinstance(shared, StagedBuffer)}


def _fill(entry: Sequence[Mapping[str, Array]], frames: Sequence[Mapping[str, Array]]) -> None:
    for places, feeds in zip(entry, frames, strict=False):
        for name, place in places.items():
            place[...] = feeds[name]
