"""Every tuning space, found by its file: a module of kernels names its space in SPACE."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from kernels import cpu, opencl
from kernels.space import Space


@cache
def spaces() -> dict[str, Space]:
    """All spaces by name."""
    folders = (cpu, opencl)
    modules = [
        import_module(f"{folder.__name__}.{m.name}") for folder in folders for m in iter_modules(folder.__path__)
    ]
    found = [module.SPACE for module in modules if hasattr(module, "SPACE")]
    return {space.name: space for space in found}
