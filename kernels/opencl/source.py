"""The text of the templates, read once from this package, with the prelude they all share."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def template(name: str) -> str:
    """The prelude and a template's text, ready to be built with its defines."""
    folder = Path(__file__).parent
    return (folder / "prelude.cl").read_text() + (folder / f"{name}.cl").read_text()
