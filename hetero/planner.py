"""Planner: drafts from the strategies, tried on this machine, the fastest kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice, repeat
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from engine.program import can_run
from hetero.compiled import Compiled
from hetero.deployment import Deployment
from hetero.machine import DeviceError, choose, cpu, no_gpu_reason
from hetero.partition.draft import Draft
from hetero.partition.price import prices
from hetero.partition.simulate import enough
from hetero.partition.strategies import strategy as named
from hetero.pipeline.batches import Batches
from hetero.pipeline.pipeline import OnFull, Pipeline
from hetero.plan import Plan
from hetero.profile import problem as measured

if TYPE_CHECKING:
    from engine.devices.device import Device
    from engine.graph import Graph
    from hetero.partition.problem import Problem

Devices = Mapping[str, "Device"]
Streams = int | Literal["auto"]
# What "auto" tries where there are two devices: one frame in one piece, frames in one piece each, and the best split.
TRIED = ("cpu", "gpu", "interleave", "single-cut", "exact", "two-plan-mix")
WITHOUT_GPU = ("cpu", "gpu-first")  # strategies that have something to say where there is no GPU
HOPELESS = (1.3, 1.2, 1.1, 1.05, 1.05)  # each round: a candidate so much slower than the fastest is not measured again
TRIAL = 0.25  # seconds of frames per trial, at least FEWEST frames
FEWEST = 6


class Planner:
    """Makes plans for one graph on one set of devices; what it measured it measures once.

    The graph's inputs and outputs are those of `batch` frames.
    """

    def __init__(self, graph: Graph, model: str, devices: Devices, batch: int = 1) -> None:
        self.graph, self.model, self.devices, self.batch = graph, model, devices, batch

    @cached_property
    def problem(self) -> Problem:
        """The network and the devices as numbers, measured when first asked for."""
        return measured(self.graph, self.devices)

    def plan(self, strategy: str) -> Plan:
        """The plan of one strategy, with its prediction. Raises UnknownStrategy."""
        return self.drafted(strategy, named(strategy)(self.problem), self.problem)

    def alone(self, key: str) -> Plan:
        """Everything on one device, what it cannot run on the CPU. Needs no costs, so nothing is measured."""
        device = self.devices[key]
        placement = {n.name: key if can_run(self.graph, n, device) else "cpu" for n in self.graph.nodes}
        return self._bare(key, Draft((placement,), (0,), 0.0))

    def drafted(self, name: str, draft: Draft, problem: Problem) -> Plan:
        """A draft for these devices as a plan, with what the problem tells of it.

        It has a slot more than the simulation needs, for what takes longer than usual, and two a device at least.
        """
        plan = self._bare(name, draft)
        return replace(
            plan,
            predicted=draft.predicted / self.batch,
            bound=None if draft.bound is None else draft.bound / self.batch,
            depth=max(plan.slots, 1 + enough(problem, draft.placements, draft.schedule)),
            costs=self._a_frame(problem.costs),
            prices=self._a_frame(prices(problem, draft.placements, draft.schedule)),
        )

    def _a_frame(self, times: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        return {name: {key: value / self.batch for key, value in each.items()} for name, each in times.items()}

    def _bare(self, name: str, draft: Draft) -> Plan:
        host = self.devices["cpu"]
        threads = getattr(host, "threads", None)
        shown = {key: device.name for key, device in self.devices.items()}
        return Plan(name, name, self.model, shown, threads, draft.placements, draft.schedule, host.streams, self.batch)

    def compiled(self, plan: Plan) -> Compiled:
        """A plan, compiled for the planner's devices."""
        return Compiled(self.graph, plan, self.devices)

    def candidates(self, strategies: Sequence[str] = TRIED) -> list[Compiled]:
        """One plan a strategy; of plans that say the same one is kept."""
        found: list[Plan] = []
        for strategy in strategies:
            plan = self.plan(strategy)
            if all((plan.placements, plan.schedule) != (other.placements, other.schedule) for other in found):
                found.append(plan)
        return [self.compiled(plan) for plan in found]


