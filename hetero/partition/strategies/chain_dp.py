"""chain-dp: a dynamic programme along the network, over where the tensors lie that the rest still needs."""

from __future__ import annotations

from hetero.partition.bound import bound
from hetero.partition.draft import Draft, draft
from hetero.partition.front import Front, Walk
from hetero.partition.problem import Problem

WIDTH = 256  # fronts kept after every operator
STEPS = 512  # loads that differ by less than this part of the bound count as equal


def solve(problem: Problem) -> Draft:
    """Operators in network order; of fronts that the rest cannot tell apart, those with the least loads survive.

    On a chain a front is the last device and the loads, and this is the classical programme; where branches run side
    by side it is every branch's device, so that only the `WIDTH` fronts with the least weighted loads are kept, under
    the bound's weights. Of two fronts that agree in all loads but the last resource's, to one part in `STEPS` of the
    bound, the smaller survives.
    """
    walk, best = Walk(problem), bound(problem)
    step = best.seconds / STEPS or 1.0
    weights = [best.weights[resource] for resource in problem.resources]

    def weighted(front: Front) -> float:
        return sum(weight * load for weight, load in zip(weights, front.loads, strict=True))

    fronts = [walk.start()]
    for operator, cost in problem.costs.items():
        kept: dict[object, Front] = {}
        for front in fronts:
            for device in cost:
                grown = walk.grown(front, operator, device)
                key = grown.held, tuple(round(load / step) for load in grown.loads[:-1])
                if key not in kept or grown.loads[-1] < kept[key].loads[-1]:
                    kept[key] = grown
        fronts = sorted(kept.values(), key=weighted)[:WIDTH]
    front = min(fronts, key=lambda each: (max(each.loads), sum(each.loads)))
    return draft(problem, front.placement(problem))
