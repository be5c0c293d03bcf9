"""Contest: plans tried on this machine by turns; the slow drop out, and what was tried corrects the costs once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hetero.trial import Trial

if TYPE_CHECKING:
    from hetero.compiled import Compiled
    from hetero.plan import Plan
    from hetero.planner import Planner

OFF = 0.25  # by what part costs must be off to plan again: less may be noise
# Each round: a plan so much slower than the fastest is not measured again. The last ones are for what is hard to tell.
HOPELESS = (1.5, 1.25, 1.15, 1.08, 1.05, *[1.03] * 10)
BUDGET = 40.0  # seconds after which nothing is measured that would only make the choice surer


def fastest(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    """The plan with the most frames a second, compiled, and in it what was measured; planners enter theirs.

    What the devices did in the plan that deals whole frames to all of them is held against the planner's costs. Where
    they are off, the planner plans again with costs corrected, and enters what is new. Every plan entered is measured
    once; all else ends with the round in which the budget of time is used up.
    """
    if sum(len(plans) for _, plans in entries) == 1:
        ((planner, (plan,)),) = entries
        return planner.compiled(plan)
    begin = time.monotonic()
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
        if len(trials) == 1 or time.monotonic() - begin > BUDGET:
            break
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
    """By what to multiply each device's expected time; nothing where no plan deals whole frames to all devices.

    Where frames change devices, what hand-overs cost is part of what is measured, and would be taken for slowness.
    """
    for trial in trials:
        plan = trial.compiled.plan
        homes = [set(placement.values()) for placement in plan.placements]
        if len(planner.devices) > 1 and all(len(each) == 1 for each in homes) and len(set.union(*homes)) > 1:
            seconds, expected = trial.worked(), planner.expected(plan)
            return {key: seconds[key] / expected[key] for key in planner.devices if expected[key] and key in seconds}
    return {}
