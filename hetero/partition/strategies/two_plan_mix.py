"""two-plan-mix: the minimum cuts at the bound's weights, dealt to frames in the proportion that reaches the bound."""

from __future__ import annotations

from hetero.partition.bound import bound
from hetero.partition.draft import Draft, draft
from hetero.partition.problem import Problem, demands
from hetero.partition.schedule import rounded, spread

LONGEST = 128  # frames in one round of the schedule: the least that leaves no more than half a percent to rounding
NEAR = 1.004  # times the bound: a round that predicts less need not be longer


def solve(problem: Problem) -> Draft:
    """The shortest round that comes near the bound, or else the round that comes nearest.

    With a copy engine as a third resource the mix may have three placements. Raises ProblemError for more than two
    devices.
    """
    best = bound(problem)
    each = [demands(problem, placement) for placement in best.placements]

    def pace(counts: list[int]) -> float:
        return max(
            sum(count * need[resource] for count, need in zip(counts, each, strict=True)) / sum(counts)
            for resource in problem.resources
        )

    rounds = [rounded(best.shares, length) for length in range(1, LONGEST + 1)]
    near = (counts for counts in rounds if pace(counts) <= NEAR * best.seconds)
    counts = next(near, min(rounds, key=pace))
    used = [i for i, count in enumerate(counts) if count]
    placements = [best.placements[i] for i in used]
    return draft(problem, *placements, schedule=spread([counts[i] for i in used]))
