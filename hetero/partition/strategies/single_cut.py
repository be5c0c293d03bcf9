"""single-cut: the best split of the network into a front and a back, one device each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from hetero.partition.draft import Draft, draft
from hetero.partition.problem import Placement, Problem, loads


def solve(problem: Problem) -> Draft:
    """The best of all splits in network order, in both directions, crossings counted.

    An operator that cannot run on its side goes to the other. Either side may be empty, where no
    split pays; of equals, the one cut nearest the front wins.
    """
    return draft(problem, min(_splits(problem), key=lambda each: max(loads(problem, each).values())))


def _splits(problem: Problem) -> Iterator[Placement]:
    """Every split once; the host alone comes first, so that a problem of one device has one."""
    yield problem.prefer(problem.host)
    for at in range(len(problem.costs)):
        for front, back in permutations(problem.devices, 2):
            yield {name: problem.settle(name, front if i < at else back) for i, name in enumerate(problem.costs)}
