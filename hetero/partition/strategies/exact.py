"""exact: the best placement, by mixed-integer programming."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft
from hetero.partition.integer import Programme
from hetero.partition.problem import Problem, ProblemError, fits
from hetero.partition.strategies import local_search

GAP = 1e-4  # a difference that no clock would see
SECONDS = 5.0


def solve(problem: Problem, gap: float = GAP, seconds: float = SECONDS) -> Draft:
    """The placement with the least time per frame, within memory, by what part `gap` it may miss the best.

    Where the bound does not prove local search good enough, HiGHS searches for better, `seconds` at most, and its
    dual bound says what no placement can undercut. Overheads of stages are counted in the
    prediction, not in the search. Raises ProblemError where no placement is within memory.
    """
    start = local_search.solve(problem)
    within = fits(problem, start.placements)
    if within and start.gap is not None and start.gap <= gap:
        return draft(problem, *start.placements, dual=start.bound)
    found = Programme(problem).solve(gap=gap, seconds=seconds)
    if found.placement is None and not within:
        raise ProblemError("no placement was found that keeps within memory")
    dual = max(found.dual, start.bound or 0.0)
    drafts = [draft(problem, found.placement, dual=dual)] if found.placement is not None else []
    drafts += [draft(problem, *start.placements, dual=dual)] if within else []
    return min(drafts, key=lambda each: each.predicted)
