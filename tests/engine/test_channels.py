"""Channels picked in one pass, chains of concatenations, and branches that know of each other."""

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
from tests.hetero.ways import WAYS
from tests.hetero.ways import session as session_of
from tests.models import model

node = helper.make_node
SLICE = {name: np.array(value) for name, value in (("zero", [0]), ("end", [2**31]), ("axis", [1]))}


def prepared(proto: onnx.ModelProto) -> Graph:
    loaded = load(proto)
    return prepare(loaded, resolve(loaded, {}), 16)


def named(graph: Graph, op: str) -> list[Any]:
    return [node for node in graph.nodes if node.op == op]


def agree(proto: onnx.ModelProto, device: str, random: np.random.Generator) -> None:
    frame = {"x": random.standard_normal((2, 3, 7, 6)).astype("f")}
    want = truth(proto, frame)
    with session_of(proto, device) as session:
        got = session(frame)
    for name, value in want.items():
        assert np.abs(got[name] - value).max() <= 1e-5 * np.abs(value).max()


def unit(channels: int, random: np.random.Generator) -> onnx.ModelProto:
    """A unit of ShuffleNet v2: half of the channels go through a convolution, then halves are dealt out in turn."""
    half = channels // 2
    constants = SLICE | {
        "w": random.standard_normal((channels, 3, 3, 3)).astype("f"),
        "v": random.standard_normal((half, half, 1, 1)).astype("f"),
        "half": np.array([half]), "parts": np.array([2, 2, half, 5, 4]), "whole": np.array([2, channels, 5, 4]),
    }  # fmt: skip
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Slice", ["a", "zero", "half", "axis"], ["left"]),
        node("Slice", ["a", "half", "end", "axis"], ["right"]),
        node("Conv", ["right", "v"], ["b"]),
        node("Concat", ["left", "b"], ["c"], axis=1),
        node("Reshape", ["c", "parts"], ["d"]),
        node("Transpose", ["d"], ["e"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["e", "whole"], ["f"]),
        node("Relu", ["f"], ["y"]),
    ]
    return model(nodes, {"x": (2, 3, 7, 6)}, ["y"], constants)


@pytest.mark.parametrize("device", WAYS)
@pytest.mark.parametrize("channels", [20, 32, 58])
def test_a_unit_picks_channels_twice(channels: int, device: str, random: np.random.Generator) -> None:
    proto = unit(channels, random)
    graph = prepared(proto)
    first, second = named(graph, "Channels")
    half = channels // 2
    assert first.attributes["picked"] == tuple((0, half + k) for k in range(half))
    assert second.attributes["picked"] == tuple((k % 2, k // 2) for k in range(channels))
    assert second.inputs[0] == first.inputs[0]
    assert not named(graph, "Concat")
    agree(proto, device, random)


def two_units(random: np.random.Generator) -> onnx.ModelProto:
    """A unit, and the right half of what it gives through another convolution."""
    proto = unit(32, random)
    del proto.graph.node[-1]
    proto.graph.node.extend([
        node("Slice", ["f", "half", "end", "axis"], ["g"]), node("Conv", ["g", "v"], ["h"]),
        node("Slice", ["f", "zero", "half", "axis"], ["i"]), node("Concat", ["i", "h"], ["y"], axis=1),
    ])  # fmt: skip
    return proto


@pytest.mark.parametrize("device", WAYS)
def test_two_picks_from_one_unit_need_nothing_of_each_other(device: str, random: np.random.Generator) -> None:
    proto = two_units(random)
    picks = [each for each in named(prepared(proto), "Channels") if each.outputs in (("g",), ("i",))]
    assert [pick.inputs for pick in picks] == [("a", "b"), ("a", "b")]
    agree(proto, device, random)


def test_what_somebody_else_reads_stays(random: np.random.Generator) -> None:
    """A join that is an output too, and slices of an input, which lies plain."""
    proto = unit(32, random)
    proto.graph.output.append(helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, (2, 32, 5, 4)))
    graph = prepared(proto)
    assert len(named(graph, "Concat")) == 1
    (shuffle,) = [each for each in named(graph, "Channels") if each.outputs == ("f",)]
    assert shuffle.inputs == ("a", "b")
    cut = model(
        [node("Slice", ["x", "zero", "one", "axis"], ["y"])], {"x": (2, 3, 7, 6)}, ["y"], SLICE | {"one": np.array([1])}
    )
    assert not named(prepared(cut), "Channels")


@pytest.mark.parametrize("device", WAYS)
def test_concatenations_build_on_each_other(device: str, random: np.random.Generator) -> None:
    """[a], [a, b] and [a, b, c], as densely connected layers write them."""
    constants = {f"w{i}": random.standard_normal((16, 3 if i == 0 else 16 * i, 1, 1)).astype("f") for i in range(3)}
    nodes = [
        node("Conv", ["x", "w0"], ["a"]),
        node("Concat", ["a"], ["p"], axis=1),
        node("Conv", ["p", "w1"], ["b"]),
        node("Concat", ["a", "b"], ["q"], axis=1),
        node("Conv", ["q", "w2"], ["c"]),
        node("Concat", ["a", "b", "c"], ["r"], axis=1),
        node("Relu", ["r"], ["y"]),
    ]
    proto = model(nodes, {"x": (2, 3, 7, 6)}, ["y"], constants)
    assert [join.inputs for join in named(prepared(proto), "Concat")] == [("a", "b"), ("q", "c")]
    agree(proto, device, random)


def test_only_branches_are_accompanied(random: np.random.Generator) -> None:
    weights = {f"w{i}": random.standard_normal((16, 3 if i == 0 else 16, 1, 1)).astype("f") for i in range(4)}
    nodes = [
        node("Conv", ["x", "w0"], ["a"], name="stem"),
        node("Conv", ["a", "w1"], ["b"], name="left"),
        node("Conv", ["a", "w2"], ["c"], name="right"),
        node("Concat", ["b", "c"], ["d"], axis=1),
        node("Relu", ["d"], ["y"]),
    ]
    graph = prepared(model(nodes, {"x": (2, 3, 7, 6)}, ["y"], {k: v for k, v in weights.items() if k != "w3"}))
    assert {n.name for n in graph.nodes if n.attributes.get("accompanied")} == {"left", "right"}
