"""The text of the templates, read once from this package, with the prelude and the functions they all share."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def template(*names: str) -> str:
    """The prelude and a template's text, that of others it uses in front, ready to be built with its defines."""
    return "".join(map(_text, ("prelude", "functions", *names)))


def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.cl").read_text(encoding="utf-8")
