"""Objective: what a plan is to be best at, what it has to keep, and the choice between frames a second and delay."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hetero.partition.draft import Draft, draft
from hetero.partition.integer import Limit, Programme, Weights
from hetero.partition.problem import Placement, Problem, loads, paces, period

AIMS = ("throughput", "latency", "cpu", "energy")

GAP = 1e-4
SECONDS = 5.0  # that one programme may take
POINTS = 8  # limits on the latency tried for the front


class ObjectiveError(ValueError):
    """An objective that contradicts itself, or that no placement meets."""


@dataclass(frozen=True)
class Objective:
    """What to have least: time per frame, one frame's latency, the CPU's seconds or joules a frame; under limits.

    aim       one of `AIMS`
    latency   seconds that a frame may take which has the machine to itself
    rate      frames a second that the camera gives, and all of them are to be kept up with
    watts     device -> power while it is busy, which energy needs

    Memory is limited by the problem itself. Raises ObjectiveError for what contradicts itself.
    """

    aim: str = "throughput"
    latency: float | None = None
    rate: float | None = None
    watts: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.aim not in AIMS:
            raise ObjectiveError(f"unknown objective {self.aim!r}; expected {', '.join(AIMS)}")
        if self.aim == "energy" and not self.watts:
            raise ObjectiveError("the objective energy needs to know what each device draws while it is busy, in watts")
        for name, value in (("latency", self.latency), ("rate", self.rate), *(self.watts or {}).items()):
            if value is not None and not 0 < value < math.inf:
                raise ObjectiveError(f"{name} is {value}, expected a number above 0")

    @property
    def free(self) -> bool:
        """Whether this is throughput without limits, which a mix of placements may serve better than any one."""
        return self == Objective()


def latency(problem: Problem, found: Draft) -> float:
    """Seconds of a frame that has the machine to itself: its legs, one after the other, in the slowest placement."""
    return max(_alone(problem, placement) for placement in found.placements)


def best(problem: Problem, objective: Objective) -> Draft:
    """The placement that meets an objective best, proven to `GAP` unless that takes longer than `SECONDS`.

    Every objective is a weighted sum of loads, or the largest load, and so is every limit. Overheads of stages are
    left out. Raises ObjectiveError where no placement keeps the limits, with what could be had.
    """
    if objective.rate is not None and problem.caller * objective.rate > 1:
        raise ObjectiveError(
            f"no plan has {objective.rate:g} frames a second: bringing them and taking their results takes "
            f"{1e3 * problem.caller:.4g} ms each, which leaves {1 / problem.caller:.4g} frames a second"
        )
    programme = Programme(problem)
    limits = _limits(problem, objective)
    found = programme.solve(_weights(problem, objective), limits, gap=GAP, seconds=SECONDS)
    if found.placement is None:
        raise ObjectiveError(_why(problem, programme, objective, proven=found.dual == math.inf))
    dual = found.dual if objective.aim == "throughput" else None
    return draft(problem, found.placement, dual=dual)


def pareto(problem: Problem, drafts: Iterable[Draft] = ()) -> list[Draft]:
    """The drafts than which none has both more frames a second and less latency, the least latency first.

    Those given compete with the placements of most throughput under `POINTS` limits on the latency.
    """
    programme = Programme(problem)
    found = [*drafts, best(problem, Objective("latency")), best(problem, Objective())]
    low, high = (latency(problem, each) for each in found[-2:])
    for point in range(1, POINTS):
        limit = Limit(_all(problem), low + (high - low) * point / POINTS)
        placement = programme.solve(None, [limit], gap=GAP, seconds=SECONDS).placement
        if placement is not None:
            found.append(draft(problem, placement))
    front: list[Draft] = []
    for each in sorted(found, key=lambda each: (latency(problem, each), each.predicted)):
        if not front or each.predicted < front[-1].predicted:
            front.append(each)
    return front


def _all(problem: Problem) -> Weights:
    """What makes of loads the seconds of one frame, for which one device works at a time."""
    return {name: problem.alone.get(name, 1.0) * problem.streams.get(name, 1) for name in problem.resources}


def _alone(problem: Problem, placement: Placement) -> float:
    weights = _all(problem)
    return sum(weights[resource] * load for resource, load in loads(problem, placement).items())


def _weights(problem: Problem, objective: Objective) -> Weights | None:
    watts = objective.watts or {}
    unknown = [name for name in watts if name not in problem.resources]
    if unknown:
        raise ObjectiveError(f"watts for {unknown[0]!r}, but there are only {', '.join(problem.resources)}")
    weights = {"throughput": None, "latency": _all(problem), "cpu": {problem.host: 1.0}, "energy": watts}
    return weights[objective.aim]


def _limits(problem: Problem, objective: Objective) -> list[Limit]:
    limits = [] if objective.latency is None else [Limit(_all(problem), objective.latency)]
    if objective.rate is not None:
        limits += [Limit(pace, 1 / objective.rate) for pace in paces(problem).values()]
    return limits


def _why(problem: Problem, programme: Programme, objective: Objective, proven: bool) -> str:
    wanted = []
    if objective.rate is not None:
        wanted.append(f"{objective.rate:g} frames a second")
    if objective.latency is not None:
        wanted.append(f"a latency of {1e3 * objective.latency:g} ms")
    if problem.memory:
        wanted.append(", ".join(f"{nbytes} bytes on {device}" for device, nbytes in problem.memory.items()))
    least = [programme.solve(weights, gap=GAP, seconds=SECONDS).placement for weights in (None, _all(problem))]
    said = f"no placement {'has' if proven else f'was found in {SECONDS:g} s with'} {' and '.join(wanted)}"
    if least[0] is None or least[1] is None:
        return f"{said}: the memory is too small"
    fast, soon = period(problem, [least[0]]), _alone(problem, least[1])
    return (
        f"{said}: with no such limits the most is {1 / fast:.4g} frames a second, the least latency {1e3 * soon:.4g} ms"
    )
