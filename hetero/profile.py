"""Profile: what the operators of a program cost where it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from engine.devices.device import Device, Memory, Recording
from engine.graph import Graph, Node
from engine.program import Program, can_run, compile_stage
from hetero.compiled import border
from hetero.memory.arena import pack
from hetero.memory.lifetime import lifetimes
from kernels.ops import operators

REPEATS = 5
ENOUGH = 1.0  # seconds after which a slow network is not measured again


@dataclass(frozen=True)
class OperatorTime:
    """One operator as it ran: node name, ONNX name, device, kind of kernel, seconds and operations a frame."""

    operator: str
    op: str
    device: str
    kernel: str
    seconds: float
    flops: int


@dataclass(frozen=True)
class Timing:
    """Seconds of a program: of each step run alone, of the whole, and of the host until the whole was begun."""

    steps: tuple[float, ...]
    whole: float
    begun: float


def timing(recording: Recording) -> Timing:
    """Medians of a few runs."""
    run(recording)
    rounds: list[list[float]] = []
    whole: list[float] = []
    begun: list[float] = []
    begin = time.perf_counter()
    while len(rounds) < REPEATS and (not rounds or time.perf_counter() - begin < ENOUGH):
        rounds.append(recording.profile())
        start = time.perf_counter()
        recording.start()
        begun.append(time.perf_counter() - start)
        recording.wait()
        whole.append(time.perf_counter() - start)
    return Timing(tuple(median(times) for times in zip(*rounds, strict=True)), median(whole), median(begun))


def per_operator(program: Program, recording: Recording) -> dict[str, float]:
    """Seconds of each node of a program: medians of single steps, brought to the time of the whole.

    Steps timed one by one miss what launching costs, or carry the cost of timing; the whole run does neither.
    """
    times = timing(recording)
    return by_node(program, times.steps, times.whole)


def by_node(program: Program, steps: Sequence[float], whole: float) -> dict[str, float]:
    """Seconds of each node, of its steps timed one by one and of the whole, which they are made to add up to.

    What timing a step adds, or launching it does, is the same for all, so each step bears the same part of the
    difference; a step that this would leave nothing of takes no time.
    """
    difference = (whole - sum(steps)) / max(1, len(steps))
    borne = [max(0.0, taken + difference) for taken in steps]
    scale = whole / (sum(borne) or 1.0)
    seconds = dict.fromkeys((node.name for node in program.nodes), 0.0)
    for step, taken in zip(program.steps, borne, strict=True):
        seconds[step.node] += taken * scale
    return seconds


def middle(times: Iterable[float]) -> float:
    """The mean of the middle half: a core that changes its speed every now and then has no one median."""
    ordered = sorted(times)
    quarter = len(ordered) // 4
    return fmean(ordered[quarter : len(ordered) - quarter])


def run(recording: Recording) -> None:
    """One run, ended."""
    recording.start()
    recording.wait()


def recorded(graph: Graph, device: Device) -> tuple[Program, Recording]:
    """All that the device can run of a network as one stage, ready to be timed on noise."""
    nodes = [node for node in graph.nodes if can_run(graph, node, device)]
    program = compile_stage(graph, nodes, device, border(graph, nodes))
    return program, bound(program, device)


def bound(program: Program, device: Device) -> Recording:
    """A recording on memory of its own, holding seeded noise where the network's data would be."""
    arena = pack(lifetimes(program))
    base = device.allocate(max(arena.total, 1))
    noise = np.random.default_rng(0)
    outside = {
        name: device.upload(noise.standard_normal(-(-nbytes // 4), np.float32))
        for name, nbytes in program.border.items()
    }
    return program.bind(lambda name: Memory(outside[name]) if name in outside else Memory(base, arena.offsets[name]))


def kernel_kind(node: Node, device: Device) -> str:
    """What runs a node there: "numba", "opencl" or "reference"."""
    if node.proto is not None:
        return "reference"
    return "numba" if device.kind == "cpu" else "opencl"


def flops(graph: Graph, node: Node) -> int:
    """Floating-point operations of a node; 0 where nobody counted them."""
    return 0 if node.proto is not None else operators()[node.op].flops(graph.call(node))


def nbytes(graph: Graph, node: Node) -> int:
    """Bytes that a node reads and writes: every input, weights included, and every output once."""
    names = dict.fromkeys(name for name in (*node.inputs, *node.outputs) if name)
    return sum(graph.spec(name).nbytes for name in names)
