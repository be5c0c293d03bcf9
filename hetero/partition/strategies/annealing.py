"""annealing: random moves, for the worse too while it is warm, from a seed."""

from __future__ import annotations

import math
import random

from hetero.partition.draft import Draft, draft
from hetero.partition.ledger import Ledger, Score
from hetero.partition.problem import Problem

TRIES = 100  # moves tried an operator, but MOST in all
MOST = 60_000
WARM, COLD = 0.03, 1e-5  # the first and last temperature, as parts of the first time per frame
EVENLY = 0.1  # what the mean load counts beside the largest, or most moves would change nothing


def solve(problem: Problem, seed: int = 0) -> Draft:
    """The best placement met on the way from the best single device.

    After Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing", 1983: a move is made if it betters
    the placement, and with probability exp(-worse / temperature) if not; the temperature falls geometrically.
    """
    random_ = random.Random(seed)
    ledger = min((Ledger(problem, problem.prefer(device)) for device in problem.devices), key=Ledger.score)
    best, found = ledger.score(), dict(ledger.placement)
    free = [operator for operator in problem.costs if ledger.choices(operator)]

    def energy(score: Score) -> float:
        return score[0] + EVENLY * score[1] / len(problem.resources)

    now, unit = energy(best), best[0]
    tries = min(MOST, TRIES * len(free))
    for step in range(tries):
        operator = random_.choice(free)
        device = random_.choice(ledger.choices(operator))
        score = ledger.score_after(operator, device)
        worse = energy(score) - now
        if worse <= 0 or random_.random() < math.exp(-worse / (unit * WARM * (COLD / WARM) ** (step / tries))):
            ledger.move(operator, device)
            now += worse
            if score < best:
                best, found = score, dict(ledger.placement)
    return draft(problem, found)
