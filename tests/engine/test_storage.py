"""Storage: concatenations in place, reshapes without copies, and what must not share memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from engine.formats.onnx import load, resolve
from engine.graph import Graph
from engine.passes import prepare
from engine.reference import truth
from engine.storage import places
from hetero import Session
from tests.models import model

node = helper.make_node


def dense_block(batch: int, growth: int, random: np.random.Generator) -> onnx.ModelProto:
    """Convolutions whose outputs are joined again and again, as DenseNet's."""
    constants: dict[str, Any] = {}
    nodes = []
    channels, whole = 16, "x0"
    constants["w"] = random.standard_normal((16, 3, 1, 1)).astype("f")
    nodes.append(node("Conv", ["x", "w"], ["x0"], name="first"))
    for i in range(3):
        constants[f"w{i}"] = (random.standard_normal((growth, channels, 3, 3)) * 0.1).astype("f")
        nodes.append(node("Conv", [whole, f"w{i}"], [f"a{i}"], pads=[1, 1, 1, 1], name=f"conv{i}"))
        nodes.append(node("Concat", [whole, f"a{i}"], [f"c{i}"], axis=1, name=f"join{i}"))
        whole, channels = f"c{i}", channels + growth
    nodes.append(node("GlobalAveragePool", [whole], ["p"]))
    nodes.append(node("Flatten", ["p"], ["y"]))
    return model(nodes, {"x": (batch, 3, 5, 5)}, ["y"], constants)


def graph_of(proto: onnx.ModelProto) -> Graph:
    loaded = load(proto)
    return prepare(loaded, resolve(loaded, {}), 16)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("growth", [32, 24])
def test_chained_concatenations(batch: int, growth: int, random: np.random.Generator) -> None:
    proto = dense_block(batch, growth, random)
    graph = graph_of(proto)
    place = places(graph, graph.nodes, {"x", "y"})
    if growth == 32:
        assert {place[f"a{i}"].root for i in range(3)} == {"c2"}
        assert place["a2"].offset == (16 + 2 * 32) * 25
    else:  # 24 channels fill one block and a half: only what ends on a block's edge is in place
        assert place["c0"].root == "c0"
    frame = {"x": random.standard_normal((batch, 3, 5, 5)).astype("f")}
    with Session(proto, "cpu", threads=2) as session:
        got = session(frame)["y"]
    want = truth(proto, frame)["y"]
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


def test_a_tensor_is_in_place_once(random: np.random.Generator) -> None:
    """An input of two concatenations, and one that appears twice."""
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Concat", ["a", "a"], ["b"], axis=1),
            node("Concat", ["a", "b"], ["c"], axis=1),
            node("Concat", ["b", "c"], ["y"], axis=1),
        ],
        {"x": (1, 3, 4, 4)}, ["y"], {"w": random.standard_normal((16, 3, 1, 1)).astype("f")},
    )  # fmt: skip
    frame = {"x": random.standard_normal((1, 3, 4, 4)).astype("f")}
    with Session(proto, "cpu") as session:
        got = session(frame)["y"]
    np.testing.assert_allclose(got, truth(proto, frame)["y"], rtol=1e-5, atol=1e-6)


def test_what_crosses_the_border_stays_a_root(random: np.random.Generator) -> None:
    graph = graph_of(dense_block(1, 32, random))
    place = places(graph, graph.nodes, {"x", "y", "a1"})
    assert place["a1"].root == "a1"
    assert place["a0"].root == "c2"


def test_a_reshape_between_input_and_output_copies() -> None:
    proto = model([node("Flatten", ["x"], ["y"])], {"x": (2, 3, 4)}, ["y"])
    x = np.arange(24, dtype="f").reshape(2, 3, 4)
    with Session(proto, "cpu") as session:
        np.testing.assert_array_equal(session(x)["y"], x.reshape(2, 12))
