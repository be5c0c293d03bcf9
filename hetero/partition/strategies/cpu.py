"""cpu: everything on the CPU."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft, fallen
from hetero.partition.problem import Problem


def solve(problem: Problem) -> Draft:
    """Every operator on the CPU; what cannot run there goes where it can, and the note says so."""
    return draft(problem, problem.prefer("cpu"), note=fallen(problem, "cpu"))