def fastest(candidates: Sequence[Compiled]) -> Compiled:
    """The candidate with the most frames a second, by turns on seeded noise, and in its plan what was measured."""
    if len(candidates) == 1:
        return candidates[0]
    trials = [Trial(candidate) for candidate in candidates]
    for hopeless in HOPELESS:
        for trial in trials:
            trial.measure()
        best = min(trial.period for trial in trials)
        trials = [trial for trial in trials if trial.period <= hopeless * best]
    winner = min(trials, key=lambda trial: trial.period)
    winner.compiled.plan = replace(winner.compiled.plan, measured=winner.period)
    return winner.compiled


class Trial:
    """One candidate, streamed for a moment at a time; how many frames that takes is tried out beforehand."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.periods: list[float] = []
        self._deployment = Deployment(compiled, compiled.plan.slots)
        # Frames may end several at a time, so what is measured is to be no less than what is in flight.
        least = max(FEWEST, compiled.plan.slots * compiled.plan.batch)
        self._frames = self._rounds(least)
        self.measure()
        # A device that has just woken up is slow, and so few frames say little: this measurement does not count.
        self._frames = self._rounds(max(least, round(TRIAL / self.periods.pop())))

    @property
    def period(self) -> float:
        """Seconds per frame: the median of what was measured."""
        return median(self.periods)

    def measure(self) -> None:
        """Stream some frames; remember the seconds per frame between the first that fill the pipeline and the last."""
        feed = self._deployment.noise()
        fill = self.compiled.plan.slots * self.compiled.plan.batch
        with closing(pipeline(self._deployment)) as stream:
            ends = [time.perf_counter() for _ in stream.map(islice(repeat(feed), self._frames + 2 * fill))]
        self.periods.append((ends[fill + self._frames - 1] - ends[fill - 1]) / self._frames)

    def _rounds(self, frames: int) -> int:
        """The next whole number of the schedule's rounds."""
        length = len(self.compiled.plan.schedule) * self.compiled.plan.batch
        return -(-frames // length) * length


def pipeline(deployment: Deployment, on_full: OnFull = "wait") -> Pipeline | Batches:
    """A pipeline over a deployment's stages and slots, of batches where the plan runs several frames together."""
    size = deployment.plan.batch
    line = Pipeline(
        deployment.variants,
        deployment.plan.schedule,
        deployment.slots,
        deployment.load if size == 1 else deployment.load_all,
        deployment.unload if size == 1 else partial(deployment.unload_all, frames=size),
        on_full if size == 1 else "wait",
        bytes_moved=deployment.bytes_moved,
        rescued=lambda: deployment.rescued,
        streams={key: device.streams for key, device in deployment.devices.items()},
    )
    return line if size == 1 else Batches(line, size, len(deployment.slots), _own, on_full)


def _own(feeds: Mapping[str, Any]) -> dict[str, Any]:
    return {name: array.copy() for name, array in feeds.items()}


def decide(
    graph: Graph,
    model: str,
    devices: Devices,
    device: str,
    strategy: str,
    threads: int | None,
    streams: Streams,
    batch: int,
) -> Compiled:
    """The plan for a request, compiled for the devices it runs on.

    `device`, `strategy`, `threads`, `streams` and `batch` are the user's words, `devices` what they mean; the graph is
    that of `batch` frames. A named strategy is obeyed. "auto" tries the good strategies and keeps the fastest as
    measured; where the user left device and threads open, the CPU with all its threads and no GPU is among them. With
    streams "auto", everything is also tried with a stream for every thread.
    """
    if strategy not in ("auto", *WITHOUT_GPU) and "gpu" not in devices:
        raise DeviceError(f"strategy {strategy!r} needs a GPU; device {device!r} has none: {no_gpu_reason()}")
    sets = [devices]
    if (strategy, device, threads) == ("auto", "auto", None) and "gpu" in devices:
        sets.append(choose("cpu", None, devices["cpu"].streams))
    if streams == "auto":
        sets += [
            {**each, "cpu": cpu(count, count)} for each in sets if (count := getattr(each["cpu"], "threads", 1)) > 1
        ]
    candidates: list[Compiled] = []
    for each in sets:
        planner = Planner(graph, model, each, batch)
        if strategy != "auto":
            candidates.append(planner.compiled(planner.plan(strategy)))
        elif "gpu" in each and not device.startswith("gpu"):
            candidates += planner.candidates()
        else:
            candidates.append(planner.compiled(planner.alone("gpu" if "gpu" in each else "cpu")))
    return fastest(candidates)
