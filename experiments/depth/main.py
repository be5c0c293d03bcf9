"""Throughput and latency by frames in flight, with the simulator's curve beside them; writes result JSON."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from experiments.depth.plot import plot
from experiments.fresh_costs import fresh_costs
from hetero import zoo
from hetero.deployment import Deployment
from hetero.outlook import Outlook
from hetero.pace import pace
from hetero.partition.simulate import forecast
from hetero.plan import Plan
from hetero.report import machine
from hetero.trial import pipeline

FOLDER = Path(__file__).parent
NETWORKS = ("squeezenet", "googlenet")
STRATEGIES = ("interleave", "exact", "two-plan-mix")
DEPTHS = range(1, 13)
FEWEST = 8  # frames


class Candidate:
    """One plan at one depth, streamed for a moment at a time; rates in frames a second, times in seconds."""

    def __init__(self, outlook: Outlook, plan: Plan, depth: int, seconds: float) -> None:
        predicted = forecast(outlook.problem, plan.placements, plan.schedule, depth)
        self.depth, self.predicted = depth, predicted
        self._deployment = Deployment(outlook.planner.compiled(plan), depth)
        self._frames = plan.rounds(max(FEWEST, round(seconds / predicted.period)))
        self._rounds: list[dict[str, float]] = []

    def measure(self) -> None:
        """Stream some frames, of which the first and last, while the pipeline fills and empties, do not count."""
        frames = repeat(self._deployment.noise(), self._frames + 2 * self.depth)
        with closing(pipeline(self._deployment)) as stream:
            ends, latencies = zip(*((each.finished, each.latency) for each in stream.map(frames)), strict=True)
        p50, p95 = np.percentile(latencies[self.depth : -self.depth], [50, 95]).tolist()
        self._rounds.append({"fps": 1 / pace(ends, self.depth), "latency_p50": p50, "latency_p95": p95})

    def row(self) -> dict[str, Any]:
        """Medians of all rounds but the first, which finds everything cold, beside the prediction."""
        kept = self._rounds[1:]
        measured = {name: median(each[name] for each in kept) for name in kept[0]}
        simulated = {"fps": 1 / self.predicted.period, "latency": self.predicted.latency}
        return {"depth": self.depth, "measured": measured, "simulated": simulated}


def measure(network: str, threads: int | None, rounds: int, seconds: float) -> dict[str, Any]:
    """Every plan at every depth, by turns."""
    with fresh_costs():
        outlook = Outlook.of(zoo.build(network), "cpu+gpu", threads)
    plans = {name: outlook.plan(name) for name in STRATEGIES}
    candidates = {name: [Candidate(outlook, plan, depth, seconds) for depth in DEPTHS] for name, plan in plans.items()}
    for _ in range(rounds + 1):
        for each in candidates.values():
            for candidate in each:
                candidate.measure()
    devices = {key: device.name for key, device in outlook.planner.devices.items()}
    return {
        "machine": machine(),
        "devices": devices,
        "emulated": outlook.planner.devices["gpu"].emulated,
        "threads": next(iter(plans.values())).threads,
        "plans": {
            name: {"chosen": plans[name].slots, "rows": [candidate.row() for candidate in each]}
            for name, each in candidates.items()
        },
    }


def main() -> None:
    """`python -m experiments.depth [NETWORK ...]` adds these networks to the result, and draws it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--threads", type=int, help="of the CPU beside the GPU; what the GPU leaves if left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each plan and depth in each round")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    for network in words.networks:
        found = json.loads(words.out.read_text()) if words.out.exists() else {}
        found[network] = measure(network, words.threads, words.rounds, words.seconds)
        words.out.write_text(json.dumps(found, indent=1) + "\n")
        for name, plan in found[network]["plans"].items():
            for row in plan["rows"]:
                fps, latency = row["measured"]["fps"], 1e3 * row["measured"]["latency_p50"]
                print(f"{network:13} {name:13} {row['depth']:3} {fps:8.1f} frames/s {latency:8.2f} ms", flush=True)
    plot(words.out)


if __name__ == "__main__":
    main()
