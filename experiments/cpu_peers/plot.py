"""Plot: every result file of this folder in one picture: time over the best peer, and speed by threads."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def rows() -> list[dict[str, Any]]:
    """All rows of all result files, each with its file's processor."""
    found = []
    for file in sorted(FOLDER.glob("result*.json")):
        result = json.loads(file.read_text())
        found += [row | {"processor": result["machine"]["processor"]} for row in result["rows"]]
    return found


def main() -> None:
    """`python -m experiments.cpu_peers.plot` writes plot.svg. Needs matplotlib: `pip install hetero[experiments]`."""
    from matplotlib import pyplot

    ratios: dict[str, dict[str, float]] = defaultdict(dict)
    speeds: dict[str, dict[int, float]] = defaultdict(dict)
    for row in rows():
        label = f"{row['processor'].split(' @')[0]}, threads: {row['threads']}"
        ratios[label][row["network"]] = row["ratio"]
        if "Xeon" in row["processor"]:
            for engine in ("hetero", "onnxruntime"):
                speeds[f"{row['network']}, {engine}"][row["threads"]] = 1000 / row["ms"][engine]
    figure, (bars, lines) = pyplot.subplots(2, 1, figsize=(10, 9), layout="constrained")
    networks = list(dict.fromkeys(name for found in ratios.values() for name in found))
    for i, (label, found) in enumerate(ratios.items()):
        places = [networks.index(name) + i / (len(ratios) + 1) for name in found]
        bars.bar(places, list(found.values()), 0.9 / (len(ratios) + 1), label=label)
    bars.axhline(1, color="black", linewidth=0.8)
    bars.set_xticks([i + 0.4 for i in range(len(networks))], networks)
    bars.set_ylabel("our time / best peer's")
    bars.legend(fontsize="small")
    for label, found in speeds.items():
        threads = sorted(found)
        style = "-" if label.endswith("hetero") else "--"
        lines.plot(threads, [found[n] for n in threads], style, marker="o", label=label)
    lines.set_xscale("log", base=2)
    lines.set_xlabel("threads (16 Xeon cores)")
    lines.set_ylabel("frames/s")
    lines.legend(fontsize="small")
    figure.savefig(FOLDER / "plot.svg")


if __name__ == "__main__":
    main()
