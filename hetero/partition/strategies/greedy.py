"""greedy: operators in network order, each where the largest load is then the least."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft
from hetero.partition.front import Front, Walk
from hetero.partition.problem import Problem


def solve(problem: Problem) -> Draft:
    """One look at every operator, none back and none ahead; of equal largest loads the least sum decides."""
    walk = Walk(problem)
    front = walk.start()
    for operator, cost in problem.costs.items():
        grown: list[Front] = [walk.grown(front, operator, device) for device in cost]
        front = min(grown, key=lambda each: (max(each.loads), sum(each.loads)))
    return draft(problem, front.placement(problem))
