"""Separable convolutions: which pairs become one operator, and that the numbers stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from engine.graph import Graph
from tests.engine.test_passes import node, ops, prepared, same
from tests.hetero.ways import WAYS
from tests.models import model

X = (2, 3, 9, 8)


def network(nodes: list[Any], random: np.random.Generator, outputs: tuple[str, ...] = ("y",)) -> onnx.ModelProto:
    """A convolution that gives `a` of 20 channels, then these nodes."""
    constants = {
        "w": random.standard_normal((20, 3, 3, 3)), "depth": random.standard_normal((20, 1, 3, 3)) * 0.3,
        "depth_bias": random.standard_normal(20), "point": random.standard_normal((34, 20, 1, 1)) * 0.3,
        "point_bias": random.standard_normal(34), "square": random.standard_normal((34, 34, 1, 1)) * 0.2,
        "scale": random.uniform(0.5, 1.5, 20), "shift": random.standard_normal(20) * 0.3,
        "mean": random.standard_normal(20) * 0.3, "var": random.uniform(0.5, 1.5, 20),
    }  # fmt: skip
    known = {name: value.astype("f") for name, value in constants.items()}
    used = {name for each in nodes for name in each.input} | {"w"}
    first = node("Conv", ["x", "w"], ["a"])
    return model([first, *nodes], {"x": X}, outputs, {k: v for k, v in known.items() if k in used})


def depthwise(**attributes: Any) -> Any:
    return node("Conv", ["a", "depth", "depth_bias"], ["d"], group=20, **attributes)


def kept(proto: onnx.ModelProto, left: dict[str, int], device: str, random: np.random.Generator) -> Graph:
    graph = prepared(proto)
    assert ops(graph) == left
    same(proto, {"x": random.standard_normal(X).astype("f")}, device=device)
    return graph


@pytest.mark.parametrize("device", WAYS)
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_and_pointwise_become_one(stride: int, device: str, random: np.random.Generator) -> None:
    nodes = [
        depthwise(pads=[1, 1, 1, 1], strides=[stride, stride]), node("Relu", ["d"], ["r"]),
        node("Conv", ["r", "point", "point_bias"], ["p"]), node("Clip", ["p", "", ""], ["y"]),
    ]  # fmt: skip
    graph = kept(network(nodes, random), {"Conv": 1, "Separable": 1, "Reorder": 1}, device, random)
    (separable,) = [each for each in graph.nodes if each.op == "Separable"]
    op, attributes = separable.attributes["first"]
    assert (op, attributes["strides"], attributes["activation"]) == ("Conv", (stride, stride), (0.0, np.inf, 0.0))


@pytest.mark.parametrize("device", WAYS)
def test_what_normalises_in_front_of_a_convolution(device: str, random: np.random.Generator) -> None:
    """Where what is normalised is read twice, it cannot go into the weights before it."""
    nodes = [
        node("BatchNormalization", ["a", "scale", "shift", "mean", "var"], ["n"]), node("Relu", ["n"], ["r"]),
        node("Conv", ["r", "point"], ["p"]), node("Conv", ["a", "point"], ["q"]), node("Add", ["p", "q"], ["y"]),
    ]  # fmt: skip
    kept(network(nodes, random), {"Conv": 2, "Separable": 1, "Reorder": 1}, device, random)


@pytest.mark.parametrize("device", WAYS)
def test_a_residual_and_a_chain_stay_behind_it(device: str, random: np.random.Generator) -> None:
    nodes = [
        depthwise(pads=[1, 1, 1, 1]), node("Conv", ["a", "point"], ["q"]), node("Conv", ["d", "point"], ["p"]),
        node("Add", ["q", "p"], ["s"]), node("Sigmoid", ["s"], ["g"]), node("Mul", ["g", "q"], ["y"]),
    ]  # fmt: skip
    kept(network(nodes, random), {"Conv": 2, "Separable": 1, "Reorder": 1}, device, random)


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([depthwise(), node("Conv", ["d", "point"], ["y"], pads=[1, 1, 1, 1])], id="padded"),
        pytest.param([depthwise(), node("Conv", ["d", "point"], ["y"], strides=[2, 2])], id="strided"),
        pytest.param([depthwise(), node("Conv", ["d", "depth"], ["y"], group=20)], id="two by channel"),
        pytest.param(
            [depthwise(), node("Sigmoid", ["d"], ["s"]), node("Conv", ["s", "point"], ["y"])], id="chain between"
        ),
        pytest.param([node("Conv", ["a", "point"], ["p"]), node("Conv", ["p", "square"], ["y"])], id="two products"),
    ],
)
def test_other_pairs_stay(nodes: list[Any], random: np.random.Generator) -> None:
    assert "Separable" not in ops(prepared(network(nodes, random)))


def test_what_somebody_else_reads_stays(random: np.random.Generator) -> None:
    proto = network([depthwise(), node("Conv", ["d", "point"], ["y"])], random, ("y", "d"))
    assert "Separable" not in ops(prepared(proto))
