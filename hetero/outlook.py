"""Outlook: plans by prediction alone: under objectives and limits, on machines that are not there, simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.formats.onnx import load, resolve
from hetero.frames import prepared
from hetero.machine import choose
from hetero.partition.chart import chart
from hetero.partition.draft import Draft
from hetero.partition.objective import Objective, best, latency, pareto
from hetero.partition.problem import Problem, fits, scaled
from hetero.partition.simulate import forecast, timeline
from hetero.partition.strategies import strategies, strategy
from hetero.plan import Plan
from hetero.planner import TRIED, WITHOUT_GPU, Planner, Streams

WIDTH = 100  # characters of a chart


@dataclass(frozen=True)
class Outlook:
    """A planner, and the problem to plan for, which may be another than the planner measured."""

    planner: Planner
    problem: Problem

    @classmethod
    def of(cls, model: Any, device: str, threads: int | None, streams: Streams = 1, batch: int = 1) -> Outlook:
        """The outlook for a model on this machine's devices; the words are a Session's. Costs are measured now.

        Sizes that the model leaves open count as 1, and so do streams that are left open.
        """
        loaded = load(model)
        graph = prepared(loaded, resolve(loaded, {}), batch)
        planner = Planner(graph, loaded.digest, choose(device, threads, 1 if streams == "auto" else streams), batch)
        return cls(planner, planner.problem)

    def changed(self, factors: Mapping[str, float], memory: Mapping[str, int]) -> Outlook:
        """With times multiplied (see `scaled`) and weights limited to so many bytes on a device."""
        problem = scaled(self.problem, factors)
        unknown = [name for name in memory if name not in problem.devices]
        if unknown:
            raise ValueError(f"memory of {unknown[0]!r}, but the devices are {', '.join(problem.devices)}")
        return replace(self, problem=replace(problem, memory={**problem.memory, **memory}))

    def plan(self, name: str = "auto", objective: Objective | None = None) -> Plan:
        """A strategy's plan, "auto" for that of the best prediction; with an objective the plan that meets it best.

        Raises UnknownStrategy, or ObjectiveError where nothing meets it.
        """
        if objective is not None and not objective.free:
            batches = None if objective.rate is None else objective.rate / self.planner.batch
            found = best(self.problem, replace(objective, rate=batches))
            return self.planner.drafted(objective.aim, found, self.problem)
        drafts = self._drafts(TRIED) if name == "auto" else {name: strategy(name)(self.problem)}
        within = {name: draft for name, draft in drafts.items() if fits(self.problem, draft.placements)}
        if not within:
            raise ValueError(f"no plan of {', '.join(drafts)} is within memory")
        chosen = min(within, key=lambda name: within[name].predicted)
        return self.planner.drafted(chosen, within[chosen], self.problem)

    def front(self) -> list[dict[str, Any]]:
        """Frames a second against seconds of a frame, or a batch, alone, of all strategies and what lies between."""
        drafts = self._drafts(strategies())
        names = {id(draft): name for name, draft in drafts.items()}
        return [
            {
                "strategy": names.get(id(draft), "programme"),
                "fps": self.planner.batch / draft.predicted,
                "latency": latency(self.problem, draft),
                "placements": len(draft.placements),
            }
            for draft in pareto(self.problem, drafts.values())
        ]

    def simulated(self, plan: Plan) -> dict[str, Any]:
        """The plan's stream: frames a second, latency, busy shares; and a chart and a timeline of its first frames.

        The latency is that of a batch's first frame, which waits for the others. In chart and timeline batches count.
        """
        steady = forecast(self.problem, plan.placements, plan.schedule, plan.slots)
        frames = max(len(plan.schedule), 2 * plan.slots)
        events = timeline(self.problem, plan.placements, plan.schedule, plan.slots, frames)
        return {
            "fps": plan.batch / steady.period,
            "latency": steady.latency + steady.period * (plan.batch - 1) / plan.batch,
            "busy": steady.busy,
            "step": max(event.end for event in events) / WIDTH,
            "chart": chart(events, WIDTH),
            "timeline": [event._asdict() for event in events],
        }

    def _drafts(self, names: tuple[str, ...]) -> dict[str, Draft]:
        usable = names if len(self.problem.devices) > 1 else WITHOUT_GPU
        return {name: strategy(name)(self.problem) for name in usable}
