"""The strategies, one per file: a file gpu_first.py with a function `solve` is strategy "gpu-first"."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Callable
from importlib import import_module

from hetero.partition.draft import Draft
from hetero.partition.problem import Problem

Solve = Callable[[Problem], Draft]


class UnknownStrategy(ValueError):  # noqa: N818
    """A strategy that there is no file for."""


def strategies() -> tuple[str, ...]:
    """Names of all strategies."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def strategy(name: str) -> Solve:
    """The `solve` of a strategy. Raises UnknownStrategy, naming the known ones."""
    known = strategies()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownStrategy(f"unknown strategy {name!r}; known: {', '.join(known)}{hint}")
    solve: Solve = import_module(f"{__name__}.{name.replace('-', '_')}").solve
    return solve
