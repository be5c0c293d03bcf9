"""Space: what may be chosen about a template: its tunables, each with its values and their unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from kernels.opencl.source import digest

Choice = Mapping[str, int]  # a value for every tunable of a space
Cost = Callable[[Choice], float]  # by a simple model, in any unit; infinite for a choice that does not fit


@dataclass(frozen=True)
class Tunable:
    """One number to choose: the values it may take, and what it counts."""

    name: str
    values: tuple[int, ...]
    unit: str


@dataclass(frozen=True)
class Space:
    """The tunables of a template; `sources` names the .cl files that a stored choice was measured with."""

    name: str
    tunables: tuple[Tunable, ...]
    sources: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Changes with the templates' text: choices stored under another digest are out of date."""
        return digest(*self.sources)

    def choices(self, **fixed: int) -> Iterator[dict[str, int]]:
        """Every combination of values, but for those fixed; many do not fit a given problem."""
        names = [tunable.name for tunable in self.tunables]
        lists = [(fixed[t.name],) if t.name in fixed else t.values for t in self.tunables]
        return (dict(zip(names, values, strict=True)) for values in product(*lists))

    def holds(self, choice: Choice) -> bool:
        """Whether a choice names exactly the tunables of this space, with values they may take."""
        allowed = {tunable.name: tunable.values for tunable in self.tunables}
        return choice.keys() == allowed.keys() and all(choice[name] in allowed[name] for name in allowed)


@dataclass(frozen=True)
class Question:
    """What a lowering asks its target: a choice in `space` for `problem`, a short text that names a shape.

    `default` is the template's own rule for this target, `cost` its simple model.
    """

    space: Space
    problem: str
    default: Choice
    cost: Cost

    @property
    def key(self) -> tuple[str, str]:
        """What answers are stored under."""
        return self.space.name, self.problem

    def fits(self, choice: Choice) -> bool:
        """Whether a choice, wherever it comes from, makes a right kernel for this problem."""
        return self.space.holds(choice) and self.cost(choice) < float("inf")
