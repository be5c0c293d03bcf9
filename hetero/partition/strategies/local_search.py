"""local-search: operators moved one by one, for the worse too, and the best state on the way kept."""

from __future__ import annotations

from hetero.partition.bound import bound
from hetero.partition.draft import Draft, draft
from hetero.partition.ledger import Ledger, Score
from hetero.partition.problem import Placement, Problem

PATIENCE = 24  # moves without a new best after which a pass ends


def solve(problem: Problem) -> Draft:
    """What passes make of the best single device, or of the best placement in the bound's mix where that is better.

    After Kernighan and Lin, "An efficient heuristic procedure for partitioning graphs", 1970, as Fiduccia and
    Mattheyses changed it, 1982: in a pass every operator moves once at most, always the one whose move leaves the
    least largest load, though that be more than before; the pass is then undone back to its best state.
    """
    starts: list[Placement] = [problem.prefer(device) for device in problem.devices]
    if len(problem.devices) <= 2:
        starts += bound(problem).placements
    ledger = min((Ledger(problem, start) for start in starts), key=Ledger.score)
    while _pass(ledger):
        pass
    return draft(problem, ledger.placement)


def _pass(ledger: Ledger) -> bool:
    """Improve the placement by one pass; False where it found nothing better."""
    first = best = ledger.score()
    free = dict.fromkeys(operator for operator in ledger.placement if ledger.choices(operator))
    undo: list[tuple[str, str]] = []  # moves since the best state, and where they came from
    while free and len(undo) < PATIENCE:
        moves: list[tuple[Score, str, str]] = [
            (ledger.score_after(operator, device), operator, device)
            for operator in free
            for device in ledger.choices(operator)
        ]
        score, operator, device = min(moves)
        undo.append((operator, ledger.placement[operator]))
        ledger.move(operator, device)
        del free[operator]
        if score < best:
            best, undo = score, []
    for operator, device in reversed(undo):
        ledger.move(operator, device)
    return best < first
