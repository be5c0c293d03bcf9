"""What `auto` decides, several times from the beginning: its rate held against every single way's, in paired rounds."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import hetero
from experiments.fresh_costs import fresh_costs
from hetero import zoo
from hetero.bench import Contender, contenders, random_feeds, streamed
from hetero.report import machine

RESULT = Path(__file__).parent / "repeated.json"
FREE = Contender("free choice of devices", "auto", "auto", None, streams="auto")
BOUNDED = ("frames dealt to both", "co-execution")
SINGLE = ("CPU only", "GPU only", "frames dealt to both")
ASKED = (*SINGLE, "co-execution")
FEWEST = 8  # frames of one measurement


def measure(name: str, rounds: int, seconds: float, ways: Sequence[str] = ()) -> dict[str, Any]:
    """One run on costs measured now: what each way's plan is, its rates round by round, and how long deciding took.

    `ways` are the names of those to measure, all where none is named. `as` names the first way that came to the same
    plan, which was measured for both.
    """
    found: dict[str, Any] = {}
    with fresh_costs(), ExitStack() as sessions:
        opened = {}
        for way in (each for each in (*contenders(), FREE) if not ways or each.name in ways):
            begin = time.perf_counter()
            words = {"device": way.device, "threads": way.threads, "strategy": way.strategy, "streams": way.streams}
            session = sessions.enter_context(hetero.Session(zoo.build(name), **words))
            opened[way.name] = session
            plan = session.plan
            found[way.name] = {
                "plan": plan.name,
                "devices": list(plan.devices),
                "placements": [Counter(placement.values()) for placement in plan.placements],
                "schedule": "".join(map(str, plan.schedule)),
                "slots": plan.slots,
                "streams": plan.streams,
                "bound": 1 / float(plan.bound) if plan.bound else None,
                "predicted": 1 / float(plan.predicted) if plan.predicted else None,
                "seconds_to_decide": time.perf_counter() - begin,
                "rates": [],
            }
        feeds = random_feeds(next(iter(opened.values())).inputs)
        firsts = {label: next(first for first in opened if alike(opened[first], opened[label])) for label in opened}
        measured = {label: opened[label] for label in dict.fromkeys(firsts.values())}
        frames = {}
        for label, each in measured.items():
            few = each.plan.rounds(FEWEST)
            rate, _ = streamed(each, feeds, few)
            frames[label] = each.plan.rounds(ceil(max(few, rate * seconds)))
        for _ in range(rounds):
            for label, each in measured.items():
                rate, _ = streamed(each, feeds, frames[label])
                found[label]["rates"].append(rate)
        for label, first in firsts.items():
            found[label] |= {"as": first, "rates": found[first]["rates"]}
    return found


def alike(one: Any, other: Any) -> bool:
    """Whether two sessions came to the same plan on the same devices: then one is measured for both.

    How the CPU's threads are divided says nothing where the plan does not use them.
    """
    mine, its = one.plan, other.plan
    same = mine.devices == its.devices and mine.slots == its.slots and mine.same(its)
    return bool(same and ("cpu" not in mine.used or (mine.threads, mine.streams) == (its.threads, its.streams)))


def ratios(run: dict[str, Any]) -> dict[str, float]:
    """Of one run: co-execution to the best single way, to the better device, to its bound; the free choice to all.

    Rates are held against those of the same round, whose clock and neighbours they share. The bound is the highest of
    all ways to divide the CPU's threads, and was found before all rounds: it is also scaled by how fast the devices by
    themselves were in the round, against what they were then. Of ways that were not measured nothing is said.
    """
    rates = {label: row["rates"] for label, row in run.items()}
    both, bound = rates["co-execution"], max(run[label]["bound"] or 0.0 for label in BOUNDED)
    others = [label for label in rates if label != FREE.name]
    devices = ("CPU only", "GPU only")
    then = sum(run[label]["predicted"] for label in devices)
    paces = [sum(own) / then for own in zip(*(rates[label] for label in devices), strict=True)]
    found = {
        "to the best of cpu, gpu, interleave": paired(both, _best(rates, SINGLE)),
        "to the better device": paired(both, _best(rates, devices)),
        "to the bound": median(both) / bound,
        "to the bound, at the devices' pace": paired(both, [bound * pace for pace in paces]),
    }
    if FREE.name in rates:
        found["free choice to the best of all"] = paired(rates[FREE.name], _best(rates, others))
    return found


def _best(rates: dict[str, list[float]], labels: Sequence[str]) -> list[float]:
    return max((rates[label] for label in labels), key=median)


def paired(mine: Sequence[float], others: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(mine, others, strict=True))


def table(networks: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    """Every network's ratios in Markdown: the median of the runs that have one, their least and largest."""
    found = {name: [ratios(run["ways"]) for run in runs] for name, runs in networks.items()}
    titles = dict.fromkeys(title for each in found.values() for run in each for title in run)
    lines = [["network", *titles], ["---"] * (1 + len(titles))]
    for name, each in found.items():
        columns = ([run[title] for run in each if title in run] for title in titles)
        lines.append([name, *map(_shown, columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else ""


def main() -> None:
    """`python -m experiments.single_vs_coexecution.repeat [NETWORK ...] [--times N]`: adds to what is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=zoo.names())
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in each round")
    parser.add_argument("--only-asked", action="store_true", help=f"only {', '.join(ASKED)}")
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = json.loads(words.out.read_text()) if words.out.exists() else {"machine": machine(), "networks": {}}
    for name in words.networks:
        for _ in range(words.times):
            run = measure(name, words.rounds, words.seconds, ASKED if words.only_asked else ())
            data["networks"].setdefault(name, []).append({"ratios": ratios(run), "ways": run})
            words.out.write_text(json.dumps(data, indent=1) + "\n")
            print(name, {key: round(value, 3) for key, value in ratios(run).items()}, flush=True)
    print(table(data["networks"]))


if __name__ == "__main__":
    main()
