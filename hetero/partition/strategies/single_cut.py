"""single-cut: the best split of the network into a front and a back, one device each."""

from __future__ import annotations

from itertools import permutations

from hetero.partition.draft import Draft, draft
from hetero.partition.ledger import Ledger
from hetero.partition.problem import Problem


def solve(problem: Problem) -> Draft:
    """The best of all splits in network order, in both directions, crossings counted.

    An operator that cannot run on its side goes to the other. Either side may be empty, where no
    split pays; of equals, the one cut nearest the front wins.
    """
    alone = Ledger(problem, problem.prefer(problem.host))
    best, found = alone.score(), alone.placement
    for front, back in permutations(problem.devices, 2):
        ledger = Ledger(problem, problem.prefer(back))
        for operator in [None, *problem.costs]:
            if operator is not None:
                ledger.move(operator, problem.settle(operator, front))
            if ledger.score() < best:
                best, found = ledger.score(), dict(ledger.placement)
    return draft(problem, found)
