"""Kernels on disk: loaded without compiling, never a wrong or damaged one, and bounded in number."""

from __future__ import annotations

import ctypes
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kernels.cpu import machine_code, objectfile, target
from kernels.cpu.machine_code import KEPT, Kernel
from kernels.cpu.record import integers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine_code, "folder", lambda: tmp_path / "kernels" / "now")
    return tmp_path / "kernels" / "now"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The symbols compiled during the test."""
    names: list[str] = []
    original = Kernel._compiled

    def counted(self: Kernel, path: Path, symbol: str) -> int:
        names.append(symbol)
        return original(self, path, symbol)

    monkeypatch.setattr(Kernel, "_compiled", counted)
    return names


def adder(amount: int) -> Kernel:
    def add(args: object, task: int) -> None:
        integers(args[0])[task] += amount  # type: ignore[index]

    return Kernel(add)


def result(kernel: Kernel) -> list[int]:
    array = np.zeros(3, np.int64)
    record = np.array([array.ctypes.data], np.int64)
    function: Callable[[int, int], None] = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(kernel.address)
    function(record.ctypes.data, 1)
    return array.tolist()


def test_each_constant_makes_a_kernel_of_its_own(folder: Path, compiled: list[str]) -> None:
    assert result(adder(3)) == [0, 3, 0]
    assert result(adder(5)) == [0, 5, 0]
    assert len(set(compiled)) == len(list(folder.iterdir())) == 2


def test_a_kept_kernel_is_not_compiled_again(folder: Path, compiled: list[str]) -> None:
    assert result(adder(11)) == result(adder(11)) == [0, 11, 0]
    assert len(compiled) == 1


def test_what_a_kernel_calls_elsewhere_makes_it_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kernel_callee.py").write_text(
        "from kernels.cpu.compiler import njit\n@njit\ndef more(x):\n    return x + 1\n"
    )
    (tmp_path / "kernel_caller.py").write_text(
        "from kernel_callee import more\nfrom kernels.cpu.compiler import njit\n"
        "@njit\ndef twice(x):\n    return more(more(x))\n"
        "def add(args, task):\n    args[0] = twice(args[0])\n"
    )
    kernel = Kernel(importlib.import_module("kernel_caller").add)
    before = kernel.symbol
    assert kernel.symbol == before
    with (tmp_path / "kernel_callee.py").open("a") as callee:
        callee.write("# another\n")
    assert kernel.symbol != before


@pytest.mark.parametrize("damage", [b"", b"no JSON\nno code", b'{"needs": [], "sha256": "0"}\nno code', b"[]\n"])
def test_a_damaged_file_is_compiled_anew(folder: Path, compiled: list[str], damage: bytes) -> None:
    assert adder(13).address
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert result(adder(13)) == [0, 13, 0]
    assert result(adder(13)) == [0, 13, 0]
    assert len(compiled) == 2


def test_what_a_process_lacks_is_not_linked(folder: Path, compiled: list[str]) -> None:
    assert adder(17).address
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"needs": [', b'"needs": ["no_such_function", ', 1))
    assert result(adder(17)) == [0, 17, 0]
    assert len(compiled) == 2


def test_a_folder_that_cannot_be_written_costs_only_time(folder: Path, compiled: list[str]) -> None:
    folder.parent.write_text("a file where the folder should be")
    assert result(adder(19)) == [0, 19, 0]


def test_old_versions_go(folder: Path) -> None:
    for i in range(KEPT + 2):
        (folder.parent / str(i)).mkdir(parents=True)
    assert adder(23).address
    assert len(list(folder.parent.iterdir())) == KEPT
    assert folder.is_dir()


def test_only_plain_numbers_may_be_closed_over() -> None:
    table = [1, 2]

    def kernel(args: object, task: int) -> None:
        integers(args[0])[task] = table[0]  # type: ignore[index]

    with pytest.raises(TypeError, match="table is a list"):
        Kernel(kernel)


def test_llvm_links_what_the_loader_refuses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise LookupError

    monkeypatch.setattr(objectfile, "load", refuse)
    assert result(adder(29)) == result(adder(29)) == [0, 29, 0]


def test_a_process_whose_kernels_are_kept_imports_no_compiler() -> None:
    code = """
import sys
from kernels.cpu.affine import plain_kernel
from engine.devices.numba_cpu import NumbaDevice
assert plain_kernel().address and NumbaDevice().driver
print([name for name in ("numba", "llvmlite") if name in sys.modules])
"""
    root = Path(__file__).parents[3]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_what_llvm_says_of_the_processor_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    found = target._found()
    kept = list(tmp_path.iterdir())
    monkeypatch.setattr(target, "llvm", None)
    if kept:  # the system describes its processor
        assert target._found() == found
        kept[0].write_text("no JSON")
    with pytest.raises(AttributeError):
        target._found()
