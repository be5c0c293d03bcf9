"""Memory does not grow: a stream of half a minute, and a line that tells growth from noise."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from experiments.memory.slope import fit, streamed
from hetero import Session
from tests.hetero import branches
from tests.hetero.ways import WAYS, alternate

TIMES = np.linspace(100, 600, 200)


def noise(alike: float) -> np.ndarray:
    """Noise of some pages in which every number resembles the one before."""
    random = np.random.default_rng(0)
    made = [0.0]
    for step in random.normal(0, 8192, len(TIMES) - 1):
        made.append(alike * made[-1] + step)
    return np.array(made)


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_noise_is_no_growth(alike: float) -> None:
    assert not fit(TIMES, 3e8 + noise(alike)).grows
    leaking = fit(TIMES, 3e8 + noise(alike) + 1000 * TIMES)
    assert leaking.grows
    assert leaking.low < 1000 < leaking.high


def test_what_never_changes_has_no_slope() -> None:
    found = fit(TIMES, np.full(len(TIMES), 3e8))
    assert (found.slope, found.low, found.high) == (0, 0, 0)


def test_numbers_that_resemble_each_other_tell_less() -> None:
    loose, tied = (fit(TIMES, 3e8 + noise(alike)) for alike in (0.0, 0.9))
    assert tied.high - tied.low > 2 * (loose.high - loose.low)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_stream_does_not_grow() -> None:
    with Session(branches.build(), WAYS[1] if len(WAYS) > 1 else "cpu", threads=1) as whole:
        plan = alternate(whole.plan, run=1) if len(WAYS) > 1 else whole.plan
    with Session(branches.build(), "cpu+gpu" if len(WAYS) > 1 else "cpu", plan=plan) as session:
        times, sizes, frames = streamed(session, 30.0)
    assert frames > 10_000
    assert len(times) > 50
    assert not fit(times, sizes).grows
