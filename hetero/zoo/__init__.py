"""Zoo: well-known networks with seeded random weights, built on the spot; one file a network, found by its name."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import onnx

_NOT_NETWORKS = ("layers",)


@cache
def names() -> tuple[str, ...]:
    """The networks there are, in alphabetical order."""
    found = (module.name for module in iter_modules(__path__))
    return tuple(sorted(name for name in found if name not in _NOT_NETWORKS))


def build(name: str, seed: int = 0) -> onnx.ModelProto:
    """One network by its name; the same seed gives the same weights everywhere."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no network {name!r} in the zoo: expected one of {', '.join(names())}{hint}")
    module = import_module(f"hetero.zoo.{name}")
    return cast("onnx.ModelProto", module.build(seed))
