"""Plans to predict: every strategy's, and placements that nobody would choose."""

from __future__ import annotations

import random

from hetero.partition.draft import Draft, draft
from hetero.partition.problem import Problem
from hetero.partition.strategies import strategies, strategy

RANDOM = 6
MOST_CUTS = 6


def drafts(problem: Problem, seed: int = 0) -> dict[str, Draft]:
    """Distinct drafts by name: what the strategies answer, and networks cut at random, each part on either device.

    Of drafts that say the same a single device keeps its name.
    """
    found = {name: strategy(name)(problem) for name in dict.fromkeys(("cpu", "gpu", *strategies()))}
    chance = random.Random(seed)
    names = list(problem.costs)
    for number in range(RANDOM):
        cuts = sorted(chance.sample(range(1, len(names)), chance.randint(1, MOST_CUTS)))
        first = chance.choice(problem.devices)
        placement, device = {}, first
        for position, name in enumerate(names):
            if position in cuts:
                device = next(each for each in problem.devices if each != device)
            placement[name] = problem.settle(name, device)
        found[f"random-{number}"] = draft(problem, placement)
    distinct: dict[str, Draft] = {}
    for name, each in found.items():
        if all((each.placements, each.schedule) != (other.placements, other.schedule) for other in distinct.values()):
            distinct[name] = each
    return distinct
