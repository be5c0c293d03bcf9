"""Every template's tuning space, found by its file: a module of this folder names its space in SPACE."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from kernels import opencl
from kernels.opencl.space import Space


@cache
def spaces() -> dict[str, Space]:
    """All spaces by name."""
    modules = [import_module(f"{opencl.__name__}.{module.name}") for module in iter_modules(opencl.__path__)]
    found = [module.SPACE for module in modules if hasattr(module, "SPACE")]
    return {space.name: space for space in found}
