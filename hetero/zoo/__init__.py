"""Zoo: well-known networks with seeded random weights, built on the spot and never downloaded."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import onnx

_NAMES = (
    "densenet121", "googlenet", "mobilenet_v2", "resnet50", "shufflenet_v2", "squeezenet", "super_resolution",
)  # fmt: skip


def names() -> tuple[str, ...]:
    """The networks there are, in alphabetical order."""
    return _NAMES


def build(name: str, seed: int = 0) -> onnx.ModelProto:
    """One network by its name; the same seed gives the same weights everywhere."""
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no network {name!r} in the zoo: expected one of {', '.join(_NAMES)}{hint}")
    module = import_module(f"hetero.zoo.{name}")
    return cast("onnx.ModelProto", module.build(seed))
