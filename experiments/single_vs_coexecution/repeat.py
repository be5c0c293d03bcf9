"""What `auto` decides, several times from the beginning: its rate held against every single way's, in paired rounds."""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import ExitStack
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import hetero
from hetero import zoo
from hetero.bench import Contender, contenders, random_feeds
from hetero.report import machine

RESULT = Path(__file__).parent / "repeated.json"
FREE = Contender("free choice of devices", "auto", "auto", None, streams="auto")
SINGLE = ("CPU only", "GPU only", "frames dealt to both")
FEWEST = 8  # frames of one measurement


def measure(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """One run on costs measured now: what each way's plan is, its rates round by round, and how long deciding took."""
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder, ExitStack() as sessions:
        os.environ["HETERO_COSTS"] = folder
        opened = {}
        for way in (*contenders(), FREE):
            begin = time.perf_counter()
            words = {"device": way.device, "threads": way.threads, "strategy": way.strategy, "streams": way.streams}
            session = sessions.enter_context(hetero.Session(zoo.build(name), **words))
            opened[way.name] = session
            plan = session.plan
            found[way.name] = {
                "plan": plan.name,
                "devices": list(plan.devices),
                "streams": plan.streams,
                "bound": plan.bound and 1 / plan.bound,
                "predicted": plan.predicted and 1 / plan.predicted,
                "seconds_to_decide": time.perf_counter() - begin,
                "rates": [],
            }
        feeds = random_feeds(opened[FREE.name].inputs)
        frames = {label: ceil(max(FEWEST, rate(each, feeds, FEWEST) * seconds)) for label, each in opened.items()}
        for _ in range(rounds):
            for label, each in opened.items():
                found[label]["rates"].append(rate(each, feeds, frames[label]))
    return found


def rate(session: Any, feeds: list[Any], frames: int) -> float:
    """Frames a second of one stream, from the first frame in to the last result out."""
    with hetero.Stream(session) as stream:
        begin = time.perf_counter()
        for _ in stream.map(islice(cycle(feeds), frames)):
            pass
        return frames / (time.perf_counter() - begin)


def ratios(run: dict[str, Any]) -> dict[str, float]:
    """Of one run: co-execution to the best single way, to the better device, to its bound; the free choice to all."""
    rates = {label: median(row["rates"]) for label, row in run.items()}
    both, free = rates["co-execution"], rates.pop(FREE.name)
    return {
        "to the best of cpu, gpu, interleave": both / max(rates[label] for label in SINGLE),
        "to the better device": both / max(rates["CPU only"], rates["GPU only"]),
        "to the bound": both / (run["co-execution"]["bound"] or run["frames dealt to both"]["bound"]),
        "free choice to the best of all": free / max(rates.values()),
    }


def main() -> None:
    """`python -m experiments.single_vs_coexecution.repeat [NETWORK ...] [--times N]`: adds to what was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=zoo.names())
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in each round")
    parser.add_argument("--out", type=Path, default=RESULT)
    words = parser.parse_args()
    data = json.loads(words.out.read_text()) if words.out.exists() else {"machine": machine(), "networks": {}}
    for name in words.networks:
        for _ in range(words.times):
            run = measure(name, words.rounds, words.seconds)
            data["networks"].setdefault(name, []).append({"ratios": ratios(run), "ways": run})
            words.out.write_text(json.dumps(data, indent=1) + "\n")
            print(name, {key: round(value, 3) for key, value in ratios(run).items()}, flush=True)


if __name__ == "__main__":
    main()
