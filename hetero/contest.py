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

# Each round: a plan so much slower than the fastest, each at its best, is not measured again: what disturbs a
# measurement never makes it faster. The last rounds are for what is hard to tell.
HOPELESS = (3.0, 1.5, 1.3, 1.2, 1.15, 1.1, *[1.08] * 4, *[1.05] * 6)
BUDGET = 30.0  # seconds of rounds after which no further one begins
ALIKE = 1.02  # plans so near the fastest count as equally fast, and that of the fewest stages is kept


def fastest(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    """The plan with the most frames a second, compiled, and in it what was measured; planners enter theirs.

    Every plan is measured once, those that may still be the fastest again, round by round, until one is left. Of plans
    that cannot be told apart the one that hands over the least is kept.
    """
    if sum(len(plans) for _, plans in entries) == 1:
        ((planner, (plan,)),) = entries
        return planner.compiled(plan)
    trials = [Trial(planner.compiled(plan)) for planner, plans in entries for plan in plans]
    for trial in trials:
        trial.measure()
    begin = time.monotonic()
    for hopeless in HOPELESS:
        best = min(min(trial.periods) for trial in trials)
        trials = [trial for trial in trials if min(trial.periods) <= hopeless * best]
        if len(trials) == 1 or time.monotonic() - begin > BUDGET:
            break
        for trial in trials:
            trial.measure()
    best = min(trial.period for trial in trials)
    alike = [trial for trial in trials if trial.period <= ALIKE * best]
    winner = min(alike, key=lambda trial: (_stages(trial.compiled), trial.period))
    winner.compiled.plan = replace(winner.compiled.plan, measured=winner.period)
    return winner.compiled


def _stages(compiled: Compiled) -> float:
    """Stages that a frame goes through, on average."""
    schedule = compiled.plan.schedule
    return sum(len(compiled.variants[entry]) for entry in schedule) / len(schedule)
