"""Plot: our time over PyTorch's CUDA graph, network by network, from result.json."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent
LIMIT = {1: 0.5, 8: 0.8}  # what the geometric mean against float32 is to stay below


def main() -> None:
    """`python -m experiments.gpu_peers.plot` writes plot.svg. Needs matplotlib: `pip install hetero[experiments]`."""
    from matplotlib import pyplot

    result = json.loads((FOLDER / "result.json").read_text())
    batches = sorted({row["batch"] for row in result["rows"]})
    figure, axes = pyplot.subplots(len(batches), 1, figsize=(9, 7), layout="constrained", squeeze=False)
    for axis, batch in zip(axes[:, 0], batches, strict=True):
        rows = [row for row in result["rows"] if row["batch"] == batch]
        bars = [(way, against) for way in ("resident", "roundtrip") for against in rows[0]["ratio"][way]]
        for i, (way, against) in enumerate(bars):
            values = [row["ratio"][way][against] for row in rows]
            axis.bar([k + i / 5 for k in range(len(rows))], values, 0.18, label=f"{way} / {against}")
        axis.axhline(1, color="black", linewidth=0.8)
        axis.axhline(LIMIT.get(batch, 1), color="black", linewidth=0.8, linestyle="--")
        axis.set_xticks([k + 0.3 for k in range(len(rows))], [row["network"] for row in rows])
        axis.set_ylabel(f"our time / PyTorch's, batch {batch}")
    axes[0, 0].legend(fontsize="small")
    figure.suptitle(f"{result['gpu']}, PyTorch {result['torch']}")
    figure.savefig(FOLDER / "plot.svg")


if __name__ == "__main__":
    main()
