"""Start-up: importing hetero, and the first result of a network, cold and warm; writes result JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from hetero.report import machine

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
FIRST = """
import sys
import numpy as np
import hetero
from hetero.cli.options import load_model
session = hetero.Session(load_model(sys.argv[1]), "cpu", threads=1)
shape = [size if isinstance(size, int) else 1 for size in session.inputs[0].shape]
session(np.zeros(shape, session.inputs[0].dtype))
"""


def child(code: str, *arguments: str, caches: Path) -> float:
    """Seconds from the start of a process to its end; its compiled kernels and bytecode lie in `caches`."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"NUMBA_CACHE_DIR": str(caches / "kernels"), "PYTHONPYCACHEPREFIX": str(caches / "bytecode")}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=ROOT, env=environment)
    return time.perf_counter() - start


def repeated(count: int, once: Callable[[], float]) -> dict[str, Any]:
    """The median of some runs, and all of them."""
    seconds = [round(once(), 3) for _ in range(count)]
    return {"median": round(median(seconds), 3), "all": seconds}


def measure(model: str, rounds: int, colds: int, caches: Path) -> Mapping[str, Any]:
    """Process start to end with the first result, without compiled kernels and with them."""

    def cold() -> float:
        with tempfile.TemporaryDirectory(dir=caches) as empty:
            Path(empty, "bytecode").symlink_to(caches / "bytecode")
            return child(FIRST, model, caches=Path(empty))

    child(FIRST, model, caches=caches)
    found = {"cold": repeated(colds, cold), "warm": repeated(rounds, lambda: child(FIRST, model, caches=caches))}
    print(model, {key: each["median"] for key, each in found.items()}, flush=True)
    return found


def main() -> None:
    """`python -m experiments.startup.main [MODEL ...]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["zoo:googlenet"], help="zoo:NAME or a file")
    parser.add_argument("--rounds", type=int, default=7, help="warm starts")
    parser.add_argument("--colds", type=int, default=3, help="cold starts")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        caches = Path(folder)
        child("import hetero.session", caches=caches)
        result: dict[str, Any] = {
            "machine": machine(),
            "python": repeated(words.rounds, lambda: child("pass", caches=caches)),
            "numpy": repeated(words.rounds, lambda: child("import numpy", caches=caches)),
            "import": repeated(words.rounds, lambda: child("import hetero", caches=caches)),
            "import_session": repeated(words.rounds, lambda: child("from hetero import Session", caches=caches)),
        }
        print({key: each["median"] for key, each in result.items() if key != "machine"}, flush=True)
        result["models"] = {
            Path(model).name: measure(model, words.rounds, words.colds, caches) for model in words.models
        }
    words.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
