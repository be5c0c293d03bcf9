"""What dealing frames to both devices could give at most, and gives: the GPU beside busy cores, and the cores."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from experiments.prediction.main import planner_for
from experiments.single_vs_coexecution.repeat import paired
from hetero import zoo
from hetero.costs.measure import working
from hetero.profile import recorded
from hetero.report import machine
from hetero.trial import Trial

RESULT = Path(__file__).parent / "limit.json"


def measure(name: str, streams: int, rounds: int, seconds: float) -> dict[str, Any]:
    """One network's rates in frames a second, round by round, all ways by turns.

    "gpu beside busy cores" is the GPU alone while so many threads run the CPU's kernels over and over, which keeps the
    cores busy and the interpreter and the pipeline out of it.
    """
    planner = planner_for(name, streams)
    plans = {way: planner.plan(strategy) for way, strategy in (("gpu", "gpu"), ("cpu", "cpu"), ("dealt", "interleave"))}
    trials = {way: Trial(planner.compiled(plan), seconds) for way, plan in plans.items()}
    neighbours = [recorded(planner.graph, planner.devices["cpu"])[1] for _ in range(streams)]
    ways = {"gpu": "gpu", "gpu beside busy cores": "gpu", "cpu": "cpu", "dealt": "dealt"}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, trial in ways.items():
            with working(neighbours) if way != trial else nullcontext():
                trials[trial].measure()
            rates[way].append(1 / trials[trial].periods[-1])
    emulated = {device.name: device.emulated for device in planner.devices.values()}
    return {"machine": machine(), "emulated": emulated, "streams": streams, "rates": rates, "ratios": ratios(rates)}


def ratios(rates: dict[str, list[float]]) -> dict[str, float]:
    """To the better device by itself in the same round, medians: every way, and the most that dealing could give."""
    better = max((rates["gpu"], rates["cpu"]), key=median)
    most = [gpu + cpu for gpu, cpu in zip(rates["gpu beside busy cores"], rates["cpu"], strict=True)]
    ways = {**rates, "at most": most}
    return {way: paired(each, better) for way, each in ways.items()}


def main() -> None:
    """`python -m experiments.single_vs_coexecution.limit [NETWORK ...] --streams N`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=zoo.names())
    parser.add_argument("--streams", type=int, default=1, help="threads of the CPU, with a frame each")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each way in each round")
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = json.loads(words.out.read_text()) if words.out.exists() else {}
    for name in words.networks:
        data[name] = measure(name, words.streams, words.rounds, words.seconds)
        words.out.write_text(json.dumps(data, indent=1) + "\n")
        print(name, {key: round(value, 3) for key, value in data[name]["ratios"].items()}, flush=True)


if __name__ == "__main__":
    main()
