"""Rehearsal: turns that mirror each other, and fits that find the numbers that stages were made of."""

from __future__ import annotations

from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hetero import compiled
from hetero.compiled import placed
from hetero.costs import rehearsal
from hetero.costs.rehearsal import Observed, dealt, fitted, mirrored, occupied
from hetero.partition.stages import stages
from hetero.statistics import Execution


def stage_rows(factor: float, fixed: float, per_byte: float, noise: float = 0.0) -> list[Observed]:
    random = np.random.default_rng(0)
    rows = []
    for _ in range(240):
        parts, count = random.uniform(1e-4, 3e-3), int(random.integers(0, 4))
        nbytes = int(count * random.integers(1 << 10, 1 << 21))
        seconds = (factor * parts + fixed * count + per_byte * nbytes) * random.normal(1, noise)
        rows.append(Observed(seconds, 1, parts, count, nbytes))
    return rows


def test_a_fit_finds_what_stages_were_made_of() -> None:
    fit = fitted(stage_rows(1.08, 70e-6, 5e-11))
    assert fit.factor == pytest.approx(1.08, rel=0.01)
    assert fit.fixed == pytest.approx(70e-6, rel=0.05)
    assert fit.per_byte == pytest.approx(5e-11, rel=0.05)


def test_a_fit_bears_noise() -> None:
    fit = fitted(stage_rows(1.08, 70e-6, 5e-11, noise=0.1))
    assert fit.factor == pytest.approx(1.08, rel=0.06)
    assert fit.fixed == pytest.approx(70e-6, rel=0.5)


def test_no_number_is_negative_and_few_stages_change_little() -> None:
    fit = fitted([Observed(0.9e-3, 1, 1e-3, 1, 4096)])
    assert 0.9 <= fit.factor < 1
    assert fit.fixed == fit.per_byte == 0


def test_whole_frames_say_how_long_operators_take_and_short_stages_what_hand_overs_do() -> None:
    short = [
        Observed(1.3e-4 if i % 2 else 1.5e-4, 1, 1e-4, 1, 0) for i in range(12)
    ]  # one in two takes a little longer
    fit = fitted([*short, Observed(1.04e-3, 1, 1e-3, 1, 0)])
    assert fit.factor == pytest.approx(1.0, abs=0.01)
    assert fit.fixed == pytest.approx(4e-5, rel=0.1)


def test_what_was_measured_more_often_counts_for_more() -> None:
    """On a GPU short stages may take long for many reasons; most frames are whole ones."""
    short = [Observed(2.5e-4, 1, 1e-4, 1, 0) for _ in range(6)]

    def missed(times: int) -> float:
        fit = fitted([*short, Observed(1e-3, times, 1e-3, 1, 0)])
        return abs(fit.factor * 1e-3 + fit.fixed - 1e-3)

    assert missed(16) < missed(1) / 3


def test_what_keeps_a_device_from_other_work() -> None:
    one = Execution("cpu", 0, 0, 0.0, 1.0)
    other = Execution("cpu", 1, 0, 1.5, 2.5)
    begun = Execution("gpu", 0, 1, 1.25, 2.75)  # was waited for
    late = Execution("cpu", 0, 2, 3.0, 4.0)  # the device was idle until the frame came
    waited = Execution("gpu", 1, 1, 3.0, 3.5)  # the frame was there before the device was
    ahead = Execution("gpu", 2, 0, 3.5, 5.0, more=-0.5)  # for so long the worker began others
    found = list(occupied([one, other, begun, late, waited, ahead]))
    assert [each for each, _ in found] == [one, other, begun, late, waited, ahead]
    assert [seconds for _, seconds in found] == [1.0, 1.0, 1.5, 1.0, 0.75, 1.0]


def network(count: int, unable: tuple[int, ...] = ()) -> tuple[Any, Any]:
    """A chain of so many nodes for two devices, of which the second cannot run some."""
    nodes = tuple(SimpleNamespace(name=f"op{i}", able=i not in unable) for i in range(count))
    return SimpleNamespace(nodes=nodes), {"cpu": SimpleNamespace(kind="cpu"), "gpu": SimpleNamespace(kind="gpu")}


@pytest.fixture(autouse=True)
def _ability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "can_run", lambda graph, node, device: device.kind == "cpu" or node.able)


@pytest.mark.parametrize("count", [1, 2, 5, 13, 14, 90])
def test_mirrored_placements(count: int) -> None:
    graph, devices = network(count)
    one, other = mirrored(graph, devices)
    assert list(one) == list(other) == [node.name for node in graph.nodes]
    assert all({one[name], other[name]} == {"cpu", "gpu"} for name in one)
    names = list(one)
    readers = {name: names[i + 1 : i + 2] for i, name in enumerate(names)}
    assert len(stages(readers, one)) == len(stages(readers, other)) == min(count, rehearsal.TURNS + 1)


@pytest.mark.parametrize(
    ("seconds", "frames"), [([2.0, 2.0], [2, 2]), ([1.0, 2.0], [4, 2]), ([0.3, 0.2], [2, 3]), ([1.0, 90.0], [16, 2])]
)
def test_whole_frames_keep_all_devices_equally_busy(seconds: list[float], frames: list[int]) -> None:
    assert dealt(seconds) == frames


def test_what_a_device_cannot_run_stays_on_the_cpu() -> None:
    graph, devices = network(4, unable=(1,))
    assert placed(graph, devices, repeat("gpu")) == {"op0": "gpu", "op1": "cpu", "op2": "gpu", "op3": "gpu"}
    one, other = mirrored(graph, devices)
    assert one["op1"] == other["op1"] == "cpu"
    assert {one["op2"], other["op2"]} == {"cpu", "gpu"}
