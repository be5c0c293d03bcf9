"""Plot: predicted against measured, and the errors in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plot(networks: Mapping[str, Any], path: Path) -> None:
    """Left: ms a frame of every plan; right: paired errors, ascending, with the bounds that were asked for."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "hetero"
    from matplotlib import pyplot

    figure, (real, errors) = pyplot.subplots(1, 2, figsize=(12, 5))
    sizes = []
    for name, each in networks.items():
        rows = [row for row in each["plans"].values() if "paired_error" in row]
        measured = [1e3 * row["measured"] for row in rows]
        expected = [1e3 * row["measured"] / (1 + row["paired_error"]) for row in rows]
        real.loglog(expected, measured, "o", markersize=4, label=name)
        sizes += [100 * abs(row["paired_error"]) for row in rows]
    low, high = real.get_xlim()
    real.plot([low, high], [low, high], color="grey", linewidth=0.8)
    real.set(title="time of a frame", xlabel="predicted, ms", ylabel="measured, ms")
    real.legend(fontsize=8)
    errors.plot([100 * (i + 0.5) / len(sizes) for i in range(len(sizes))], sorted(sizes), "o", markersize=4)
    for share, most in ((50, 5), (95, 12)):
        errors.plot([share], [most], "x", color="black", label=f"asked: {share} % of plans within {most} %")
    errors.set(title="error of the prediction", xlabel="% of plans", ylabel="% off")
    errors.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
