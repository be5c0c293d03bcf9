"""Planner: drafts from the strategies, tried on this machine, the fastest kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Literal

from hetero.compiled import Compiled, placed
from hetero.contest import fastest
from hetero.costs import store
from hetero.machine import DeviceError, choose, cpu, no_gpu_reason
from hetero.partition.draft import Draft
from hetero.partition.price import prices
from hetero.partition.problem import loads, period, relieved
from hetero.partition.simulate import enough
from hetero.partition.strategies import strategy as named
from hetero.plan import Plan

if TYPE_CHECKING:
    from engine.devices.device import Device
    from engine.graph import Graph
    from hetero.costs.costs import Costs
    from hetero.partition.problem import Problem

Devices = Mapping[str, "Device"]
Streams = int | Literal["auto"]
# What "auto" tries where there are two devices: one frame in one piece, frames in one piece each, the best split, and
# one that gives the weaker device little, which wins where costs made it look stronger than it is.
TRIED = ("cpu", "gpu", "interleave", "single-cut", "exact", "two-plan-mix", "min-cut")
WITHOUT_GPU = ("cpu", "gpu-first")  # strategies that have something to say where there is no GPU
WORTH = 0.05  # by what part less time a frame must be predicted to take for a running stream to change its plan


class Planner:
    """Makes plans for one graph on one set of devices; what it measured it measures once.

    The graph's inputs and outputs are those of `batch` frames.
    """

    def __init__(self, graph: Graph, model: str, devices: Devices, batch: int = 1) -> None:
        self.graph, self.model, self.devices, self.batch = graph, model, devices, batch

    @cached_property
    def costs(self) -> Costs:
        """What operators and crossings take: from disk, or measured when first asked for."""
        return store.costs(self.graph, self.model, self.devices)

    @cached_property
    def problem(self) -> Problem:
        """The network and the devices as numbers."""
        streams = {key: device.streams for key, device in self.devices.items()}
        return self.costs.problem(self.graph, streams)

    def plan(self, strategy: str) -> Plan:
        """The plan of one strategy, with its prediction. Raises UnknownStrategy."""
        return self.drafted(strategy, named(strategy)(self.problem), self.problem)

    def alone(self, key: str) -> Plan:
        """Everything on one device, what it cannot run on the CPU. Needs no costs, so nothing is measured."""
        plan = self._bare(key, Draft((placed(self.graph, self.devices, repeat(key)),), (0,), 0.0))
        return replace(plan, depth=plan.slots + self._ahead(plan))

    def drafted(self, name: str, draft: Draft, problem: Problem) -> Plan:
        """A draft for these devices as a plan, with what the problem tells of it.

        It has a slot more than the simulation needs, for what takes longer than usual, two a device at least, and one
        for every frame that a device is given before it has ended the one before.
        """
        plan = self._bare(name, draft)
        return replace(
            plan,
            predicted=draft.predicted / self.batch,
            bound=None if draft.bound is None else draft.bound / self.batch,
            depth=max(plan.slots, 1 + enough(problem, draft.placements, draft.schedule)) + self._ahead(plan),
            costs=self._a_frame(problem.costs),
            prices=self._a_frame(prices(problem, draft.placements, draft.schedule)),
        )

    def _ahead(self, plan: Plan) -> int:
        return sum(self.devices[key].ahead for key in plan.used)

    def _a_frame(self, times: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
        return {name: {key: value / self.batch for key, value in each.items()} for name, each in times.items()}

    def expected(self, plan: Plan) -> dict[str, float]:
        """Device -> seconds per frame, or batch, that it works under a plan, all its streams together."""
        problem = relieved(self.problem, plan.placements, plan.schedule)
        each = [loads(problem, placement) for placement in plan.placements]
        streams = {key: device.streams for key, device in self.devices.items()}
        return {
            key: count * sum(each[entry][key] for entry in plan.schedule) / len(plan.schedule)
            for key, count in streams.items()
        }

    def corrected(self, costs: Costs, factors: Mapping[str, float]) -> Planner:
        """The planner of devices that take so many times as long as these costs say, kept for the next start."""
        again = Planner(self.graph, self.model, self.devices, self.batch)
        again.costs = costs.scaled(factors)
        store.keep_costs(store.key(self.graph, self.model, self.devices), again.costs)
        return again

    def better(self, plan: Plan, strategies: Sequence[str]) -> Plan | None:
        """The plan of the best prediction, where that is worth the change from another; None where it is not."""
        best = min(map(self.plan, strategies), key=lambda each: each.predicted or 0.0)
        now = period(self.problem, plan.placements, plan.schedule) / self.batch
        return best if best.predicted is not None and best.predicted < now * (1 - WORTH) else None

    def _bare(self, name: str, draft: Draft) -> Plan:
        host = self.devices["cpu"]
        threads = getattr(host, "threads", None)
        shown = {key: device.name for key, device in self.devices.items()}
        return Plan(name, name, self.model, shown, threads, draft.placements, draft.schedule, host.streams, self.batch)

    def made(self, plan: Plan) -> bool:
        """Whether a plan for this graph and model is one for these devices."""
        like = self._bare(plan.name, Draft(plan.placements, plan.schedule, 0.0))
        same = (plan.devices, plan.threads, plan.streams) == (like.devices, like.threads, like.streams)
        return same and plan.placements[0].keys() == {node.name for node in self.graph.nodes}

    def compiled(self, plan: Plan) -> Compiled:
        """A plan, compiled for the planner's devices."""
        return Compiled(self.graph, plan, self.devices)

    def plans(self, strategies: Sequence[str] = TRIED) -> list[Plan]:
        """One plan a strategy; of plans that say the same one is kept."""
        found: list[Plan] = []
        for strategy in strategies:
            plan = self.plan(strategy)
            if not any(map(plan.same, found)):
                found.append(plan)
        return found


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
    streams "auto", everything is also tried with a stream for every thread. What was decided once is kept on disk.
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
    asked = {**store.key(graph, model, devices), "asked": [device, strategy, threads, streams, batch]}
    if strategy == "auto" and (kept := store.decision(asked)) is not None:
        for each in sets:
            planner = Planner(graph, model, each, batch)
            if planner.made(kept):
                return planner.compiled(kept)
    entries: list[tuple[Planner, list[Plan]]] = []
    for each in sets:
        planner = Planner(graph, model, each, batch)
        if strategy != "auto":
            plans = [planner.plan(strategy)]
        elif "gpu" in each and not device.startswith("gpu"):
            plans = planner.plans()
        else:
            plans = [planner.alone("gpu" if "gpu" in each else "cpu")]
        tried = [plan for _, others in entries for plan in others]
        # how the CPU's threads are divided makes no other plan of one that does not use them
        plans = [plan for plan in plans if "cpu" in plan.used or not any(map(plan.same, tried))]
        if plans:
            entries.append((planner, plans))
    found = fastest(entries)
    if found.plan.measured is not None:
        store.keep_decision(asked, found.plan)
    return found
