"""Predicted against measured time per frame, of many plans for several networks, and what scheduling takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from experiments.cpu_peers.networks import LIGHT, weighted
from experiments.prediction.plans import drafts
from hetero import zoo
from hetero.outlook import Outlook
from hetero.partition.problem import crossings, period, scaled
from hetero.profile import middle
from hetero.report import machine
from hetero.trial import Trial

RESULT = Path(__file__).parent / "result.json"
NETWORKS = ("squeezenet", "googlenet", "mobilenet_v2", "shufflenet", "densenet121")
SINGLES = ("cpu", "gpu")
SECONDS = 0.1  # of frames in one measurement
SHARED = 2  # plans measured after one measurement of the devices by themselves


def measure(name: str, rounds: int) -> dict[str, Any]:
    """One network: costs, plans by prediction, then every plan by turns, each next to both devices by themselves."""
    model = zoo.build(name) if name in zoo.names() else weighted(LIGHT[name])
    outlook = Outlook.of(model, "cpu+gpu", 1)
    problem, planner = outlook.problem, outlook.planner
    found = drafts(problem)
    plans = {label: planner.drafted(label, draft, problem) for label, draft in found.items()}
    trials = {label: Trial(planner.compiled(plan), SECONDS) for label, plan in plans.items()}
    expected: dict[str, list[float]] = {label: [] for label in plans}
    scheduling: dict[str, list[float]] = {label: [] for label in plans}
    others = [label for label in plans if label not in SINGLES]
    for _ in range(rounds):
        for number, label in enumerate(others):
            for each in (*(SINGLES if number % SHARED == 0 else ()), label):
                trials[each].measure()
            now = {each: trials[each].periods[-1] / found[each].predicted for each in SINGLES}
            expected[label].append(period(scaled(problem, now), found[label].placements, found[label].schedule))
            scheduling[label].append(between_stages(trials[label]))
    rows = {}
    for label, draft in found.items():
        if label not in SINGLES:
            real = middle(trials[label].periods)
            rows[label] = {
                "predicted": draft.predicted,
                "measured": real,
                "error": real / draft.predicted - 1,
                "paired_error": real / middle(expected[label]) - 1,
                "scheduling": median(scheduling[label]),
                "crossings": len(crossings(problem, draft.placements[0])),
            }
        else:
            rows[label] = {"predicted": draft.predicted, "measured": middle(trials[label].periods)}
    emulated = {device.name: device.emulated for device in planner.devices.values()}
    return {"machine": machine(), "emulated": emulated, "rounds": rounds, "plans": rows}


def between_stages(trial: Trial) -> float:
    """The part of the latest measurement that the busiest device spent outside its stages."""
    executions = trial.executions[-1]
    busy: dict[str, float] = {}
    for each in executions:
        busy[each.device] = busy.get(each.device, 0.0) + each.end - each.start
    return 1 - max(busy.values()) / (trial.periods[-1] * len({each.frame for each in executions}))


def summary(networks: Mapping[str, Any]) -> dict[str, Any]:
    """Errors of all plans that use both devices: median and 95th percentile, as they are and paired."""
    rows = [row for each in networks.values() for row in each["plans"].values() if "error" in row]
    found: dict[str, Any] = {"plans": len(rows)}
    for key in ("error", "paired_error", "scheduling"):
        sizes = sorted(abs(row[key]) for row in rows)
        found[key] = {"median": median(sizes), "p95": quantiles(sizes, n=20)[-1]}
    return found


def main() -> None:
    """`python -m experiments.prediction [NETWORK ...] [--rounds N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = json.loads(words.out.read_text()) if words.out.exists() else {"networks": {}}
    for name in words.networks:
        data["networks"][name] = measure(name, words.rounds)
        for label, row in data["networks"][name]["plans"].items():
            errors = f"{row['error']:+7.1%} {row['paired_error']:+7.1%}" if "error" in row else ""
            print(f"{name:13} {label:13} {1e3 * row['predicted']:8.3f} {1e3 * row['measured']:8.3f} ms {errors}")
        data["summary"] = summary(data["networks"])
        words.out.write_text(json.dumps(data, indent=1) + "\n")
    print(data["summary"])


if __name__ == "__main__":
    main()
