"""OpenCL runtimes on CPU cores against our own Numba operators, one core each, by turns; writes speed.json."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hetero.report import machine

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
ROUNDS, RUNS = 15, 3


def main() -> None:
    """`python -m experiments.implementations.speed [MODEL] [--runtime NAME=PATH]...`; PATH is for OCL_ICD_VENDORS."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="zoo:googlenet", help="a path, or zoo:NAME")
    parser.add_argument("--runtime", action="append", default=[], help="NAME=PATH; without any, what is installed")
    parser.add_argument("--child", action="store_true", help="one runtime, its result on stdout")
    words = parser.parse_args()
    if words.child:
        print(json.dumps(compare(words.model)))
        return
    rows = {name or "installed": ask(words.model, path) for name, _, path in map(split, words.runtime or [""])}
    for name, row in rows.items():
        print(f"{name}: {row['driver']}, {row['ratio']:.2f} of the CPU operators' {row['cpu_ms']:.1f} ms", flush=True)
    result = {"machine": machine(), "model": words.model, "runtimes": rows}
    (FOLDER / "speed.json").write_text(json.dumps(result, indent=1) + "\n")


def split(runtime: str) -> tuple[str, str, str]:
    """A name and a path."""
    return runtime.partition("=")


def ask(model: str, vendors: str) -> dict[str, Any]:
    """The comparison in a process of its own, which sees one runtime and has one core."""
    environment = os.environ | ({"OCL_ICD_VENDORS": vendors} if vendors else {})
    command = [sys.executable, "-m", "experiments.implementations.speed", model, "--child"]
    found = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return answer


def compare(model: str) -> Mapping[str, Any]:
    """Milliseconds of a frame on either device, round by round, and the median of the rounds' ratios.

    Raises RuntimeError where no OpenCL runtime on CPU cores is there, or an operator has no kernel on it.
    """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before a runtime counts its cores
    from engine.devices.discover import opencl_devices
    from hetero import Session
    from hetero.cli.options import load_model

    number, device = next((each for each in enumerate(opencl_devices()) if each[1].emulated), (0, None))
    if device is None:
        raise RuntimeError("there is no OpenCL runtime on CPU cores here")
    loaded = load_model(model)
    with Session(loaded, "cpu", threads=1) as cpu, Session(loaded, f"gpu:{number}", threads=1, strategy="gpu") as gpu:
        if set(gpu.plan.placements[0].values()) != {"gpu"}:
            raise RuntimeError(f"{device.name} does not run all of {model}")
        frame = np.random.default_rng(0).random([int(size) for size in cpu.inputs[0].shape], np.float32)
        difference = max(
            float(np.abs(a - b).max()) for a, b in zip(cpu(frame).values(), gpu(frame).values(), strict=True)
        )
        rounds = [[milliseconds(lambda each=each: each(frame)) for each in (cpu, gpu)] for _ in range(ROUNDS)]
    ours, theirs = (median(times) for times in zip(*rounds, strict=True))
    return {
        "device": device.name, "driver": device.driver, "cpu_ms": ours, "opencl_ms": theirs,
        "ratio": median(b / a for a, b in rounds), "difference": difference, "rounds": rounds,
    }  # fmt: skip


def milliseconds(run: Callable[[], Any]) -> float:
    """The median of a few runs."""
    taken = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - begin))
    return median(taken)


if __name__ == "__main__":
    main()
