"""Imports run kernels <- engine <- hetero <- experiments, and never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("kernels", "engine", "hetero", "experiments")


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", ORDER)
def test_imports_never_run_back(package: str) -> None:
    forbidden = set(ORDER[ORDER.index(package) + 1 :])
    files = list((ROOT / package).rglob("*.py"))
    back = {str(path.relative_to(ROOT)): imported(path) & forbidden for path in files}
    assert files or package == "experiments"
    assert {path: names for path, names in back.items() if names} == {}


def test_kernels_know_no_runtime() -> None:
    """Kernels are text and plain functions: no OpenCL binding, no ONNX."""
    found = {str(p): imported(p) & {"pyopencl", "onnx"} for p in (ROOT / "kernels").rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_session_needs_no_solver() -> None:
    """A saved plan, or one device, waits for no SciPy."""
    code = "import sys, hetero; hetero.Session; print('scipy.optimize' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "False"


def test_importing_hetero_loads_nothing_heavy() -> None:
    code = "import sys, hetero; print([m for m in ('numba', 'pyopencl', 'onnx', 'networkx') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
