"""A machine without OpenCL: everything runs on the CPU, and one line says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NO_LOADER = "import sys; sys.modules['pyopencl'] = None; "
SHOW = "from hetero.cli import main; sys.argv = ['hetero', {words}]; main()"


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A fresh process: drivers are looked for once in each."""
    command = [sys.executable, "-c", "import sys; " + code]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | env, timeout=120)


@pytest.mark.parametrize("missing", ["drivers", "binding"])
def test_devices_says_why_there_is_none(missing: str, tmp_path: Path) -> None:
    before = NO_LOADER if missing == "binding" else ""
    done = run(before + SHOW.format(words="'devices'"), OCL_ICD_VENDORS=f"{tmp_path}/none/")
    assert done.returncode == 0, done.stderr
    reasons = [line for line in done.stdout.splitlines() if "No OpenCL device" in line]
    assert len(reasons) == 1


def test_networks_run_all_the_same(tmp_path: Path) -> None:
    code = (
        "import numpy, hetero; from hetero import zoo; s = hetero.Session(zoo.build('squeezenet')); "
        "y = s(numpy.ones((1, 3, 224, 224), 'f')); print(s.plan.strategy, *(v.shape for v in y.values()))"
    )
    done = run(NO_LOADER + code, OCL_ICD_VENDORS=f"{tmp_path}/none/")
    assert done.stdout.startswith("cpu (1, 1000"), done.stderr


def test_asking_for_a_gpu_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(SHOW.format(words="'plan', 'zoo:squeezenet', '--device', 'gpu'"), OCL_ICD_VENDORS=f"{tmp_path}/none/")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "needs an OpenCL device" in done.stderr
