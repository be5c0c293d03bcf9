"""Predicted against measured time per frame, of many plans for several networks, and what scheduling takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from engine.formats.onnx import load, resolve
from experiments.prediction.plans import drafts
from experiments.prediction.plot import plot
from hetero import zoo
from hetero.costs.measure import measure as measured
from hetero.frames import prepared
from hetero.machine import choose
from hetero.partition.problem import period, scaled
from hetero.planner import Planner
from hetero.profile import middle
from hetero.report import machine
from hetero.trial import Trial

RESULT = Path(__file__).parent / "result.json"
NETWORKS = ("squeezenet", "googlenet", "mobilenet_v2", "shufflenet_v2", "densenet121")
SINGLES = ("cpu", "gpu")
SECONDS = 0.25  # of frames in one measurement
SHARED = 2  # plans measured after one measurement of the devices by themselves


def measure(name: str, rounds: int, streams: int = 1) -> dict[str, Any]:
    """One network: costs, plans by prediction, then every plan by turns, between runs of each device by itself."""
    planner = planner_for(name, streams)
    problem = planner.problem
    found = drafts(problem)
    plans = {label: planner.drafted(label, draft, problem) for label, draft in found.items()}
    trials = {label: Trial(planner.compiled(plan), SECONDS) for label, plan in plans.items()}
    others = [label for label in plans if label not in SINGLES]
    expected: dict[str, list[float]] = {label: [] for label in others}
    scheduling: dict[str, list[float]] = {label: [] for label in others}

    def drift() -> dict[str, float]:
        """How many times as long each device takes by itself now as was predicted."""
        for key in SINGLES:
            trials[key].measure()
        return {key: trials[key].periods[-1] / found[key].predicted for key in SINGLES}

    before = drift()
    for _ in range(rounds):
        for together in batched(others, SHARED):
            for label in together:
                trials[label].measure()
                scheduling[label].append(between_stages(trials[label]))
            after = drift()
            now = scaled(problem, {key: (before[key] + after[key]) / 2 for key in SINGLES})
            for label in together:
                expected[label].append(period(now, found[label].placements, found[label].schedule))
            before = after
    rows: dict[str, dict[str, float]] = {}
    for label, draft in found.items():
        real = trials[label].period
        rows[label] = {"predicted": draft.predicted, "measured": real, "error": real / draft.predicted - 1}
        if label not in SINGLES:
            ratios = [period / hoped for period, hoped in zip(trials[label].periods, expected[label], strict=True)]
            halves = middle(ratios[1::2]) / middle(ratios[::2]) - 1
            rows[label] |= {"paired_error": middle(ratios) - 1, "halves": halves}
            rows[label] |= {"scheduling": middle(scheduling[label])}
    emulated = {device.name: device.emulated for device in planner.devices.values()}
    return {"machine": machine(), "emulated": emulated, "streams": streams, "rounds": rounds, "plans": rows}


def planner_for(name: str, streams: int = 1) -> Planner:
    """A planner whose costs are measured now, so many CPU threads with a frame each; what is on disk stays as it is."""
    model = load(zoo.build(name))
    planner = Planner(prepared(model, resolve(model, {})), model.digest, choose("cpu+gpu", streams, streams))
    planner.costs = measured(planner.graph, planner.devices)
    return planner


def batched(names: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    """So many names at a time."""
    for first in range(0, len(names), count):
        yield names[first : first + count]


def between_stages(trial: Trial) -> float:
    """The part of the latest measurement that the busiest device spent outside its stages."""
    executions = trial.executions[-1]
    busy: dict[str, float] = {}
    for each in executions:
        seconds = (each.end - each.start) / trial.compiled.devices[each.device].streams
        busy[each.device] = busy.get(each.device, 0.0) + seconds
    return 1 - max(busy.values()) / (trial.periods[-1] * len({each.frame for each in executions}))


def summary(networks: Mapping[str, Any]) -> dict[str, Any]:
    """Errors of all plans that use both devices: as they are, paired, and of half a plan's rounds to the others."""
    rows = [row for each in networks.values() for row in each["plans"].values() if "paired_error" in row]
    found: dict[str, Any] = {"plans": len(rows)}
    for key in ("error", "paired_error", "halves", "scheduling"):
        sizes = sorted(abs(row[key]) for row in rows)
        found[key] = {"median": median(sizes), "p95": quantiles(sizes, n=20)[-1], "worst": sizes[-1]}
    return found


def table(networks: Mapping[str, Any]) -> str:
    """The summary of every network and of all in Markdown, medians, and behind these the 95th percentile of all."""
    columns = {
        "error": ("error", "median"),
        "paired error": ("paired_error", "median"),
        "worst": ("paired_error", "worst"),
        "halves": ("halves", "median"),
        "between stages": ("scheduling", "median"),
    }
    every = summary(networks)
    rows = {name: summary({name: networks[name]}) for name in sorted(networks)} | {"all": every}
    shown = {name: [row[key][part] for key, part in columns.values()] for name, row in rows.items()}
    shown["all, 95th percentile"] = [every[key]["p95"] if part == "median" else None for key, part in columns.values()]
    lines = [["network", "plans", *columns], ["---"] * (2 + len(columns))]
    for name, values in shown.items():
        plans = str(rows[name]["plans"]) if name in rows else ""
        lines.append([name, plans, *("" if value is None else f"{100 * value:.1f} %" for value in values)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """`python -m experiments.prediction [NETWORK ...] [--rounds N] [--streams N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--streams", type=int, default=1, help="CPU threads, each with frames of its own")
    parser.add_argument("--only-table", action="store_true", help="of what was kept, and its plot")
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = json.loads(words.out.read_text()) if words.out.exists() else {"networks": {}}
    for name in [] if words.only_table else words.networks:
        data["networks"][name] = measure(name, words.rounds, words.streams)
        for label, row in data["networks"][name]["plans"].items():
            errors = f"{row['error']:+7.1%} {row.get('paired_error', 0.0):+7.1%} {row.get('scheduling', 0.0):6.1%}"
            print(f"{name:13} {label:13} {1e3 * row['predicted']:8.3f} {1e3 * row['measured']:8.3f} ms {errors}")
        data["summary"] = summary(data["networks"])
        words.out.write_text(json.dumps(data, indent=1) + "\n")
    print(table(data["networks"]))
    plot(data["networks"], words.out.with_name(words.out.stem.replace("result", "plot") + ".svg"))


if __name__ == "__main__":
    main()
