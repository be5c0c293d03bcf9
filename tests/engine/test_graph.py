"""The rules a graph must keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.formats.onnx import constant
from engine.graph import Graph, GraphError, Node, Tensor, check
from kernels.op import Spec


def small() -> Graph:
    """X -> Relu -> y -> Neg -> z."""
    spec = Spec((1, 4))
    nodes = (Node("Relu", "a", ("x",), ("y",)), Node("Neg", "b", ("y",), ("z",)))
    return Graph("small", ("x",), ("z",), nodes, {name: Tensor(name, spec) for name in "xyz"})


def test_a_sound_graph_passes() -> None:
    graph = small()
    assert check(graph) is graph


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((Node("Neg", "b", ("y",), ("z",)), Node("Relu", "a", ("x",), ("y",))), "'y' before it is made"),
        ((Node("Relu", "a", ("x",), ("y",)), Node("Neg", "a", ("y",), ("z",))), "'a' is not unique"),
        ((Node("Relu", "a", ("x",), ("z",)), Node("Neg", "b", ("x",), ("z",))), "'z' is made again"),
        ((Node("Relu", "a", ("x",), ("y",)),), "output 'z' is never made"),
        ((Node("Frobnicate", "a", ("x",), ("z",)),), "unknown operator 'Frobnicate'"),
        ((Node("Relu", "a", ("x",), ("x",)),), "'x' is made again"),
        ((Node("Relu", "a", ("x",), ("z", "w")),), "undeclared tensor 'w'"),
    ],
)
def test_a_broken_graph_is_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        check(replace(small(), nodes=nodes), "a pass")


def test_the_message_names_the_pass() -> None:
    with pytest.raises(GraphError, match=r"small.*after a pass"):
        check(replace(small(), nodes=()), "a pass")


def test_unused_tensors_are_dropped() -> None:
    graph = small()
    changed = graph.changed([Node("Neg", "b", ("x",), ("z",))], [Tensor("k", value=np.zeros(1))])
    assert set(changed.tensors) == {"x", "z"}


def test_without_weights_keeps_specs_and_constant_outputs() -> None:
    value = np.ones((2, 3), np.float32)
    tensors = {name: constant(name, value) for name in ("w", "answer")} | {"x": Tensor("x", Spec((2, 3)))}
    light = Graph("net", ("x",), ("answer",), (), tensors).without_weights()
    assert light.value("w") is None
    assert light.spec("w") == Spec((2, 3))
    assert light.value("answer") is value
