"""Peak resident memory of our process and of onnxruntime's, for the same file and frames; writes result JSON."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from platformdirs import user_cache_path

from experiments.cpu_peers.networks import write
from hetero.report import machine

FOLDER = Path(__file__).parent
NETWORKS = ("googlenet", "squeezenet", "resnet50", "mobilenet_v2", "inception_v2")


def peaks(engine: str, path: Path) -> tuple[float, float]:
    """MiB of a process that runs ten frames: what its libraries take by themselves, and its peak."""
    words = [sys.executable, "-m", "experiments.memory.worker", engine, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=FOLDER.parent.parent)
    base, peak = json.loads(done.stdout)
    return base, peak


def compare(network: str, path: Path, rounds: int) -> dict[str, Any]:
    """Medians of both engines by turns, and their ratios, as a whole and above what the libraries take."""
    peaks("hetero", path)  # compiles; a process that compiles takes more
    found = [(peaks("hetero", path), peaks("onnxruntime", path)) for _ in range(rounds)]
    ours_base, ours, peer_base, peer = (median(each) for each in zip(*[(*a, *b) for a, b in found], strict=True))
    return {
        "network": network, "weights": path.stat().st_size / 2**20, "hetero": ours, "onnxruntime": peer,
        "hetero_base": ours_base, "onnxruntime_base": peer_base, "ratio": ours / peer,
        "ratio_above_base": (ours - ours_base) / (peer - peer_base),
    }  # fmt: skip


def main() -> None:
    """`python -m experiments.memory.main [NETWORK ...]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=user_cache_path("hetero") / "peers")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    rows = []
    for network in words.networks:
        row = compare(network, write(network, words.cache.absolute()), words.rounds)
        rows.append(row)
        print({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
    words.out.write_text(json.dumps({"machine": machine(), "unit": "MiB", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
