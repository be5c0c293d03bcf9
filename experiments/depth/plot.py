"""Plot: frames a second and latency by depth, measured and simulated, a row of panels a network."""

from __future__ import annotations

import json
from pathlib import Path


def plot(result: Path) -> None:
    """Draw a result beside it, as plot*.svg. Needs matplotlib: `pip install hetero[experiments]`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "hetero"
    from matplotlib import pyplot

    networks = json.loads(result.read_text())
    size = 13, 4 * len(networks)
    figure, axes = pyplot.subplots(len(networks), 2, figsize=size, squeeze=False, layout="constrained")
    for (network, found), (rates, latencies) in zip(networks.items(), axes, strict=True):
        for i, (name, plan) in enumerate(found["plans"].items()):
            colour = f"C{i}"
            depths = [row["depth"] for row in plan["rows"]]
            measured, simulated = ([row[which] for row in plan["rows"]] for which in ("measured", "simulated"))
            rates.plot(depths, [each["fps"] for each in measured], "o-", color=colour, label=name)
            rates.plot(depths, [each["fps"] for each in simulated], "--", color=colour)
            rates.axvline(plan["chosen"], color=colour, linewidth=0.5)
            p50, p95 = ([1e3 * each[key] for each in measured] for key in ("latency_p50", "latency_p95"))
            latencies.plot(depths, p50, "o-", color=colour)
            latencies.fill_between(depths, p50, p95, color=colour, alpha=0.15)
            latencies.plot(depths, [1e3 * each["latency"] for each in simulated], "--", color=colour)
        kind = "emulated GPU" if found["emulated"] else found["devices"]["gpu"]
        rates.set(title=f"{network}, {kind}", xlabel="frames in flight", ylabel="frames/s", ylim=(0, None))
        latencies.set(title="latency, median to 95 %", xlabel="frames in flight", ylabel="ms", ylim=(0, None))
    axes[0, 0].legend(title="line: measured, dashes: simulated")
    figure.savefig(result.with_name(result.name.replace("result", "plot")).with_suffix(".svg"), metadata={"Date": None})
