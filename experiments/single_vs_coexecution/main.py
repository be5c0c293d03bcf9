"""One device against both: every plan for several networks, in paired rounds; writes result JSON, or draws it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from experiments.fresh_costs import fresh_costs
from experiments.single_vs_coexecution.plot import plot
from experiments.single_vs_coexecution.repeat import FREE
from hetero import zoo
from hetero.bench import compare, contenders

FOLDER = Path(__file__).parent


def main() -> None:
    """`python -m experiments.single_vs_coexecution [--rounds N] [--seconds S] [--out FILE]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(zoo.names()), help="names of the zoo, comma between")
    parser.add_argument("--ways", help="names of plans' rows, comma between; all if left out")
    parser.add_argument("--strategies", nargs="*", default=[], help="further rows: strategies, each one's plan")
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="frames at once, for the GPU only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each plan in each round")
    parser.add_argument("--only-plot", action="store_true", help="draw what result*.json hold")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    if words.only_plot:
        plot(FOLDER)
        return
    usual = (*contenders(strategies=words.strategies), FREE)
    batched = [replace(way, batch=batch) for batch in words.batches for way in usual if way.name == "GPU only"]
    ways = [way for way in (*usual, *batched) if not words.ways or way.name in words.ways.split(",")]
    reports = []
    for name in words.networks.split(","):
        with fresh_costs():
            report = compare(zoo.build(name), name, ways=ways, rounds=words.rounds, seconds=words.seconds)
        reports.append(report.to_dict())
        words.out.write_text(json.dumps(reports, indent=1) + "\n")
        print(name, {f"{row.name} {row.batch}": round(row.fps, 1) for row in report.rows}, flush=True)


if __name__ == "__main__":
    main()
