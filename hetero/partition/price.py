"""Price: what moving each operator would add to the time per frame."""

from __future__ import annotations

from collections.abc import Sequence

from hetero.partition.ledger import Ledger
from hetero.partition.problem import Placement, Problem


def prices(
    problem: Problem, placements: Sequence[Placement], schedule: Sequence[int] = (0,)
) -> dict[str, dict[str, float]]:
    """Operator -> device -> seconds per frame that it would add to have the operator there in every placement.

    All else stays, and overheads of stages are left out. A device that cannot run the operator is absent, and so is
    one where the operator is in every placement.
    """
    ledgers = [Ledger(problem, placement) for placement in placements]
    shares = [schedule.count(i) / len(schedule) for i in range(len(placements))]
    resources = problem.resources

    def mean(each: Sequence[dict[str, float]]) -> list[float]:
        return [sum(s * loads[name] for s, loads in zip(shares, each, strict=True)) for name in resources]

    now = mean([ledger.loads for ledger in ledgers])
    found: dict[str, dict[str, float]] = {}
    for operator, cost in problem.costs.items():
        found[operator] = {}
        for device in cost:
            if any(ledger.placement[operator] != device for ledger in ledgers):
                added = mean([ledger.change(operator, device) for ledger in ledgers])
                found[operator][device] = max(map(sum, zip(now, added, strict=True))) - max(now)
    return found
