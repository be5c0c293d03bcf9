"""Plot: frames a second of every plan, network by network, over the better single device; a panel a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SINGLE = "CPU only", "GPU only"


def plot(folder: Path) -> None:
    """Draw a folder's result-*.json as its plot.svg. Needs matplotlib: `pip install hetero[experiments]`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "hetero"
    from matplotlib import pyplot

    results = sorted(folder.glob("result-*.json"))
    machines = [json.loads(result.read_text()) for result in results]
    names = list(dict.fromkeys(_label(row) for reports in machines for report in reports for row in report["rows"]))
    size = 13, 4.5 * len(results)
    figure, axes = pyplot.subplots(len(results), 1, figsize=size, squeeze=False, layout="constrained")
    width = 0.85 / len(names)
    for reports, (panel,) in zip(machines, axes, strict=True):
        for i, name in enumerate(names):
            bars = [(n, height) for n, report in enumerate(reports) if (height := _gain(report, name)) is not None]
            where, heights = [n + i * width for n, _ in bars], [height for _, height in bars]
            panel.bar(where, heights, width, color=f"C{i}", label=name)
        panel.axhline(1, color="black", linewidth=0.5)
        middle = 0.425 - width / 2
        panel.set_xticks([n + middle for n in range(len(reports))], [_title(report) for report in reports])
        gpu = reports[0]["devices"][1]
        shown = f"{gpu['name']} (emulated: no GPU)" if gpu["emulated"] else gpu["name"]
        panel.set(title=f"{reports[0]['machine']['cores']} cores and {shown}", ylabel="over the better single device")
    bars, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(bars, labels, loc="outside upper center", ncols=5)
    figure.savefig(folder / "plot.svg", metadata={"Date": None})


def _label(row: dict[str, Any]) -> str:
    return str(row["name"]) + (f", batches of {row['batch']}" if row["batch"] > 1 else "")


def _single(report: dict[str, Any]) -> float:
    return max(float(row["fps"]) for row in report["rows"] if row["name"] in SINGLE and row["batch"] == 1)


def _gain(report: dict[str, Any], name: str) -> float | None:
    """A plan's frames a second over those of the better single device; None where it was not measured."""
    return next((row["fps"] / _single(report) for row in report["rows"] if _label(row) == name), None)


def _title(report: dict[str, Any]) -> str:
    return f"{report['model']}\n1 = {_single(report):.0f}/s"
