"""Passes: what they make of small networks, and that the numbers stay."""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.formats.onnx import load, resolve
from engine.graph import Graph, GraphError
from engine.passes import prepare
from engine.reference import truth
from hetero import Session
from tests.hetero.ways import WAYS
from tests.hetero.ways import session as session_of
from tests.models import model

node = helper.make_node


def prepared(proto: onnx.ModelProto, block: int = 16, **shapes: tuple[int, ...]) -> Graph:
    """The network after all passes."""
    loaded = load(proto)
    return prepare(loaded, resolve(loaded, shapes), block)


def ops(graph: Graph) -> dict[str, int]:
    """How often each operator is left."""
    return dict(Counter(n.op for n in graph.nodes))


def same(proto: onnx.ModelProto, frame: dict[str, Any], tolerance: float = 1e-5, device: str = "cpu") -> None:
    """The session's outputs are the reference's."""
    want = truth(proto, frame)
    with session_of(proto, device) as session:
        got = session(frame)
    for name, value in want.items():
        assert np.abs(got[name] - value).max() <= tolerance * max(1.0, np.abs(value).max())


def weights(random: np.random.Generator, k: int, c: int, size: int) -> np.ndarray[Any, Any]:
    return (random.standard_normal((k, c, size, size)) * 0.2).astype(np.float32)


def test_weights_are_not_held_once_for_all_that_went_into_them(random: np.random.Generator) -> None:
    """Sixteen factors behind a convolution: no more at once than its weights, two steps' and a step's in float64."""
    c = 64
    constants = {"w": weights(random, c, 512, 3)}
    constants |= {f"m{i}": random.uniform(0.5, 1.5, (c, 1, 1)).astype("f") for i in range(16)}
    scales = [node("Mul", [f"a{i}", f"m{i}"], [f"a{i + 1}"]) for i in range(16)]
    proto = model([node("Conv", ["x", "w"], ["a0"]), *scales], {"x": (1, 512, 4, 4)}, ["a16"], constants)
    loaded = load(proto)
    shapes = resolve(loaded, {})
    prepare(loaded, shapes, 16)
    tracemalloc.start()
    try:
        assert ops(prepare(loaded, shapes, 16)) == {"Reorder": 2, "Conv": 1}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 7 * constants["w"].nbytes


def test_normalization_scale_and_activation_go_into_the_convolution(random: np.random.Generator) -> None:
    """Conv, BatchNormalization, Mul, Add, Relu -> Conv."""
    c = 20
    constants = {"w": weights(random, c, 8, 3), "m": random.standard_normal((c, 1, 1)).astype("f")}
    constants |= {name: random.uniform(0.5, 1.5, c).astype("f") for name in ("s", "b", "mean", "var")}
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("BatchNormalization", ["a", "s", "b", "mean", "var"], ["n"]),
            node("Mul", ["n", "m"], ["p"]),
            node("Add", ["m", "p"], ["q"]),
            node("Relu", ["q"], ["y"]),
        ],
        {"x": (1, 8, 6, 6)}, ["y"], constants,
    )  # fmt: skip
    graph = prepared(proto)
    assert ops(graph) == {"Conv": 1, "Reorder": 2}
    same(proto, {"x": random.standard_normal((1, 8, 6, 6)).astype("f")})


@pytest.mark.parametrize("operator", ["Add", "Sum"])
def test_a_residual_goes_into_the_later_convolution(operator: str, random: np.random.Generator) -> None:
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("Relu", ["a"], ["r"]),
            node("Conv", ["r", "w"], ["b"], pads=[1, 1, 1, 1]),
            node(operator, ["b", "r"], ["s"]),
            node("Relu", ["s"], ["y"]),
        ],
        {"x": (2, 16, 7, 5)}, ["y"], {"w": weights(random, 16, 16, 3)},
    )  # fmt: skip
    graph = prepared(proto)
    assert ops(graph) == {"Conv": 2, "Reorder": 2}
    assert [len(n.inputs) for n in graph.nodes if n.op == "Conv"] == [2, 4]
    same(proto, {"x": random.standard_normal((2, 16, 7, 5)).astype("f")})


