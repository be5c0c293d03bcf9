"""Every strategy on networks measured here and on random ones: predicted, proven, solved in, and measured."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from experiments.fresh_costs import fresh_costs
from experiments.partition_strategies.random_networks import random_network
from hetero import zoo
from hetero.outlook import Outlook
from hetero.partition.bound import bound
from hetero.partition.problem import Problem, crossings
from hetero.partition.record import from_record, to_record
from hetero.partition.strategies import strategies, strategy
from hetero.report import machine
from hetero.trial import Trial

FOLDER = Path(__file__).parent
PROBLEMS = FOLDER / "problems"
RESULT = FOLDER / "result.json"
SIZES = (10, 30, 100, 300, 1000)
SEEDS = 3


def measure(name: str, rounds: int) -> None:
    """Profile a network, keep its problem, and run every strategy's plan by turns, one CPU thread beside the GPU."""
    with fresh_costs():
        outlook = Outlook.of(zoo.build(name), "cpu+gpu", 1)
        found = to_record(outlook.problem)
    PROBLEMS.mkdir(exist_ok=True)
    (PROBLEMS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    plans = {strategy: outlook.plan(strategy) for strategy in strategies()}
    trials: dict[str, Trial] = {}
    rows = {}
    for label, plan in plans.items():
        same = (other for other in trials if plans[other].same(plan))
        twin = next(same, None)
        trials[label] = trials[twin] if twin else Trial(outlook.planner.compiled(plan))
    for _ in range(rounds):
        for trial in dict.fromkeys(trials.values()):
            trial.measure()
    for label, plan in plans.items():
        rows[label] = {"predicted": plan.predicted, "measured": trials[label].period, "rounds": trials[label].periods}
    devices = {device.name: device.emulated for device in outlook.planner.devices.values()}
    result = {"bound": bound(outlook.problem).seconds, "emulated": devices, "strategies": rows}
    _store("measured", name, result)
    for label, row in rows.items():
        print(f"{name:13} {label:13} {1e3 * row['predicted']:8.3f} {1e3 * row['measured']:8.3f} ms")


def solve() -> None:
    """Every strategy on the problems kept, and on seeded random networks."""
    problems = {path.stem: from_record(json.loads(path.read_text())) for path in sorted(PROBLEMS.glob("*.json"))}
    for size in SIZES:
        problems |= {f"random-{size}-{seed}": random_network(seed, size) for seed in range(SEEDS)}
    for name, problem in problems.items():
        _store("solved", name, _solved(problem))
        print(name, flush=True)


def _solved(problem: Problem) -> dict[str, Any]:
    start = time.perf_counter()
    best = bound(problem)
    found: dict[str, Any] = {
        "operators": len(problem.costs),
        "bound": best.seconds,
        "bound_seconds": time.perf_counter() - start,
        "strategies": {},
    }
    for name in strategies():
        start = time.perf_counter()
        draft = strategy(name)(problem)
        taken = time.perf_counter() - start
        shares = [draft.schedule.count(i) / len(draft.schedule) for i in range(len(draft.placements))]
        crossed = (len(crossings(problem, placement)) for placement in draft.placements)
        found["strategies"][name] = {
            "predicted": draft.predicted,
            "gap": draft.gap,
            "dual": draft.dual,
            "seconds": taken,
            "crossings": sum(share * count for share, count in zip(shares, crossed, strict=True)),
            "round": len(draft.schedule),
        }
    return found


def plot() -> None:
    """Distance from the bound and solve time by strategy and size, and measured against predicted."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "hetero"
    from matplotlib import pyplot

    data = json.loads(RESULT.read_text())
    random = {name: each for name, each in data["solved"].items() if name.startswith("random-")}
    matplotlib.rcParams["axes.prop_cycle"] = matplotlib.cycler(color=matplotlib.colormaps["tab20"].colors)
    figure, (gaps, times, real) = pyplot.subplots(1, 3, figsize=(16, 5))
    for label in strategies():
        for axes, key, floor in ((gaps, "gap", 1e-5), (times, "seconds", 1e-5)):
            means = [
                sum(each["strategies"][label][key] for each in random.values() if each["operators"] == size) / SEEDS
                for size in SIZES
            ]
            axes.loglog(SIZES, [max(mean, floor) for mean in means], marker="o", label=label)
        pairs = [
            (1e3 * each["strategies"][label]["predicted"], 1e3 * each["strategies"][label]["measured"])
            for each in data["measured"].values()
        ]
        real.loglog(*zip(*pairs, strict=True), "o", label=label)
    real.axline((1, 1), (100, 100), color="grey", linewidth=0.8)
    gaps.set(title="predicted time above the bound (mean of seeds)", xlabel="operators", ylabel="part of the bound")
    times.set(title="time to solve", xlabel="operators", ylabel="seconds")
    real.set(title="networks: measured against predicted", xlabel="predicted ms a frame", ylabel="measured ms a frame")
    real.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(FOLDER / "plot.svg", metadata={"Date": None})


def _store(part: str, name: str, found: dict[str, Any]) -> None:
    data = json.loads(RESULT.read_text()) if RESULT.exists() else {"measured": {}, "solved": {}}
    data[part][name] = {**found, "machine": machine()}
    RESULT.write_text(json.dumps(data, indent=1) + "\n")


def main() -> None:
    """`python -m experiments.partition_strategies measure NETWORK | solve | plot`."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="profile one network and stream every strategy's plan")
    measuring.add_argument("network", choices=zoo.names())
    measuring.add_argument("--rounds", type=int, default=3)
    commands.add_parser("solve", help="every strategy on the problems kept and on random networks")
    commands.add_parser("plot", help="draw what was found")
    words = parser.parse_args()
    if words.command == "measure":
        measure(words.network, words.rounds)
    elif words.command == "solve":
        solve()
    else:
        plot()


if __name__ == "__main__":
    main()
