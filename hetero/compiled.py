"""Compiled: a plan's stages as programs on devices, constants and all, without any frame's memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.devices.device import Device
from engine.graph import Graph, Node
from engine.program import Program, can_run, compile_stage
from hetero.memory.arena import Arena, pack
from hetero.memory.lifetime import lifetimes
from hetero.partition.stages import stages
from hetero.plan import Plan


def readers(graph: Graph) -> dict[str, list[str]]:
    """Operators in network order, and who waits for each."""
    found: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    made: dict[str, str] = {}
    for node in graph.nodes:
        for name in dict.fromkeys(made[name] for name in node.inputs if name in made):
            found[name].append(node.name)
        made.update((name, node.name) for name in node.outputs if name)
    return found


def placed(graph: Graph, devices: Mapping[str, Device], keys: Iterable[str]) -> dict[str, str]:
    """Operator -> the key that stands for it, in network order, or the CPU's where that device cannot run it."""
    pairs = zip(graph.nodes, keys, strict=False)
    return {node.name: key if can_run(graph, node, devices[key]) else "cpu" for node, key in pairs}


def border(graph: Graph, nodes: Sequence[Node]) -> set[str]:
    """Tensors that a stage of these nodes gets from elsewhere or gives elsewhere; constants are no such."""
    names = {node.name for node in nodes}
    made = {name for node in nodes for name in node.outputs if name}
    read = {name for node in nodes for name in node.inputs if name and graph.value(name) is None}
    others = {name for node in graph.nodes if node.name not in names for name in node.inputs}
    return (read - made) | (made & (others | set(graph.outputs)))


@dataclass(frozen=True)
class Part:
    """A stage: its device, its program, how that lies in an arena, and its border.

    `reads` and `writes` are what a slot calls the tensors that come in and go out, `keys` says so for each.
    """

    device: str
    program: Program
    arena: Arena
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    keys: Mapping[str, str]


class Compiled:
    """A plan, the devices it runs on, and its variants' stages. Any number of deployments may share it."""

    def __init__(self, graph: Graph, plan: Plan, devices: Mapping[str, Device]) -> None:
        self.graph, self.plan, self.devices = graph, plan, devices
        self.variants = [self._compile(*each) for each in enumerate(plan.placements)]
        self.graph = graph.without_weights()  # they lie packed on their devices now

    @property
    def parts(self) -> list[Part]:
        """All stages of all variants."""
        return [part for parts in self.variants for part in parts]

    def _compile(self, variant: int, placement: Mapping[str, str]) -> list[Part]:
        # Frames enter and leave by the same memory, whatever the variant; the rest is each variant's own.
        ends = {*self.graph.inputs, *self.graph.outputs}
        named = {node.name: node for node in self.graph.nodes}
        parts = []
        for cut in stages(readers(self.graph), placement):
            nodes = [named[name] for name in cut.operators]
            outside = border(self.graph, nodes)
            made = {name for node in nodes for name in node.outputs}
            program = compile_stage(self.graph, nodes, self.devices[cut.device], outside)
            keys = {name: name if name in ends else f"{name}@{variant}" for name in sorted(outside)}
            reads = tuple(key for name, key in keys.items() if name not in made)
            writes = tuple(key for name, key in keys.items() if name in made)
            parts.append(Part(cut.device, program, pack(lifetimes(program)), reads, writes, keys))
        return parts
