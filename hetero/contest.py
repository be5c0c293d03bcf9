"""Contest: plans tried on this machine by turns; the slow drop out, and what is hard to tell is tried on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.devices.host import give_back_memory
from hetero.trial import Trial

if TYPE_CHECKING:
    from hetero.compiled import Compiled
    from hetero.plan import Plan
    from hetero.planner import Planner

# Each round: a plan whose better rounds are so much slower than the usual ones of the fastest is not measured again.
# Held against the fastest's better rounds, a plan would be lost that had not yet found a core at its higher speed. The
# last rounds are for what is hard to tell.
HOPELESS = (3.0, 1.5, 1.3, 1.2, 1.15, *[1.1] * 15)
BUDGET = 30.0  # seconds of rounds after which no further one begins
# A plan that hands over more has to be so much faster, and faster in such a part of the rounds: those that hand over
# less keep their rate where other programs disturb the machine.
WORTH, MOSTLY = 1.02, 0.6


def fastest(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    """The plan with the most frames a second, compiled, and in it what was measured; planners enter theirs.

    Every plan is measured once, those that may still be the fastest again, round by round, until one is left or time is
    up. Then the simplest is kept that no other beats clearly.
    """
    if sum(len(plans) for _, plans in entries) == 1:
        ((planner, (plan,)),) = entries
        return planner.compiled(plan)
    give_back_memory()  # measuring costs took copies of the weights, as trials do
    found = _tried(entries)
    give_back_memory()
    return found


def _tried(entries: Sequence[tuple[Planner, Sequence[Plan]]]) -> Compiled:
    trials = [Trial(planner.compiled(plan)) for planner, plans in entries for plan in plans]
    for trial in trials:
        trial.measure()
    begin = time.monotonic()
    for hopeless in HOPELESS:
        best = min(trial.period for trial in trials)
        trials = [trial for trial in trials if _better_rounds(trial) <= hopeless * best]
        if len(trials) == 1 or time.monotonic() - begin > BUDGET:
            break
        for trial in trials:
            trial.measure()
    winner, *others = sorted(trials, key=lambda trial: (*_effort(trial.compiled), trial.period))
    for trial in others:
        if _beats(trial, winner):
            winner = trial
    winner.compiled.plan = replace(winner.compiled.plan, measured=winner.period)
    return winner.compiled


def _better_rounds(trial: Trial) -> float:
    """Seconds per frame of a plan's better rounds: their quartile, of a few rounds the best."""
    return sorted(trial.periods)[len(trial.periods) // 4]


def _beats(trial: Trial, other: Trial) -> bool:
    """Whether a plan is clearly faster than another: as a whole, and in most rounds, which the two had by turns."""
    rounds = list(zip(trial.periods, other.periods, strict=True))
    faster = sum(mine < its for mine, its in rounds)
    return trial.period * WORTH < other.period and faster >= MOSTLY * len(rounds)


def _effort(compiled: Compiled) -> tuple[float, int]:
    """Stages that a frame goes through, on average, and devices that work."""
    schedule = compiled.plan.schedule
    stages = sum(len(compiled.variants[entry]) for entry in schedule) / len(schedule)
    return stages, len(compiled.plan.used)
