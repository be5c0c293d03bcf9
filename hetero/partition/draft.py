"""Draft: what a strategy answers: placements, the schedule that mixes them, and what is known of their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hetero.partition.problem import Placement, Problem, period


@dataclass(frozen=True)
class Draft:
    """A plan without names: frame i uses placements[schedule[i % len(schedule)]]. Times are seconds per frame.

    predicted   in the steady state
    bound       what neither a placement nor a mix of them can undercut; None for more than two devices
    dual        what the strategy's own solver proved that no placement can undercut; None where it proved nothing
    note        one line that the user should know, such as operators that could not run where the strategy wanted
                them; empty where there is nothing
    """

    placements: tuple[Placement, ...]
    schedule: tuple[int, ...]
    predicted: float
    bound: float | None = None
    dual: float | None = None
    note: str = ""

    @property
    def gap(self) -> float | None:
        """By what part the prediction is above the bound; None where there is none, or it is zero."""
        return self.predicted / self.bound - 1 if self.bound else None


def draft(
    problem: Problem,
    *placements: Placement,
    schedule: Sequence[int] = (0,),
    dual: float | None = None,
    note: str = "",
) -> Draft:
    """A draft of these placements with its prediction and its bound."""
    # SciPy takes half a second to import, which a saved plan and a single device do without.
    from hetero.partition.bound import bound

    known = bound(problem).seconds if len(problem.devices) <= 2 else None
    return Draft(placements, tuple(schedule), period(problem, placements, schedule), known, dual, note)


def fallen(problem: Problem, device: str) -> str:
    """A note on the operators that cannot run on a device; empty where all can."""
    names = [operator for operator, cost in problem.costs.items() if device not in cost]
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} of {len(problem.costs)} operators cannot run on {device}: {shown}"
