"""Deployment: a compiled plan with memory for the frames in flight, ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.devices.device import Memory, Recording
from engine.program import Program
from hetero.compiled import Compiled, Part
from hetero.memory.shared import Shared
from hetero.memory.slots import Slot, make_slot

Array = np.ndarray[Any, Any]


class BoundStage:
    """A stage of one variant, bound to every slot's memory."""

    def __init__(self, part: Part, slots: Sequence[tuple[Slot, Recording]]) -> None:
        self.device = part.device
        self._part = part
        self._slots = {id(slot): (recording, *self._crossings(slot)) for slot, recording in slots}

    def _crossings(self, slot: Slot) -> tuple[list[Shared], list[Shared]]:
        if self.device == "cpu":
            return [], []
        reads = [slot.shared[key] for key in self._part.reads if key in slot.shared]
        return reads, [slot.shared[key] for key in self._part.writes if key in slot.shared]

    def run(self, slot: Slot) -> None:
        """Bring the inputs over, run the program, bring the outputs back; returns when all is done."""
        recording, reads, writes = self._slots[id(slot)]
        for shared in reads:
            shared.to_device()
        for shared in writes:
            shared.lend()
        recording.start()
        for shared in reads:
            shared.release()
        for shared in writes:
            shared.to_host()
        recording.wait()

    def recording(self, slot: Slot) -> Recording:
        """What is replayed for a slot."""
        return self._slots[id(slot)][0]

    @property
    def program(self) -> Program:
        """The stage's program."""
        return self._part.program


class Deployment:
    """A plan's variants, ready to run. Frames in flight need a slot each; every slot serves every variant."""

    def __init__(self, compiled: Compiled, depth: int) -> None:
        self.graph, self.plan, self.devices = compiled.graph, compiled.plan, compiled.devices
        self.slots = [self._slot(compiled.parts) for _ in range(depth)]
        arenas = self._arenas(compiled.parts)
        self.variants = [
            [
                BoundStage(part, [(slot, self._bind(part, slot, arenas[i])) for i, slot in enumerate(self.slots)])
                for part in parts
            ]
            for parts in compiled.variants
        ]

    def _arenas(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """For every slot an arena a device, large enough for any of its stages.

        All slots share that of a device of one stream, which runs one stage at a time.
        """
        total: dict[str, int] = {}
        for part in parts:
            total[part.device] = max(total.get(part.device, 0), part.arena.total)
        found: list[dict[str, Any]] = [{} for _ in self.slots]
        for key, nbytes in total.items():
            device = self.devices[key]
            shared = None if device.streams > 1 else device.allocate(nbytes)
            for each in found:
                each[key] = device.allocate(nbytes) if shared is None else shared
        return found

    def _slot(self, parts: Sequence[Part]) -> Slot:
        ends = {*self.graph.inputs, *self.graph.outputs}
        sizes = {name: self.graph.spec(name).nbytes for name in ends if self.graph.value(name) is None}
        users: dict[str, set[str]] = {name: {"cpu"} for name in sizes}
        for part in parts:
            for name, nbytes in part.program.border.items():
                key = part.keys[name]
                sizes[key] = max(sizes.get(key, 0), nbytes)
                users.setdefault(key, set()).add(part.device)
        return make_slot(self.devices, sizes, users)

    def _bind(self, part: Part, slot: Slot, arenas: Mapping[str, Any]) -> Recording:
        def memory(name: str) -> Memory:
            if name in part.program.border:
                return slot.memory[part.keys[name]][part.device]
            return Memory(arenas[part.device], part.arena.offsets[name])

        return part.program.bind(memory)

    def load(self, slot: Slot, feeds: Mapping[str, Array]) -> None:
        """Put one frame's inputs into a slot."""
        for name in self.graph.inputs:
            self.view(slot, name)[...] = feeds[name]

    def unload(self, slot: Slot) -> dict[str, Array]:
        """Copies of one frame's outputs."""
        return {name: self._output(slot, name) for name in self.graph.outputs}

    def _output(self, slot: Slot, name: str) -> Array:
        value = self.graph.value(name)
        return self.view(slot, name).copy() if value is None else value.copy()

    def view(self, slot: Slot, name: str) -> Array:
        """An input or output as the host sees it in a slot."""
        spec = self.graph.spec(name)
        return slot.host(name, spec.nbytes).view(spec.dtype).reshape(spec.shape)

    def run(self, slot: Slot, frame: int) -> None:
        """All stages of one frame, one after the other; `frame` says which variant is due."""
        for stage in self.variants[self.plan.schedule[frame % len(self.plan.schedule)]]:
            stage.run(slot)

    def bytes_moved(self) -> int:
        """Bytes copied between devices so far; none where memory is shared."""
        return sum(shared.moved for slot in self.slots for shared in slot.shared.values())
