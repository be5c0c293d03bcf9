"""Our CPU device against onnxruntime on the same networks, one thread each, turn by turn; writes result JSON."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

from hetero import Session, zoo
from hetero.report import machine

FOLDER = Path(__file__).parent


def runners(proto: Any, threads: int) -> dict[str, Callable[[], object]]:
    """One frame through each engine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    peer = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ours = Session(proto, "cpu", threads=threads)
    (port,) = ours.inputs
    frame = {port.name: np.random.default_rng(0).standard_normal(port.shape, np.float32)}
    return {"hetero": lambda: ours(frame), "onnxruntime": lambda: peer.run(None, frame)}


def paired(engines: dict[str, Callable[[], object]], rounds: int, frames: int) -> dict[str, list[float]]:
    """Median milliseconds of every engine in every round, the engines by turns."""
    found: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            run()
            times = []
            for _ in range(frames):
                start = time.perf_counter()
                run()
                times.append(1000 * (time.perf_counter() - start))
            found[name].append(median(times))
    return found


def main() -> None:
    """`python -m experiments.cpu_peers.main [--networks A,B] [--threads N] [--rounds N] [--out FILE]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(zoo.names()))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--frames", type=int, default=10, help="of each engine in each round")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    rows = []
    for name in words.networks.split(","):
        times = paired(runners(zoo.build(name), words.threads), words.rounds, words.frames)
        ratios = [a / b for a, b in zip(times["hetero"], times["onnxruntime"], strict=True)]
        rows.append({"network": name, "threads": words.threads, "ms": times, "ratio": median(ratios)})
        print(
            name,
            {engine: round(median(ms), 2) for engine, ms in times.items()},
            f"ratio {median(ratios):.2f}",
        )
    facts = machine() | {"onnxruntime": onnxruntime.__version__}
    words.out.write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
