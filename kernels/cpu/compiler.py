"""The compiler: Numba, and LLVM's code as Python objects, imported when a kernel is compiled and not before.

A process whose kernels all lie on disk does without: half a second and 60 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module, metadata
from typing import Any


class _Module:
    """A module that is imported when something of it is first needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


ir: Any = _Module("llvmlite.ir")
llvm: Any = _Module("llvmlite.binding")
numba: Any = _Module("numba")
extending: Any = _Module("numba.extending")
types: Any = _Module("numba.core.types")
cgutils: Any = _Module("numba.core.cgutils")


def versions() -> tuple[str, str]:
    """Of Numba and llvmlite."""
    return metadata.version("numba"), metadata.version("llvmlite")


class Callee:
    """What kernels may call: it becomes Numba's own kind of function when the first of them is compiled."""

    def __init__(self, function: Callable[..., Any], make: Callable[[], Any]) -> None:
        self.function, self._make = function, make

    @cached_property
    def made(self) -> Any:
        """The function as Numba knows it."""
        return self._make()

    def __call__(self, *arguments: Any) -> Any:
        raise TypeError("only kernels may call this")


def _later(module: Any, name: str) -> Any:
    """The module's decorator of that name, applied when what it decorates is first compiled."""

    def decorator(*given: Callable[..., Any], **options: Any) -> Any:
        def callee(function: Callable[..., Any]) -> Callee:
            def make() -> Any:
                way = getattr(module, name)
                return (way(**options) if options else way)(function)

            return Callee(function, make)

        return callee(*given) if given else callee

    return decorator


intrinsic = _later(extending, "intrinsic")
njit = _later(numba, "njit")


def compiled(function: Callable[..., None], signature: str, any_order: bool = False) -> Any:
    """A function of plain C types, compiled by Numba. `any_order`: sums may be taken in any order."""
    _teach()
    # Division by zero gives infinity or not-a-number, as arrays do: a kernel has nobody to raise to.
    fast = {"reassoc", "nsz", "contract"} if any_order else False
    return numba.cfunc(signature, nopython=True, error_model="numpy", fastmath=fast)(function)


def _teach() -> None:
    """Let Numba see, where a function names a `Callee`, what it stands for."""
    typing = import_module("numba.core.registry").cpu_target.typing_context

    def kind(callee: Callee, context: Any) -> Any:
        made = callee.made
        typing.refresh()  # it has not looked at what was registered since it began with this kernel
        return typing.resolve_value_type(made)

    extending.typeof_impl.register(Callee)(kind)
