"""Resident memory while a stream runs: does it grow? A line through it, with its confidence interval; writes JSON."""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from hetero import Session, Stream, zoo
from hetero.report import machine
from hetero.statistics import LATEST

FOLDER = Path(__file__).parent
SETTLING = 0.2  # of the time, at the beginning: caches fill, and the allocator finds its size
SETTLED = 2 * LATEST  # frames at least: by then a stream's statistics keep no more than they let go
SAMPLES = 200  # over the whole time
PAUSE = 1.0  # seconds between two frames at most: what is longer, the process was stopped, and does not count
CONFIDENCE = 0.99

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Slope:
    """Bytes a second that resident memory grows by, and the interval it lies in with `CONFIDENCE`."""

    slope: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        """Whether growth cannot be noise."""
        return self.low > 0


def resident() -> int:
    """Bytes of this process that lie in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fit(seconds: Sequence[float], sizes: Sequence[float]) -> Slope:
    """The least-squares line, its interval widened for samples that resemble their neighbours.

    n samples whose residuals have lag-one correlation r tell as much as n (1 - r) / (1 + r) independent ones.
    """
    from scipy.stats import t as student

    x, y = np.asarray(seconds) - fmean(seconds), np.asarray(sizes) - fmean(sizes)
    slope = float(x @ y / (x @ x))
    residuals = y - slope * x
    alike = float(residuals[1:] @ residuals[:-1] / (residuals @ residuals)) if residuals.any() else 0.0
    alike = min(max(alike, 0.0), 0.99)
    own = max(len(x) * (1 - alike) / (1 + alike), 3.0)
    error = math.sqrt(residuals @ residuals / (own - 2) / (x @ x))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, own - 2)) * error
    return Slope(slope, slope - reach, slope + reach)


def streamed(session: Session, seconds: float) -> tuple[list[float], list[int], int]:
    """Stream fresh noise for so long: times, resident bytes at these times, and frames."""
    samples = np.full((SAMPLES, 2), np.nan)  # in memory from the beginning, so as not to be what grows
    taken = 0
    noise = np.random.default_rng(0).standard_normal(session.inputs[0].shape, np.float32)
    ran = 0.0  # seconds so far

    def frames() -> Iterator[Array]:
        while ran < seconds:
            yield noise.copy()  # every frame in memory of its own, as from a camera

    with Stream(session) as stream:
        due, last = SETTLING * seconds, time.perf_counter()
        for result in stream.map(frames()):
            now = time.perf_counter()
            ran += min(now - last, PAUSE)
            last = now
            if result.index > SETTLED and ran >= due and taken < SAMPLES:
                samples[taken] = ran, resident()
                taken += 1
                due = ran + (1 - SETTLING) * seconds / SAMPLES
        times, sizes = samples[:taken].T.tolist()
        return times, [int(size) for size in sizes], stream.statistics().frames


def main() -> None:
    """`python -m experiments.memory.slope [--seconds 600] [--network squeezenet] [--strategy interleave]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--network", default="squeezenet")
    parser.add_argument("--device", default="cpu+gpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--strategy", default="two-plan-mix")
    parser.add_argument("--out", type=Path, default=FOLDER / "result-slope.json")
    words = parser.parse_args()
    with Session(zoo.build(words.network), words.device, words.threads, words.strategy) as session:
        times, sizes, frames = streamed(session, words.seconds)
        plan = session.plan.name
    found = fit(times, sizes)
    print(
        f"{frames} frames in {words.seconds:.0f} s, {fmean(sizes) / 2**20:.1f} MiB resident: {found.slope:+.1f} bytes "
        f"a second, {CONFIDENCE:.0%} within {found.low:+.1f} to {found.high:+.1f}"
    )
    result = {
        "machine": machine(), "network": words.network, "device": words.device, "threads": words.threads,
        "plan": plan, "seconds": words.seconds, "frames": frames, "unit": "bytes a second", **asdict(found),
        "times": times, "resident": sizes,
    }  # fmt: skip
    words.out.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
