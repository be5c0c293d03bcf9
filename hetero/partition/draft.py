"""Draft: what a strategy answers: placements, the schedule that mixes them, and the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hetero.partition.problem import Placement, Problem, period


@dataclass(frozen=True)
class Draft:
    """A plan without names: frame i uses placements[schedule[i % len(schedule)]].

    `predicted` is in seconds per frame. `note` says in one line what the user should know, such as
    operators that could not run where the strategy wanted them; empty where there is nothing.
    """

    placements: tuple[Placement, ...]
    schedule: tuple[int, ...]
    predicted: float
    note: str = ""


def draft(problem: Problem, *placements: Placement, schedule: Sequence[int] = (0,), note: str = "") -> Draft:
    """A draft of these placements with its prediction."""
    return Draft(placements, tuple(schedule), period(problem, placements, schedule), note)


def fallen(problem: Problem, device: str) -> str:
    """A note on the operators that cannot run on a device; empty where all can."""
    names = [operator for operator, cost in problem.costs.items() if device not in cost]
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} of {len(problem.costs)} operators cannot run on {device}: {shown}"
