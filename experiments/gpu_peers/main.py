"""Our GPU device against PyTorch with cuDNN on the same networks, by turns in one process; writes result JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from experiments.gpu_peers.networks import NAMES, build, export
from experiments.gpu_peers.replay import launch_microseconds
from experiments.gpu_peers.runners import Ours, Runner, Torch, TorchCompiled, TorchGraph
from hetero.report import machine

FOLDER = Path(__file__).parent
FLOAT32, TF32 = "graph float32", "graph tf32"
WAYS = ("resident", "roundtrip")


def peers(name: str, frame: Any, compiled: bool) -> dict[str, Runner]:
    """PyTorch in every form, in both memory formats."""
    found: dict[str, Runner] = {}
    for tf32, precision in ((False, "float32"), (True, "tf32")):
        for last, layout in ((True, "nhwc"), (False, "nchw")):
            found[f"eager {precision} {layout}"] = Torch(build(name), frame, tf32, last)
            found[f"graph {precision} {layout}"] = TorchGraph(build(name), frame, tf32, last)
        if compiled:
            try:
                found[f"compile {precision} nhwc"] = TorchCompiled(build(name), frame, tf32, True)
            except Exception as error:  # whatever its compilers raise
                print(f"{name}: torch.compile does not work here: {type(error).__name__}", flush=True)
    return found


def seconds(run: Callable[[], Any], count: int) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return median(taken)


def compare(name: str, batch: int, words: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of everybody, round by round, and our largest difference from PyTorch's float32 output."""
    frame = np.random.default_rng(1).standard_normal((batch, 3, 224, 224), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(export(build(name), batch, Path(folder) / f"{name}.onnx"), frame)
    team: dict[str, Runner] = {"ours": ours, **peers(name, frame, words.compile and batch == 1)}
    rounds: dict[str, dict[str, list[float]]] = {way: {member: [] for member in team} for way in WAYS}
    for member in team.values():
        seconds(member.resident, 5)
    for _ in range(words.rounds):
        for way in WAYS:
            for label, member in team.items():
                rounds[way][label].append(1e3 * seconds(getattr(member, way), words.runs))
    truth = team["eager float32 nchw"].roundtrip()
    difference = float(np.abs(ours.roundtrip() - truth).max() / np.abs(truth).max())
    ms = {way: {label: median(times) for label, times in by.items()} for way, by in rounds.items()}
    ratios = {way: {against: ratio(by, ms[way], against) for against in (FLOAT32, TF32)} for way, by in rounds.items()}
    return {
        "network": name, "batch": batch, "launches": ours.recording.launches, "difference": difference,
        "launch_us": launch_microseconds(ours.device, ours.recording), "ratio": ratios, "ms": ms, "rounds": rounds,
    }  # fmt: skip


def ratio(rounds: Mapping[str, list[float]], ms: Mapping[str, float], against: str) -> float:
    """Our time over that of PyTorch's faster memory format: the median of the rounds' ratios."""
    best = min((label for label in ms if label.startswith(against)), key=lambda label: ms[label])
    return median(a / b for a, b in zip(rounds["ours"], rounds[best], strict=True))


def geometric_mean(values: list[float]) -> float:
    """The n-th root of the product of n numbers."""
    return exp(sum(map(log, values)) / len(values))


def main() -> None:
    """`python -m experiments.gpu_peers [--networks A,B] [--batches 1,8] [--compile] [--out FILE]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=lambda text: text.split(","), default=list(NAMES))
    parser.add_argument("--batches", type=lambda text: [int(part) for part in text.split(",")], default=[1, 8])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=15, help="of each in each round")
    parser.add_argument("--compile", action="store_true", help="torch.compile too, at batch 1: half a minute a network")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()

    import torch

    torch.backends.cudnn.benchmark = True
    rows: list[dict[str, Any]] = []
    result: dict[str, Any] = {"machine": machine(), "gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    for batch in words.batches:
        for name in words.networks:
            row = compare(name, batch, words)
            rows.append(row)
            for way in WAYS:
                ms = {label: round(value, 3) for label, value in row["ms"][way].items()}
                print(name, batch, way, {k: round(v, 2) for k, v in row["ratio"][way].items()}, ms, flush=True)
            launch = {label: round(value, 2) for label, value in row["launch_us"].items()}
            print(name, batch, f"{row['launches']} launches, {launch}, difference {row['difference']:.1e}", flush=True)
            torch.cuda.empty_cache()
            words.out.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")
        ours = [row for row in rows if row["batch"] == batch]
        for way in WAYS:
            for against in (FLOAT32, TF32):
                mean = geometric_mean([row["ratio"][way][against] for row in ours])
                result.setdefault("geometric_mean", {})[f"batch {batch} {way} / {against}"] = mean
                print(f"batch {batch}, {way}: ours / {against} = {mean:.3f}", flush=True)
    words.out.write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
