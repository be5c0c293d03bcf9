"""Deployment: a plan on real devices: its stages compiled, and memory for the frames in flight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from engine.devices.device import Device, Memory, Recording
from engine.graph import Graph, Node
from engine.program import Program, compile_stage
from hetero.memory.arena import pack
from hetero.memory.lifetime import lifetimes
from hetero.memory.shared import Shared
from hetero.memory.slots import Slot, make_slot
from hetero.partition.stages import stages
from hetero.plan import Plan

Array = np.ndarray[Any, Any]


def dag(graph: Graph) -> nx.DiGraph[Any]:
    """Operators in network order, and who waits for whom."""
    result: nx.DiGraph[Any] = nx.DiGraph()
    made: dict[str, str] = {}
    for node in graph.nodes:
        result.add_node(node.name)
        result.add_edges_from((made[name], node.name) for name in node.inputs if name in made)
        made.update((name, node.name) for name in node.outputs if name)
    return result


def border(graph: Graph, nodes: Sequence[Node]) -> set[str]:
    """Tensors that a stage of these nodes gets from elsewhere or gives elsewhere; constants are no such."""
    names = {node.name for node in nodes}
    made = {name for node in nodes for name in node.outputs if name}
    read = {name for node in nodes for name in node.inputs if name and graph.value(name) is None}
    others = {name for node in graph.nodes if node.name not in names for name in node.inputs}
    return (read - made) | (made & (others | set(graph.outputs)))


@dataclass(frozen=True)
class Part:
    """A stage as compiled: its device, its program, and what a slot calls the tensors of its border."""

    device: str
    program: Program
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    keys: Mapping[str, str]


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

    def __init__(self, graph: Graph, plan: Plan, devices: Mapping[str, Device], depth: int) -> None:
        self.graph, self.plan, self.devices = graph, plan, devices
        self._nodes = {node.name: node for node in graph.nodes}
        variants = [self._compile(*each) for each in enumerate(plan.placements)]
        arenas = self._arenas([part for parts in variants for part in parts])
        self.slots = [self._slot(variants) for _ in range(depth)]
        self.variants = [
            [BoundStage(part, [(slot, self._bind(part, slot, arenas)) for slot in self.slots]) for part in parts]
            for parts in variants
        ]

    def _compile(self, variant: int, placement: Mapping[str, str]) -> list[Part]:
        # Frames enter and leave by the same memory, whatever the variant; the rest is each variant's own.
        ends = {*self.graph.inputs, *self.graph.outputs}
        parts = []
        for cut in stages(dag(self.graph), placement):
            nodes = [self._nodes[name] for name in cut.operators]
            outside = border(self.graph, nodes)
            made = {name for node in nodes for name in node.outputs}
            program = compile_stage(self.graph, nodes, self.devices[cut.device], outside)
            keys = {name: name if name in ends else f"{name}@{variant}" for name in sorted(outside)}
            reads = tuple(key for name, key in keys.items() if name not in made)
            writes = tuple(key for name, key in keys.items() if name in made)
            parts.append(Part(cut.device, program, reads, writes, keys))
        return parts

    def _arenas(self, parts: Sequence[Part]) -> dict[str, tuple[Any, dict[int, Mapping[str, int]]]]:
        """One arena a device, large enough for any of its stages: a device runs one stage at a time."""
        packed: dict[str, dict[int, Mapping[str, int]]] = {key: {} for key in self.devices}
        total = dict.fromkeys(self.devices, 0)
        for part in parts:
            arena = pack(lifetimes(part.program))
            packed[part.device][id(part.program)] = arena.offsets
            total[part.device] = max(total[part.device], arena.total)
        return {key: (self.devices[key].allocate(total[key]), packed[key]) for key in self.devices if total[key]}

    def _slot(self, variants: Sequence[Sequence[Part]]) -> Slot:
        ends = {*self.graph.inputs, *self.graph.outputs}
        sizes = {name: self.graph.spec(name).nbytes for name in ends if self.graph.value(name) is None}
        users: dict[str, set[str]] = {name: {"cpu"} for name in sizes}
        for part in (part for parts in variants for part in parts):
            for name, nbytes in part.program.border.items():
                key = part.keys[name]
                sizes[key] = max(sizes.get(key, 0), nbytes)
                users.setdefault(key, set()).add(part.device)
        return make_slot(self.devices, sizes, users)

    def _bind(self, part: Part, slot: Slot, arenas: Mapping[str, Any]) -> Recording:
        def memory(name: str) -> Memory:
            if name in part.program.border:
                return slot.memory[part.keys[name]][part.device]
            base, packed = arenas[part.device]
            return Memory(base, packed[id(part.program)][name])

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
