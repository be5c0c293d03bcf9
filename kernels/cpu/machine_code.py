"""Machine code: kernels compiled once by Numba, kept on disk as object files, and loaded without any compiler.

Numba's own cache pickles, does not see that a function a kernel is made from has changed, and costs half a second
a process before the first kernel; an object file is bytes, named by a hash of all it depends on.
"""

# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from kernels.cpu import objectfile
from kernels.cpu.compiler import Callee, compiled, llvm, versions
from kernels.cpu.target import processor, store

SIGNATURE = "void(CPointer(int64), int64)"
KEPT = 16  # versions of the kernels whose object files stay on disk
_PACKAGE = Path(__file__).parent.parent
_LOADING = threading.RLock()
_LOADED: dict[int, Kernel] = {}


class Kernel:
    """A function (args: int64*, task: int64), or of another signature, as machine code.

    It is made when its address is first asked for. The function may close over plain numbers only. `any_order`:
    sums may be taken in any order, which is settled when compiling.
    """

    def __init__(self, function: Callable[..., None], signature: str = SIGNATURE, any_order: bool = False) -> None:
        self.function, self.signature, self.any_order = function, signature, any_order
        self.name = f"{function.__module__}.{function.__qualname__.partition('.')[0]}"
        self._constants = {
            name: cell.cell_contents
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        }
        for name, value in self._constants.items():
            if not isinstance(value, int | float):
                raise TypeError(f"{self.name}: {name} is a {type(value).__name__}; kernels close over plain numbers")

    @property
    def symbol(self) -> str:
        """The kernel's name in its object file: what it is, and a hash of the files and the constants that made it."""
        source = b"".join(path.read_bytes() for path in _files(self.function))
        made_from = repr(
            (self.name, self.signature, self.any_order, self.function.__qualname__, sorted(self._constants.items()))
        ).encode()
        return f"{self.name}.{hashlib.sha256(made_from + source).hexdigest()[:32]}"

    @cached_property
    def address(self) -> int:
        """Where the machine code lies in this process."""
        symbol = self.symbol
        path = folder() / f"{symbol}.o"
        with _LOADING:
            found = _load(path, symbol) or self._compiled(path, symbol)
        _LOADED[found] = self
        return found

    def __str__(self) -> str:
        constants = [f" {name}={value}" for name, value in self._constants.items()]
        return self.name.rpartition(".")[2].removesuffix("_kernel") + "".join(constants)

    def _compiled(self, path: Path, symbol: str) -> int:
        function = compiled(self.function, self.signature, self.any_order)
        module = llvm.parse_assembly(function.inspect_llvm())
        # Numba takes Python's lock to report errors, which kernels do not raise; only it knows these two functions.
        for name in ("numba_gil_ensure", "numba_gil_release"):
            module.link_in(llvm.parse_assembly(f"define void @{name}(ptr %state) {{ ret void }}"))
        for each in (*module.functions, *module.global_variables):
            if not each.is_declaration:
                each.linkage = "internal"
        entry = module.get_function(function.native_name)
        entry.linkage, entry.name = "external", symbol
        outside = [each.name for each in (*module.functions, *module.global_variables) if each.is_declaration]
        needed = [name for name in outside if not name.startswith("llvm.")]
        code = _machine().emit_object(module)
        _keep(path, needed, code)
        return _link(code, symbol)


def _files(function: Callable[..., Any]) -> list[Path]:
    """Where a function stands, and what it calls outside this package, whose files `folder` knows."""
    found, left = {function}, [function]
    while left:
        each = left.pop()
        named = (each.__globals__.get(name) for name in each.__code__.co_names)
        called = {callee.function for callee in named if isinstance(callee, Callee)} - found
        outside = [callee for callee in called if _PACKAGE not in _file(callee).parents]
        found.update(outside)
        left += outside
    return sorted({*map(_file, found)})


def _file(function: Callable[..., Any]) -> Path:
    return Path(function.__code__.co_filename)


def kernel_at(address: int) -> Kernel:
    """The kernel whose machine code begins at an address. Raises KeyError."""
    return _LOADED[address]


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    x86 = target.name.startswith("x86")
    return target.create_target_machine(*processor(), 3, "static" if x86 else "default", "jitdefault", jit=True)


@cache
def _engine() -> Any:
    _machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())


def _link(code: bytes, symbol: str) -> int:
    try:
        return objectfile.load(code, symbol, _address_of)
    except LookupError:
        _engine().add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        _engine().finalize_object()
        return int(_engine().get_function_address(symbol))


def _address_of(name: str) -> int:
    """Where a function or variable of this process lies; 0 where it has none of that name."""
    if sys.platform == "win32":
        return llvm.address_of_symbol(name) or 0
    try:
        return ctypes.cast(ctypes.CDLL(None)[name], ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


@cache
def folder() -> Path:
    """Where object files lie: one folder for each state of this package, its compiler and the processor."""
    sources = sorted(_PACKAGE.rglob("*.py"))
    made_by = sys.version, versions(), sys.platform, platform.machine(), processor()
    digest = hashlib.sha256(repr(made_by).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return store() / "kernels" / digest.hexdigest()[:32]


def _keep(path: Path, needed: list[str], code: bytes) -> None:
    """Write an object file, after a line that says what it needs and what its hash is; a full disk is no error."""
    head = json.dumps({"needs": needed, "sha256": hashlib.sha256(code).hexdigest()}).encode()
    with suppress(OSError):
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
            _forget_old(path.parent.parent)
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        part.write_bytes(head + b"\n" + code)
        part.replace(path)


def _forget_old(versions: Path) -> None:
    for old in sorted(versions.iterdir(), key=lambda each: -each.stat().st_mtime)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _load(path: Path, symbol: str) -> int:
    """Link a kept object file; 0 where there is none that is whole and has all it needs in this process."""
    try:
        head, _, code = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        whole = said["sha256"] == hashlib.sha256(code).hexdigest()
        if not whole or not all(_address_of(name) for name in said["needs"]):
            return 0
    except (OSError, ValueError, LookupError, TypeError):
        return 0
    return _link(code, symbol)
