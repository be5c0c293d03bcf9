"""Every operator, found by its file: a module of this folder names its operators in OPS."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from kernels.op import Op


@cache
def operators() -> dict[str, Op]:
    """All operators by ONNX's name."""
    found: dict[str, Op] = {}
    for module in iter_modules(__path__):
        for op in import_module(f"{__name__}.{module.name}").OPS:
            found[op.name] = op
    return found
