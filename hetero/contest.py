"""Contest: plans tried on this machine by turns; the slow drop out, and what was tried corrects the costs once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hetero.trial import Trial

if TYPE_CHECKING:
    from hetero.compiled import Compiled
    from hetero.plan import Plan
    from hetero.planner import Planner

OFF = 0.25  # by what part costs must be off to plan again: less may be noise
HOPELESS = (1.3, 1.2, 1.1, 1.05, 1.05)  # each round: a plan so much slower than the fastest is not measured again


def fastest(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    """The plan with the most frames a second, compiled, and in it what was measured; planners enter theirs.

    What the devices did in the plan that kept both busiest is held against the planner's costs. Where they are off,
    the planner plans again with costs corrected, and enters what is new.
    """
    if sum(len(plans) for _, plans in entries) == 1:
        ((planner, (plan,)),) = entries
        return planner.compiled(plan)
    trials: list[Trial] = []
    for planner, plans in entries:
        own = _tried(planner, plans)
        factors = _factors(planner, own)
        if any(abs(factor - 1) > OFF for factor in factors.values()):
            again = planner.corrected(planner.costs, factors)
            new = again.plans([plan.strategy for plan in plans])
            own += _tried(again, [plan for plan in new if not any(map(plan.same, plans))])
        trials += own
    for hopeless in HOPELESS:
        best = min(trial.period for trial in trials)
        trials = [trial for trial in trials if trial.period <= hopeless * best]
        for trial in trials:
            trial.measure()
    winner = min(trials, key=lambda trial: trial.period)
    winner.compiled.plan = replace(winner.compiled.plan, measured=winner.period)
    return winner.compiled


def _tried(planner: Planner, plans: Sequence[Plan]) -> list[Trial]:
    trials = [Trial(planner.compiled(plan)) for plan in plans]
    for trial in trials:
        trial.measure()
    return trials


def _factors(planner: Planner, trials: Sequence[Trial]) -> dict[str, float]:
    """By what to multiply each device's expected time; nothing where no plan has work for all devices."""
    streams = {key: device.streams for key, device in planner.devices.items()}
    found: dict[str, float] = {}
    busiest = 0.0
    for trial in trials:
        plan = trial.compiled.plan
        seconds = trial.worked()
        least = min(seconds.get(key, 0.0) / count for key, count in streams.items()) / (trial.period * plan.batch)
        if len(streams) > 1 and least > busiest:
            busiest = least
            expected = planner.expected(plan)
            found = {key: seconds[key] / expected[key] for key in streams if expected[key]}
    return found
