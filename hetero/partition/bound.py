"""Bound: what no plan can undercut, and the mix of placements that reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import linprog

from hetero.partition.min_cut import min_cut
from hetero.partition.problem import Placement, Problem, demands, paces

Array = np.ndarray[Any, Any]

ROUNDING = 1e-7  # room that the whole numbers of a minimum cut cannot tell from none
NEGLIGIBLE = 1e-9  # a share of no frames


@dataclass(frozen=True)
class Bound:
    """A proof: `seconds` per frame that neither a placement nor a mix of placements can undercut.

    weights     resource -> its weight, one in all: under these every placement's loads sum to `seconds` or more,
                unless it is the caller that takes so long
    placements  those that, mixed with `shares`, one in all, bring every load down to `seconds`
    """

    seconds: float
    weights: Mapping[str, float]
    placements: tuple[Placement, ...]
    shares: tuple[float, ...]


@lru_cache(maxsize=4)
def bound(problem: Problem) -> Bound:
    """The bound of a problem with at most two devices, by minimum cuts under weights that better themselves.

    The time per frame of a mix is its largest mean demand, which is at least any weighted mean of its demands (weights
    summing to one), which is a weighted mean of its loads and at least the smallest weighted load of any placement:
    L(weights), one minimum cut. L is concave and piecewise linear, a piece a placement. Its maximum is found from its
    pieces (Kelley, "The cutting-plane method for solving convex programs", 1960; with two weights it is Newton's
    method): a linear programme finds the weights at which the pieces known so far leave the most room, and with them
    the best mix of the placements known; the minimum cut there gives the piece that is lowest there. Either it is
    known, then the room is not room but the maximum, and the mix reaches it; or it is new, and as there are finitely
    many placements, the search ends.

    Overheads of stages are left out, which keeps the bound true. Raises ProblemError for more than two devices.
    """
    plain = replace(problem, overhead={})
    pace = np.array([[each.get(name, 0.0) for name in problem.resources] for each in paces(problem).values()])
    known: dict[tuple[str, ...], Placement] = {}
    for device in problem.devices:
        placement = problem.prefer(device)
        known[tuple(placement.values())] = placement
    pieces = [list(demands(plain, placement).values()) for placement in known.values()]
    best, best_weights = 0.0, dict.fromkeys(problem.resources, 0.0)
    while True:
        weights, shares, top = _balance(np.array(pieces))
        tried = dict(zip(problem.resources, (weights @ pace).tolist(), strict=True))
        cut = min_cut(problem, tried)
        if cut.bound >= best:
            best, best_weights = cut.bound, tried
        piece = list(demands(plain, cut.placement).values())
        if tuple(cut.placement.values()) in known or weights @ piece >= top * (1 - ROUNDING):
            break
        known[tuple(cut.placement.values())] = cut.placement
        pieces.append(piece)
    used = [(placement, share) for placement, share in zip(known.values(), shares.tolist(), strict=True) if share]
    return Bound(
        max(best, problem.caller), best_weights, tuple(each for each, _ in used), tuple(share for _, share in used)
    )


def _balance(pieces: Array) -> tuple[Array, Array, float]:
    """Of pieces [known, resources]: the weights under which the least is largest, the best mix's shares, its time."""
    count, resources = pieces.shape
    unit = pieces.max() or 1.0  # the solver's tolerances are absolute
    # variables: the shares, and the time that every mean demand stays below
    found = linprog(
        [0.0] * count + [1.0],
        A_ub=np.hstack([pieces.T / unit, -np.ones((resources, 1))]),
        b_ub=np.zeros(resources),
        A_eq=[[1.0] * count + [0.0]],
        b_eq=[1.0],
    )
    weights = np.maximum(-found.ineqlin.marginals, 0.0)
    shares = np.where(found.x[:count] > NEGLIGIBLE, found.x[:count], 0.0)
    return weights / weights.sum(), shares / shares.sum(), found.fun * unit
