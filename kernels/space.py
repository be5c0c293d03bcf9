"""Space: what may be chosen about a kernel: its tunables, each with its values and their unit; and who is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path

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
    """The tunables of a kernel; `sources` names the files, below this folder, that it is made from."""

    name: str
    tunables: tuple[Tunable, ...]
    sources: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Changes with the sources' text, 16 hexadecimal digits: choices stored under another one are out of date."""
        texts = [(Path(__file__).parent / source).read_text(encoding="utf-8") for source in self.sources]
        return sha256("\0".join(texts).encode()).hexdigest()[:16]

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

    `default` is the lowering's own rule for this target, `cost` its simple model.
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


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What targets have in common: lowerings ask them what to choose.

    `tunings` holds what was found best on this device, by space and problem; `heard`, where somebody listens, every
    question with its answer.
    """

    tunings: Mapping[tuple[str, str], Choice] = field(default_factory=dict, compare=False, repr=False)
    heard: list[tuple[Question, Choice]] | None = field(default=None, compare=False, repr=False)

    def choose(self, question: Question) -> Choice:
        """The tuned choice where there is one that fits, else the default."""
        tuned = self.tunings.get(question.key)
        choice = tuned if tuned is not None and question.fits(tuned) else question.default
        if self.heard is not None:
            self.heard.append((question, choice))
        return choice
