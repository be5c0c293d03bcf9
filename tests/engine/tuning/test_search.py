"""The search: which ways it tries, that wrong ones lose, that the winner is kept and used."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from engine.devices.child import Child
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.guard import Guard
from engine.devices.opencl import OpenClDevice
from engine.devices.verdicts import Verdicts
from engine.formats.onnx import load
from engine.graph import Graph
from engine.passes import prepare
from engine.tuning import search
from engine.tuning.layer import SLACK, Layer, layers, likely
from engine.tuning.search import Search
from engine.tuning.tune import Progress, tune
from kernels.cpu.target import host
from kernels.space import Question, Space, Tunable
from tests.models import model

SPACE = Space("toy", (Tunable("a", (1, 2, 3, 4), "things"), Tunable("b", (0, 1), "others")), ())


def test_likely_choices_are_near_the_best_and_differ_to_the_model() -> None:
    def cost(choice: Any) -> float:
        return float("inf") if choice["a"] == 1 else choice["a"]

    question = Question(SPACE, "p", {"a": 3, "b": 1}, cost)
    assert likely(question) == [{"a": 3, "b": 1}, {"a": 2, "b": 1}]
    assert 2 * SLACK < 4


@pytest.fixture
def device(tmp_path: Path) -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    made = OpenClDevice(opencl_devices()[0].handle)
    made.guard = Guard(made, Verdicts(made.name, made.driver, tmp_path / "verdicts"), Child(), known=True)
    made.target = replace(made.target, tunings={})
    return made


@pytest.fixture
def graph(random: np.random.Generator) -> Graph:
    """Three convolutions, of which two are alike, and something that has nothing to tune."""

    def node(op: str, x: str, y: str, *weights: str, **attributes: Any) -> Any:
        return onnx.helper.make_node(op, [x, *weights], [y], name=y, **attributes)

    def weights(*shape: int) -> Any:
        return random.uniform(-0.1, 0.1, shape).astype(np.float32)

    nodes = [
        node("Conv", "x", "one", "w1"),
        node("MaxPool", "one", "pool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Conv", "pool", "two", "w2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Conv", "two", "y", "w3"),
    ]
    constants = {"w1": weights(16, 16, 1, 1), "w2": weights(16, 16, 3, 3), "w3": weights(16, 16, 1, 1)}
    return prepare(load(model(nodes, {"x": (1, 16, 12, 12)}, ["y"], constants)), {"x": (1, 16, 12, 12)}, host().lanes)


def test_layers_alike_are_one(graph: Graph, device: OpenClDevice) -> None:
    assert [layer.nodes for layer in layers(graph, device.target)] == [["one", "y"], ["two"]]


def test_candidates_begin_with_the_default_and_answer_every_question(graph: Graph, device: OpenClDevice) -> None:
    layer = layers(graph, device.target)[1]
    found = list(layer.candidates(device.target))
    default = layer.lower(device.target, {})
    assert default is not None
    assert found[0].answers == default.answers
    assert all(way.answers.keys() == {question.key for question in way.asked} for way in found)
    assert len({str(sorted(way.answers.items())) for way in found}) == len(found) > 1
    assert "winograd" in {space for space, _ in default.answers}


def test_the_fastest_right_way_wins(graph: Graph, device: OpenClDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layers(graph, device.target)[0]
    favourite = list(layer.candidates(device.target))[2]

    class Timed:
        """One way takes half the time of all others."""

        def __init__(self, device: Any, alone: Any) -> None:
            defines = dict(alone.bound[-1].step.defines)
            self.seconds = 1e-3 if defines == dict(favourite.lowering.steps[-1].defines) else 2e-3

        def run(self) -> None:
            pass

    monkeypatch.setattr(search, "Runner", Timed)
    found = Search(device, layer).run(time.monotonic() + 60)
    assert found is not None
    assert found.answers == favourite.answers
    assert (found.seconds, found.default_seconds) == (1e-3, 2e-3)
    assert found.tried > 2


def test_what_gives_wrong_numbers_is_not_taken(graph: Graph, device: OpenClDevice) -> None:
    layer = layers(graph, device.target)[0]

    class Liar(Layer):
        """All but the default computes something else, and in no time."""

        def candidates(self, *arguments: Any, **words: Any) -> Any:
            default, *others = super().candidates(*arguments, **words)
            yield default
            for way in others:
                (step,) = way.lowering.steps
                short = replace(step, global_size=step.local_size or (1, 1, 1))
                yield replace(way, lowering=replace(way.lowering, steps=(short,)))

        def neighbours(self, *arguments: Any, **words: Any) -> Any:
            yield from ()

    found = Search(device, Liar(layer.op, layer.call, layer.nodes)).run(time.monotonic() + 60)
    default = layer.lower(device.target, {})
    assert found is not None
    assert default is not None
    assert found.tried > 0
    assert found.answers == default.answers
    assert "wrong numbers" in device.guard.verdicts.path.read_text()


def test_a_default_that_fails_is_reported_and_avoided(graph: Graph, device: OpenClDevice, tmp_path: Path) -> None:
    layer = layers(graph, device.target)[0]
    default = layer.lower(device.target, {})
    assert default is not None
    device.guard.verdicts.fails(search.lowering_key(default.lowering), "wrong numbers")
    results = tune(graph, device, 0, tmp_path / "tuned.json")
    assert [each.found is None for each in results] == [True, False]


def test_tune_keeps_what_it_finds_and_uses_it(graph: Graph, device: OpenClDevice, tmp_path: Path) -> None:
    told: list[Progress] = []
    results = tune(graph, device, 4, tmp_path / "tuned.json", told.append)
    assert [(state.done, state.all, state.node) for state in told] == [(0, 2, "one"), (1, 2, "two"), (2, 2, "")]
    tried = [each.found for each in results if each.found and each.found.tried]
    assert tried
    assert device.target.tunings == {key: choice for found in tried for key, choice in found.answers.items()}
    assert all(0 < each.found.seconds <= each.found.default_seconds for each in results if each.found)
    assert (tmp_path / "tuned.json").stat().st_size > 100


def test_without_time_nothing_is_tried_and_nothing_kept(graph: Graph, device: OpenClDevice, tmp_path: Path) -> None:
    results = tune(graph, device, 0, tmp_path / "tuned.json")
    assert all(each.found and each.found.tried == 0 for each in results)
    assert not (tmp_path / "tuned.json").exists()
