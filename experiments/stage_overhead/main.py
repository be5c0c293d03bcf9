"""What a network on the CPU takes beyond its kernels: its recording with kernels that do nothing; writes JSON."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from engine.devices.device import Recording
from engine.devices.numba_cpu import NumbaDevice
from engine.formats.onnx import load, resolve
from engine.passes import prepare
from engine.program import Program
from hetero.cli.options import load_model
from hetero.profile import bound, recorded, run
from hetero.report import machine
from kernels.cpu.record import kernel
from kernels.cpu.target import host

FOLDER = Path(__file__).parent


def _nothing(args: Any, task: Any) -> None:
    pass


def empty(program: Program) -> Recording:
    """The program's commands and tasks, each of which does nothing."""
    address = kernel(_nothing).address
    steps = tuple(replace(step, step=replace(step.step, kernel=address)) for step in program.steps)
    return bound(replace(program, steps=steps), program.device)


def measure(model: str, threads: int, rounds: int) -> dict[str, Any]:
    """Medians of runs with the kernels, without them right behind that, and without them once more, by turns."""
    loaded = load(load_model(model))
    program, whole = recorded(prepare(loaded, resolve(loaded, {}), host().lanes), NumbaDevice(threads))
    bare = empty(program)
    ways = {"with_kernels": whole, "without": bare, "without_again": bare}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for recording in ways.values():
        run(recording)
    for _ in range(rounds):
        for name, recording in ways.items():
            begin = time.perf_counter()
            run(recording)
            seconds[name].append(time.perf_counter() - begin)
    commands, tasks = len(program.steps), sum(step.step.tasks for step in program.steps)
    microseconds = {name: round(1e6 * median(times), 1) for name, times in seconds.items()}
    print(f"{model}, {threads} threads: {commands} commands, {tasks} tasks, microseconds {microseconds}", flush=True)
    return {"model": model, "threads": threads, "commands": commands, "tasks": tasks, "microseconds": microseconds}


def main() -> None:
    """`python -m experiments.stage_overhead.main [MODEL ...]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    models = ["zoo:googlenet", "zoo:squeezenet", "zoo:resnet50", "zoo:mobilenet_v2"]
    parser.add_argument("models", nargs="*", default=models, help="zoo:NAME or a file")
    parser.add_argument("--threads", type=lambda text: [int(word) for word in text.split(",")], default=[1, 2])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    rows = [measure(model, threads, words.rounds) for model in words.models for threads in words.threads]
    words.out.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
