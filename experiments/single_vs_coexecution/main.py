"""One device against both: every plan for several networks, in paired rounds; writes result JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from hetero import zoo
from hetero.bench import Contender, compare, contenders

FOLDER = Path(__file__).parent


def main() -> None:
    """`python -m experiments.single_vs_coexecution.main [--rounds N] [--seconds S] [--out FILE]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(zoo.names()), help="names of the zoo, comma between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each plan in each round")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    ways = (*contenders(), Contender("free choice of devices", "auto", "auto", None, streams="auto"))
    reports = []
    for name in words.networks.split(","):
        report = compare(zoo.build(name), name, ways=ways, rounds=words.rounds, seconds=words.seconds)
        reports.append(report.to_dict())
        print(name, {row.name: round(row.fps, 1) for row in report.rows}, flush=True)
    words.out.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
