"""Our CPU device against other engines on the same networks: a process each, by turns; writes result JSON."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from experiments.cpu_peers.engines import DISTRIBUTIONS
from experiments.cpu_peers.networks import NAMES, write
from hetero.report import machine

FOLDER = Path(__file__).parent


class Engine:
    """One engine in a process of its own, which is stopped while others have their turn.

    Some engines' threads go on spinning when there is nothing to do, and would take a core from the next.
    """

    def __init__(self, name: str, path: Path, threads: int, log: Any) -> None:
        command = [sys.executable, "-m", "experiments.cpu_peers.worker", name, str(path), str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=FOLDER.parent.parent
        )
        self.output = np.array(self._read())
        self._process.send_signal(signal.SIGSTOP)

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the engine ended with {self._process.wait()}")
        return json.loads(line)

    def ask(self, what: str, amount: float = 0) -> Any:
        """Send a request and wait for the answer."""
        self._process.send_signal(signal.SIGCONT)
        print(what, amount, file=self._process.stdin, flush=True)
        answer = self._read()
        self._process.send_signal(signal.SIGSTOP)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        self._process.wait()


def compare(network: str, path: Path, words: argparse.Namespace, log: Any) -> dict[str, Any]:
    """Medians of every engine for one network, and our time over the best peer's."""
    team: dict[str, Engine] = {}
    failed = {}
    for name in words.engines:
        try:
            team[name] = Engine(name, path, words.threads, log)
        except RuntimeError as error:
            failed[name] = str(error)
    rounds: dict[str, list[float]] = {name: [] for name in team}
    for _ in range(words.rounds):
        for name, engine in team.items():
            rounds[name].append(median(engine.ask("latency", words.frames)))
    truth = team["onnxruntime"].output if "onnxruntime" in team else team["hetero"].output
    scale = float(np.abs(truth).max())
    row: dict[str, Any] = {"network": network, "threads": words.threads, "failed": failed}
    row["ms"] = {name: median(times) for name, times in rounds.items()}
    row["rounds"] = rounds
    row["memory"] = {name: engine.ask("memory") for name, engine in team.items()}
    row["difference"] = {name: float(np.abs(e.output - truth).max()) / scale for name, e in team.items()}
    for engine in team.values():
        engine.close()
    peers = {name: ms for name, ms in row["ms"].items() if name != "hetero"}
    row["best"] = min(peers, key=lambda name: peers[name])
    row["ratio"] = median(a / b for a, b in zip(rounds["hetero"], rounds[row["best"]], strict=True))
    if words.rate:
        row["rate"] = {name: rate(name, path, words, log) for name in team}
        row["rate_ratio"] = row["rate"]["hetero"] / max(v for k, v in row["rate"].items() if k != "hetero")
    return row


def rate(name: str, path: Path, words: argparse.Namespace, log: Any) -> float:
    """Frames a second of two processes with one thread each."""
    team = [Engine(name, path, 1, log) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = [sum(pool.map(lambda engine: engine.ask("rate", words.rate), team)) for _ in range(3)]
    for engine in team:
        engine.close()
    return median(found)


def main() -> None:
    """`python -m experiments.cpu_peers.main [--networks A,B] [--engines A,B] [--threads N] [--out FILE]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=lambda text: text.split(","), default=list(NAMES))
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(DISTRIBUTIONS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=8, help="of each engine in each round")
    parser.add_argument("--rate", type=float, default=0, help="seconds to run two processes of one thread each")
    parser.add_argument("--cache", type=Path, default=user_cache_path("hetero") / "peers")
    parser.add_argument("--out", type=Path, default=FOLDER / "result.json")
    words = parser.parse_args()
    rows = []
    with (FOLDER / "engines.log").open("w") as log_file:
        for network in words.networks:
            row = compare(network, write(network, words.cache.absolute()), words, log_file)
            rows.append(row)
            shown = {name: round(ms, 2) for name, ms in row["ms"].items()}
            print(network, shown, f"ours / {row['best']} = {row['ratio']:.2f}", row["failed"] or "", flush=True)
    means = {"geometric_mean": geometric_mean(row["ratio"] for row in rows)}
    print(f"geometric mean of ours / best peer, time: {means['geometric_mean']:.3f}")
    if words.rate:
        means["geometric_mean_rate"] = geometric_mean(row["rate_ratio"] for row in rows)
        print(f"frames/s of two processes: {means['geometric_mean_rate']:.3f}")
    versions = {name: importlib.metadata.version(DISTRIBUTIONS[name]) for name in words.engines}
    result = {"machine": machine(), "versions": versions, **means, "rows": rows}
    words.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
