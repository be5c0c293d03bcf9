"""gpu: everything on the GPU."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft, fallen
from hetero.partition.problem import Problem


def solve(problem: Problem) -> Draft:
    """Every operator on the GPU; what cannot run there goes to the CPU, and the note says so."""
    return draft(problem, problem.prefer("gpu"), note=fallen(problem, "gpu"))
