"""The table of operators by implementations: every result has its column, whatever operators it knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from experiments.implementations.main import table


def row(right: int, cases: int, error: float) -> dict[str, Any]:
    part = {"right": right, "cases": cases, "largest_error": error, "wrong": {}}
    return {"CPU": part, "GPU": part | {"right": cases}}


def test_every_result_has_a_column() -> None:
    results = [
        {"driver": "one", "operators": {"Conv": row(3, 4, 2e-6)}},
        {"driver": "other", "operators": {"Conv": row(4, 4, 0.0), "Abs": row(1, 1, 0.0)}},
    ]
    _, heading, _, *rows = list(table(results))
    assert heading == "| operator | one | other |"
    assert rows == [
        "| Abs |  | 1 of 1 / 1 of 1, 0e+00 |",
        "| Conv | 3 of 4 / 4 of 4, 2e-06 | 4 of 4 / 4 of 4, 0e+00 |",
    ]


def test_a_worker_answers_or_says_what_is_wrong() -> None:
    code = '{"op": "Relu", "case": 0, "kernels": "CPU"}\n{"op": "Relu", "case": 99, "kernels": "CPU"}\n'
    command = [sys.executable, "-m", "experiments.implementations.worker", "0"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True, cwd=root)
    first, second = done.stdout.splitlines()
    assert first == '{"result": 0.0}' or "IndexError" in first  # or there is no OpenCL device
    assert "IndexError" in second