@pytest.mark.parametrize("device", WAYS)
@pytest.mark.parametrize("group", [1, 4])
def test_all_goes_into_a_transposed_convolution(group: int, device: str, random: np.random.Generator) -> None:
    """ConvTranspose, BatchNormalization, Add of a tensor, LeakyRelu -> ConvTranspose."""
    c = 24
    constants = {"w": weights(random, 8, c // group, 3), "u": weights(random, c, 8, 1)}
    constants |= {name: random.uniform(0.5, 1.5, c).astype("f") for name in ("s", "b", "mean", "var")}
    proto = model(
        [
            node("Conv", ["r", "u"], ["shortcut"]),
            node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2], group=group),
            node("BatchNormalization", ["a", "s", "b", "mean", "var"], ["n"]),
            node("Add", ["shortcut", "n"], ["q"]),
            node("LeakyRelu", ["q"], ["y"], alpha=0.1),
        ],
        {"x": (2, 8, 6, 5), "r": (2, 8, 13, 11)}, ["y"], constants,
    )  # fmt: skip
    assert ops(prepared(proto)) == {"Conv": 1, "ConvTranspose": 1, "Reorder": 3}
    shapes = {"x": (2, 8, 6, 5), "r": (2, 8, 13, 11)}
    same(proto, {name: random.standard_normal(shape).astype("f") for name, shape in shapes.items()}, device=device)


def test_a_residual_may_lie_within_a_concatenation(random: np.random.Generator) -> None:
    """Images of a part of a concatenation lie further apart than they are long."""
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            node("Conv", ["a", "w"], ["b"], pads=[1, 1, 1, 1]),
            node("Add", ["b", "a"], ["s"]),
            node("Concat", ["a", "s"], ["y"], axis=1),
        ],
        {"x": (2, 16, 5, 5)}, ["y"], {"w": weights(random, 16, 16, 3)},
    )  # fmt: skip
    same(proto, {"x": random.standard_normal((2, 16, 5, 5)).astype("f")})


def test_what_somebody_else_reads_is_not_fused(random: np.random.Generator) -> None:
    """The convolution's own result is an output too, so Relu stays behind it."""
    proto = model(
        [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])],
        {"x": (1, 8, 6, 6)}, ["a", "y"], {"w": weights(random, 8, 8, 1)},
    )  # fmt: skip
    assert ops(prepared(proto))["Relu"] == 1
    same(proto, {"x": random.standard_normal((1, 8, 6, 6)).astype("f")})


def test_nothing_is_scaled_after_an_activation(random: np.random.Generator) -> None:
    """Conv, Relu, Mul by -1: the factor must not slip in before the Relu."""
    proto = model(
        [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["r"]), node("Mul", ["r", "k"], ["y"])],
        {"x": (1, 8, 6, 6)}, ["y"], {"w": weights(random, 8, 8, 1), "k": np.full((1, 8, 1, 1), -1, "f")},
    )  # fmt: skip
    same(proto, {"x": random.standard_normal((1, 8, 6, 6)).astype("f")})


def test_shape_arithmetic_is_folded() -> None:
    """Shape, Gather, Unsqueeze, Concat, Reshape -> a Reshape."""
    proto = model(
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"], axis=0),
            node("Unsqueeze", ["n", "axis"], ["n1"]),
            node("Concat", ["n1", "rest"], ["shape"], axis=0),
            node("Reshape", ["x", "shape"], ["y"]),
        ],
        {"x": ("batch", 4, 3)}, ["y"],
        {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])},
    )  # fmt: skip
    assert ops(prepared(proto, x=(5, 4, 3))) == {"Reshape": 1}
    same(proto, {"x": np.arange(60, dtype="f").reshape(5, 4, 3)})


def test_a_reshaped_constant_needs_no_reference(monkeypatch: pytest.MonkeyPatch, random: np.random.Generator) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(sys.modules["engine.passes.infer"], "evaluator", unwanted)
    proto = model(
        [
            node("Reshape", ["w", "shape"], ["k"]),
            node("Unsqueeze", ["k", "axes"], ["u"]),
            node("Mul", ["x", "u"], ["y"]),
        ],
        {"x": (2, 3, 4)}, ["y"],
        {"w": random.standard_normal((3, 2, 2)).astype("f"), "shape": np.array([0, -1]), "axes": np.array([0])},
    )  # fmt: skip
    assert ops(prepared(proto)) == {"Mul": 1}
    same(proto, {"x": random.standard_normal((2, 3, 4)).astype("f")})


