"""Worker: the process of one engine: loads a network, then times it whenever a line on its input asks.

Replies are lines of JSON: first the output for a seeded frame; for "latency N" the milliseconds of N
frames, for "rate S" the frames per second over S seconds; for "memory" the peak in MiB.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np

from experiments.cpu_peers.engines import ENGINES, SHAPE


def peak_memory() -> float:
    """MiB this process has held at most; what getrusage says begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024


def main(engine: str, path: str, threads: str) -> None:
    """Serve until the input ends."""
    wire = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an engine prints must not get among the replies
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    infer = ENGINES[engine](Path(path), int(threads))
    reply: object = np.ravel(infer(x)).tolist()
    while True:
        print(json.dumps(reply), file=wire, flush=True)
        what, amount = (sys.stdin.readline().split() or ["", "0"])[:2]
        start = time.perf_counter()
        if what == "latency":
            infer(x)
            times = []
            for _ in range(int(amount)):
                begin = time.perf_counter()
                infer(x)
                times.append(1000 * (time.perf_counter() - begin))
            reply = times
        elif what == "rate":
            frames = 0
            while time.perf_counter() < start + float(amount):
                infer(x)
                frames += 1
            reply = frames / (time.perf_counter() - start)
        elif what == "memory":
            reply = peak_memory()
        else:
            os._exit(0)  # some engines' threads do not end by themselves


if __name__ == "__main__":
    main(*sys.argv[1:])
