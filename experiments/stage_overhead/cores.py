"""How fast each core is, sweep after sweep: a loop of Python's, and enqueueing a network's launches; writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from experiments.prediction.main import planner_for
from hetero.profile import recorded
from hetero.report import machine

RESULT = Path(__file__).parent / "cores.json"
LOOP = 300_000  # additions


def loop() -> float:
    """Seconds of a loop that needs the core and nothing else."""
    begin, total = time.perf_counter(), 0
    for i in range(LOOP):
        total += i
    return time.perf_counter() - begin


def enqueue(recording: Any, frames: int) -> float:
    """Seconds of enqueueing a frame's launches in an empty queue, the median of so many frames."""
    times = []
    for _ in range(frames):
        begin = time.perf_counter()
        recording.start()
        times.append(time.perf_counter() - begin)
        recording.wait()
    return median(times)


def measure(name: str, sweeps: int, frames: int) -> dict[str, Any]:
    """Rows of seconds, sweep by sweep, a core each: this thread works on one after the other, and no other does."""
    planner = planner_for(name, 1)
    _, recording = recorded(planner.graph, planner.devices["gpu"])
    allowed = os.sched_getaffinity(0)
    loops: list[list[float]] = []
    enqueued: list[list[float]] = []
    try:
        for _ in range(sweeps):
            loops.append([])
            enqueued.append([])
            for core in sorted(allowed):
                os.sched_setaffinity(0, {core})
                loops[-1].append(loop())
                enqueued[-1].append(enqueue(recording, frames))
    finally:
        os.sched_setaffinity(0, allowed)
    return {
        "machine": machine(),
        "network": name,
        "launches": recording.launches,
        "unit": "s",
        "loop": loops,
        "enqueue": enqueued,
    }


def main() -> None:
    """`python -m experiments.stage_overhead.cores [NETWORK]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", default="googlenet")
    parser.add_argument("--sweeps", type=int, default=5)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = measure(words.network, words.sweeps, words.frames)
    words.out.write_text(json.dumps(data, indent=1) + "\n")
    for key, unit in (("loop", 1e3), ("enqueue", 1e6)):
        for row in data[key]:
            print(key, " ".join(f"{seconds * unit:6.1f}" for seconds in row), flush=True)


if __name__ == "__main__":
    main()
