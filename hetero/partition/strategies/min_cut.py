"""min-cut: the placement with the least weighted sum of loads."""

from __future__ import annotations

from hetero.partition.bound import bound
from hetero.partition.draft import Draft, draft
from hetero.partition.min_cut import Weights, min_cut
from hetero.partition.problem import Problem, loads


def solve(problem: Problem, weights: Weights | None = None) -> Draft:
    """One minimum cut under these weights; None: of those at the bound's weights, the one with the least largest load.

    Raises ProblemError for more than two devices.
    """
    if weights is not None:
        return draft(problem, min_cut(problem, weights).placement)
    return draft(problem, min(bound(problem).placements, key=lambda each: max(loads(problem, each).values())))
