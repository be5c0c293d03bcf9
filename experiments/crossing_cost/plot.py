"""Plot: time of a crossing by size, a line a way, a pair of panels for every result."""

from __future__ import annotations

import json
from pathlib import Path


def plot(folder: Path) -> None:
    """Draw plot.svg from every result-*.json. Needs matplotlib: `pip install hetero[experiments]`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "hetero"
    from matplotlib import pyplot

    results = [json.loads(path.read_text()) for path in sorted(folder.glob("result-*.json"))]
    shape = len(results), 2
    figure, axes = pyplot.subplots(*shape, figsize=(11, 4 * shape[0]), squeeze=False, sharex=True, layout="constrained")
    for result, pair in zip(results, axes, strict=True):
        for axis, direction, title in zip(pair, ("up", "down"), ("to the device", "to the host"), strict=True):
            for way in dict.fromkeys(row["way"] for row in result["rows"]):
                rows = [row for row in result["rows"] if row["way"] == way and direction in row]
                # differences of times may come out at nothing or less
                micros = [max(1e6 * row[direction], 0.1) for row in rows]
                axis.loglog([row["bytes"] / 1024 for row in rows], micros, marker="o", label=way)
            kind = " (emulated)" if result["emulated"] else ""
            axis.set(title=f"{result['device']}{kind}, {title}", xlabel="KiB", ylabel="µs")
            axis.title.set_fontsize(9)
    axes[0, 0].legend()
    figure.savefig(folder / "plot.svg", metadata={"Date": None})
