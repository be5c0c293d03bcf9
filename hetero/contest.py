"""Contest: plans tried on this machine by turns; the slow drop out, and what is hard to tell is tried on."""

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

# Each round: a plan so much slower than the fastest is not measured again. The last ones are for what is hard to tell.
HOPELESS = (1.5, 1.25, 1.15, 1.08, 1.05, *[1.03] * 10)
BUDGET = 40.0  # seconds after which no further round begins


def fastest(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    """The plan with the most frames a second, compiled, and in it what was measured; planners enter theirs.

    Every plan is measured once, those that may still be the fastest again, round by round, until one is left.
    """
    if sum(len(plans) for _, plans in entries) == 1:
        ((planner, (plan,)),) = entries
        return planner.compiled(plan)
    begin = time.monotonic()
    trials = [Trial(planner.compiled(plan)) for planner, plans in entries for plan in plans]
    for trial in trials:
        trial.measure()
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