@pytest.mark.parametrize("device", WAYS)
@pytest.mark.parametrize(("channels", "groups"), [(24, 3), (112, 4), (20, 5)])
def test_a_shuffle_of_channels_is_one_operator(
    channels: int, groups: int, device: str, random: np.random.Generator
) -> None:
    """Reshape, Transpose, Reshape between convolutions -> Channels, and nothing is reordered."""
    parts = np.array([2, groups, channels // groups, 5, 3])
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"]),
            node("Reshape", ["a", "parts"], ["b"]),
            node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["c", "whole"], ["d"]),
            node("Conv", ["d", "v"], ["y"]),
        ],
        {"x": (2, 8, 5, 3)}, ["y"],
        {
            "w": weights(random, channels, 8, 1), "v": weights(random, 16, channels, 1),
            "parts": parts, "whole": np.array([2, channels, 5, 3]),
        },
    )  # fmt: skip
    assert ops(prepared(proto)) == {"Conv": 2, "Channels": 1, "Reorder": 2}
    same(proto, {"x": random.standard_normal((2, 8, 5, 3)).astype("f")}, device=device)


def test_dead_code_goes() -> None:
    proto = model([node("Neg", ["x"], ["dead"]), node("Relu", ["x"], ["y"])], {"x": (2, 3)}, ["y"])
    assert ops(prepared(proto)) == {"Relu": 1}


def test_blocked_neighbours_are_not_reordered(random: np.random.Generator) -> None:
    proto = model(
        [
            node("Conv", ["x", "w"], ["a"]),
            node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2]),
            node("Conv", ["a", "w2"], ["c"], strides=[1, 1]),
            node("Concat", ["b", "c"], ["y"], axis=1),
        ],
        {"x": (1, 3, 6, 6)}, ["y"], {"w": weights(random, 16, 3, 1), "w2": weights(random, 24, 16, 2)},
    )  # fmt: skip
    assert ops(prepared(proto)) == {"Conv": 2, "MaxPool": 1, "Concat": 1, "Reorder": 1}
    same(proto, {"x": random.standard_normal((1, 3, 6, 6)).astype("f")})


def test_outputs_that_are_constants_or_inputs() -> None:
    proto = model(
        [node("Neg", ["k"], ["y"]), node("Identity", ["x"], ["z"])],
        {"x": (2,)},
        ["y", "z"],
        {"k": np.ones(2, "f")},
    )
    same(proto, {"x": np.array([3, 4], "f")})


def test_an_operator_without_a_kernel_goes_to_the_reference(random: np.random.Generator) -> None:
    proto = model(
        [node("CumSum", ["x", "axis"], ["c"], name="sum"), node("Relu", ["c"], ["y"])],
        {"x": (3, 4)}, ["y"], {"axis": np.array(1)},
    )  # fmt: skip
    same(proto, {"x": random.standard_normal((3, 4)).astype("f")})
    with Session(proto, "cpu") as session:
        assert [(r.op, r.kernel) for r in session.profile()] == [("CumSum", "reference"), ("Relu", "numba")]


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (
            model(
                [node("Conv", ["x", "w"], ["y"], name="c")],
                {"x": (1, 3, 5, 5)}, ["y"], {"w": np.zeros((4, 2, 1, 1), "f")},
            ),
            "Conv node 'c'.*3 channels.*expect 2",
        ),
        (
            model([node("Reshape", ["x", "s"], ["y"], name="r")], {"x": (2, 3)}, ["y"], {"s": np.array([4, 2])}),
            "Reshape node 'r'.*6 elements.*8",
        ),
        (
            model([node("NonZero", ["x"], ["y"], name="n")], {"x": (2, 3)}, ["y"]),
            "NonZero node 'n' depends on the data",
        ),
        (
            model([helper.make_node("Magic", ["x"], ["y"], name="m", domain="org.example")], {"x": (2,)}, ["y"]),
            "Magic",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_named(proto: onnx.ModelProto, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        prepared(proto)


@pytest.mark.parametrize(("opset", "axis"), [(11, 1), (13, 1)])
def test_softmax_before_opset_13_takes_all_that_follows(opset: int, axis: int, random: np.random.Generator) -> None:
    graph = helper.make_graph(
        [node("Softmax", ["x"], ["y"], axis=axis)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 3, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    x = random.standard_normal((2, 3, 4)).astype("f")
    with Session(proto, "cpu") as session:
        total = session(x)["y"].sum(axis=(1, 2) if opset < 13 else 1)
    np.testing.assert_allclose(total, 1, rtol=1e-5)
