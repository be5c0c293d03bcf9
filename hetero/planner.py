"""Planner: drafts from the strategies, tried on this machine, the fastest kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice, repeat
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.program import can_run
from hetero.compiled import Compiled
from hetero.deployment import Deployment
from hetero.machine import DeviceError, cpu, no_gpu_reason
from hetero.partition.draft import Draft
from hetero.partition.strategies import strategy as named
from hetero.pipeline.pipeline import Pipeline
from hetero.plan import Plan
from hetero.profile import problem

if TYPE_CHECKING:
    from engine.devices.device import Device
    from engine.graph import Graph
    from hetero.partition.problem import Problem

Devices = Mapping[str, "Device"]
TRIED = ("cpu", "gpu", "interleave", "single-cut")  # what "auto" tries where there are two devices
NEEDS_GPU = ("gpu", "interleave", "single-cut")
ROUNDS = 3
TRIAL = 0.4  # seconds of frames per trial, at least FEWEST frames
FEWEST = 6


class Planner:
    """Makes plans for one graph on one set of devices; what it measured it measures once."""

    def __init__(self, graph: Graph, model: str, devices: Devices) -> None:
        self.graph, self.model, self.devices = graph, model, devices
        self._problem: Problem | None = None

    def plan(self, strategy: str) -> Plan:
        """The plan of one strategy, with its prediction. Raises UnknownStrategy."""
        if self._problem is None:
            self._problem = problem(self.graph, self.devices)
        draft = named(strategy)(self._problem)
        return self._plan(strategy, draft, self._problem.costs)

    def alone(self, key: str) -> Plan:
        """Everything on one device, what it cannot run on the CPU. Needs no costs, so nothing is measured."""
        device = self.devices[key]
        placement = {n.name: key if can_run(self.graph, n, device) else "cpu" for n in self.graph.nodes}
        return self._plan(key, Draft((placement,), (0,), 0.0), {})

    def _plan(self, strategy: str, draft: Draft, costs: Mapping[str, Mapping[str, float]]) -> Plan:
        threads = getattr(self.devices["cpu"], "threads", None)
        shown = {key: device.name for key, device in self.devices.items()}
        return Plan(
            strategy, strategy, self.model, shown, threads, draft.placements, draft.schedule,
            draft.predicted or None, None, costs,
        )  # fmt: skip

    def compiled(self, plan: Plan) -> Compiled:
        """A plan, compiled for the planner's devices."""
        return Compiled(self.graph, plan, self.devices)

    def candidates(self, strategies: Sequence[str] = TRIED) -> list[Compiled]:
        """One plan a strategy; equal placements are tried once."""
        found: list[Plan] = []
        for strategy in strategies:
            plan = self.plan(strategy)
            if all((plan.placements, plan.schedule) != (other.placements, other.schedule) for other in found):
                found.append(plan)
        return [self.compiled(plan) for plan in found]


def fastest(candidates: Sequence[Compiled]) -> Compiled:
    """The candidate with the most frames a second, by turns on seeded noise."""
    if len(candidates) == 1:
        return candidates[0]
    trials = [Trial(candidate) for candidate in candidates]
    for _ in range(ROUNDS):
        for trial in trials:
            trial.measure()
    best = min(range(len(trials)), key=lambda i: median(trials[i].periods))
    return candidates[best]


class Trial:
    """One candidate, streamed for a moment at a time."""

    def __init__(self, compiled: Compiled) -> None:
        self._graph, round_of_frames = compiled.graph, len(compiled.plan.schedule)
        self._deployment = Deployment(compiled, compiled.plan.depth)
        self.periods: list[float] = []
        self._frames = round_of_frames + FEWEST
        self.measure()
        self._frames = max(FEWEST, round_of_frames, round(TRIAL / self.periods.pop()))

    def measure(self) -> None:
        """Stream some frames; remember the seconds per frame."""
        noise = np.random.default_rng(0)
        feed: dict[str, Any] = {}
        for name in self._graph.inputs:
            spec = self._graph.spec(name)
            feed[name] = noise.standard_normal(spec.shape, np.float32).astype(spec.dtype)
        with pipeline(self._deployment) as stream:
            start = time.perf_counter()
            for _ in stream.map(islice(repeat(feed), self._frames)):
                pass
            self.periods.append((time.perf_counter() - start) / self._frames)


def pipeline(deployment: Deployment, on_full: Any = "wait") -> Pipeline:
    """A pipeline over a deployment's stages and slots."""
    return Pipeline(
        deployment.variants, deployment.plan.schedule, deployment.slots, deployment.load, deployment.unload,
        on_full, bytes_moved=deployment.bytes_moved,
    )  # fmt: skip


def decide(graph: Graph, model: str, devices: Devices, device: str, strategy: str, threads: int | None) -> Compiled:
    """The plan for a request, compiled for the devices it runs on.

    `device` and `strategy` are the user's words. A named strategy is obeyed. "auto" tries the good
    strategies and keeps the fastest as measured; where the GPU is emulated and the user left the
    choice of device open, the CPU with all its threads and no GPU is among them.
    """
    planner = Planner(graph, model, devices)
    if strategy != "auto":
        if strategy in NEEDS_GPU and "gpu" not in devices:
            raise DeviceError(f"strategy {strategy!r} needs a GPU; device {device!r} has none: {no_gpu_reason()}")
        return planner.compiled(planner.plan(strategy))
    if "gpu" not in devices or device.startswith("gpu"):
        return planner.compiled(planner.alone("gpu" if "gpu" in devices else "cpu"))
    candidates = planner.candidates()
    if device == "auto" and devices["gpu"].emulated and threads is None:
        whole = Planner(graph, model, {"cpu": cpu()})
        candidates.append(whole.compiled(whole.alone("cpu")))
    return fastest(candidates)
