"""Profile: what every operator costs on every device, and every crossing between them, measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from engine.devices.device import Device, Memory, Recording
from engine.graph import Graph, Node
from engine.program import Program, can_run, compile_stage
from hetero.compiled import border
from hetero.memory.arena import pack
from hetero.memory.lifetime import lifetimes
from hetero.memory.shared import share
from hetero.partition.problem import Crossing, Problem, Tensor
from kernels.ops import operators

REPEATS = 5
SMALL, LARGE = 4096, 4 << 20  # bytes of the two transfers that give a crossing's line
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

    Steps timed one by one miss what launching costs, or carry the cost of timing; the whole run does
    neither, so the parts are scaled to it.
    """
    times = timing(recording)
    scale = times.whole / (sum(times.steps) or 1.0)
    seconds = dict.fromkeys((node.name for node in program.nodes), 0.0)
    for step, taken in zip(program.steps, times.steps, strict=True):
        seconds[step.node] += taken * scale
    return seconds


def run(recording: Recording) -> None:
    """One run, ended."""
    recording.start()
    recording.wait()


def operator_costs(graph: Graph, devices: Mapping[str, Device]) -> dict[str, dict[str, float]]:
    """Node -> device key -> seconds, for every device that can run the node."""
    costs: dict[str, dict[str, float]] = {node.name: {} for node in graph.nodes}
    for key, device in devices.items():
        for name, seconds in per_operator(*recorded(graph, device)).items():
            costs[name][key] = seconds
    return costs


def recorded(graph: Graph, device: Device) -> tuple[Program, Recording]:
    """All that the device can run of a network as one stage, ready to be timed on noise."""
    nodes = [node for node in graph.nodes if can_run(graph, node, device)]
    program = compile_stage(graph, nodes, device, border(graph, nodes))
    return program, _bind(program, device)


def _bind(program: Program, device: Device) -> Recording:
    """A recording on memory of its own, holding seeded noise where the network's data would be."""
    arena = pack(lifetimes(program))
    base = device.allocate(max(arena.total, 1))
    noise = np.random.default_rng(0)
    outside = {
        name: device.upload(noise.standard_normal(-(-nbytes // 4), np.float32))
        for name, nbytes in program.border.items()
    }
    return program.bind(lambda name: Memory(outside[name]) if name in outside else Memory(base, arena.offsets[name]))


def crossing_cost(gpu: Any) -> Crossing:
    """What it takes to bring a tensor over and have it back, per direction: a line through two sizes."""
    seconds = {}
    for nbytes in (SMALL, LARGE):
        shared = share(gpu, nbytes)
        taken = []
        for _ in range(2 * REPEATS):
            start = time.perf_counter()
            shared.to_device()
            shared.to_host()
            shared.wait()
            taken.append((time.perf_counter() - start) / 2)
        seconds[nbytes] = median(taken)
    slope = max(0.0, (seconds[LARGE] - seconds[SMALL]) / (LARGE - SMALL))
    # The GPU's worker maps, copies and waits, and the CPU computes another frame meanwhile.
    return Crossing(max(0.0, seconds[SMALL] - slope * SMALL), slope, ("gpu",))


def problem(graph: Graph, devices: Mapping[str, Device]) -> Problem:
    """The network and these devices as numbers, all measured now."""
    costs = operator_costs(graph, devices)
    made = {name: node.name for node in graph.nodes for name in node.outputs}
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            if name and graph.value(name) is None:
                readers.setdefault(name, []).append(node.name)
    names = dict.fromkeys((*graph.inputs, *made))
    tensors = tuple(
        Tensor(name, graph.spec(name).nbytes, made.get(name), tuple(readers.get(name, ())), name in graph.outputs)
        for name in names
        if name
    )
    keeps = {
        node.name: sum(value.nbytes for name in node.inputs if (value := graph.value(name)) is not None)
        for node in graph.nodes
    }
    crossing = {}
    if "gpu" in devices:
        crossing = dict.fromkeys((("cpu", "gpu"), ("gpu", "cpu")), crossing_cost(devices["gpu"]))
    streams = {key: device.streams for key, device in devices.items()}
    each = {name: {key: seconds / streams[key] for key, seconds in cost.items()} for name, cost in costs.items()}
    return Problem(each, tensors, crossing, keeps=keeps, streams=streams)


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
