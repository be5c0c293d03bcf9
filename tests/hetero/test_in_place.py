"""Tuning the CPU: what wins is kept, obeyed by later devices, and forgotten when the kernels' text changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from engine.devices.numba_cpu import NumbaDevice
from engine.formats.onnx import load
from engine.graph import Graph
from engine.passes import prepare
from engine.tuning import store
from engine.tuning.layer import Layer
from engine.tuning.tune import Progress
from hetero import in_place
from hetero.in_place import MOST, Way, candidates, tune_in_place
from kernels.cpu.target import host
from kernels.cpu.winograd import SPACE
from tests.models import model


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "user_data_path", lambda name: tmp_path / name)


@pytest.fixture
def graph(random: np.random.Generator) -> Graph:
    """Three convolutions, of which two are alike, and one that has nothing to choose."""

    def conv(x: str, y: str, weights: str, pad: int) -> Any:
        return onnx.helper.make_node("Conv", [x, weights], [y], name=y, pads=[pad] * 4)

    def weights(*shape: int) -> Any:
        return random.uniform(-0.1, 0.1, shape).astype(np.float32)

    constants = {f"w{i}": weights(64, 64, 3, 3) for i in (1, 2)} | {"w3": weights(64, 64, 1, 1)}
    nodes = [conv("x", "one", "w1", 1), conv("one", "two", "w2", 1), conv("two", "y", "w3", 0)]
    shapes = {"x": (1, 64, 20, 20)}
    return prepare(load(model(nodes, shapes, ["y"], constants)), shapes, host().lanes)


def test_layers_alike_are_one(graph: Graph) -> None:
    assert [each.layer.nodes for each in candidates(graph, NumbaDevice(1))] == [["one", "two"]]


def test_every_algorithm_is_tried_first_and_nothing_twice(graph: Graph) -> None:
    (each,) = candidates(graph, NumbaDevice(1))
    found = [dict(each.question.default), *each.fresh(None)]
    costs = [each.question.cost(choice) for choice in found]
    assert {choice["size"] for choice in found[: len(SPACE.tunables[0].values)]} == set(SPACE.tunables[0].values)
    assert len(set(costs)) == len(costs) > 5
    assert all(each.question.fits(choice) for choice in found)


def test_what_wins_is_kept_and_obeyed_and_forgotten_with_the_kernels(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = NumbaDevice(1)
    (each,) = candidates(graph, device)
    favourite = next(iter(each.fresh(None)))

    class Timed(Way):
        """One choice takes half the time of all others."""

        def __init__(self, graph: Graph, device: NumbaDevice, answers: Any) -> None:
            super().__init__(graph, device, answers)
            self._taken = 1e-3 if answers.get(each.question.key) == favourite else 2e-3

        def seconds(self, layer: Layer, last: int) -> float:
            return self._taken

    monkeypatch.setattr(in_place, "Way", Timed)
    told: list[Progress] = []
    (result,) = tune_in_place(graph, device, 60, told=told.append)
    assert result.found is not None
    assert result.found.answers == {each.question.key: favourite}
    assert (result.found.seconds, result.found.default_seconds) == (1e-3, 2e-3)
    assert [told[0].done, told[-1].done] == [0, MOST]
    assert device.target.tunings == NumbaDevice(1).target.tunings == result.found.answers
    assert NumbaDevice(1).target.choose(each.question) == favourite
    path = store.user_file(device.name, device.driver)
    path.write_text(path.read_text().replace(SPACE.digest, "0" * 16))
    assert NumbaDevice(1).target.choose(each.question) == each.question.default


def test_what_hardly_wins_is_not_kept(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    class Timed(Way):
        """Whatever is not the default is a little faster."""

        def __init__(self, graph: Graph, device: NumbaDevice, answers: Any) -> None:
            super().__init__(graph, device, answers)
            self._taken = 0.98e-3 if answers else 1e-3

        def seconds(self, layer: Layer, last: int) -> float:
            return self._taken

    monkeypatch.setattr(in_place, "Way", Timed)
    device = NumbaDevice(1)
    (result,) = tune_in_place(graph, device, 60)
    (each,) = candidates(graph, device)
    assert result.found is not None
    assert result.found.tried > 0
    assert result.found.answers == {each.question.key: each.question.default}


def test_without_time_nothing_is_tried_and_nothing_kept(graph: Graph) -> None:
    device = NumbaDevice(1)
    (result,) = tune_in_place(graph, device, 0)
    assert result.found is not None
    assert result.found.tried == 0
    assert not store.user_file(device.name, device.driver).exists()
