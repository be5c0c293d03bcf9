"""Fused tails and chains: the blocks of real networks become few nodes, keep their layout, and keep their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest

from engine.graph import Graph
from tests.engine.test_passes import node, ops, prepared, same
from tests.hetero.ways import WAYS
from tests.models import model

Array = np.ndarray[Any, Any]
pytestmark = pytest.mark.parametrize("device", WAYS)


class Net:
    """Nodes of a small network, one a call; every call gives its output's name."""

    def __init__(self, random: np.random.Generator, channels: int, side: int = 7) -> None:
        self.random = random
        self.shape = (2, channels, side, side)
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}

    def add(self, op: str, *inputs: str | Array | float, **attributes: Any) -> str:
        """A node; arrays and numbers among its inputs are constants."""
        names = []
        for value in inputs:
            if isinstance(value, str):
                names.append(value)
            else:
                names.append(f"k{len(self.constants)}")
                self.constants[names[-1]] = np.asarray(value, None if isinstance(value, np.ndarray) else "f")
        output = f"t{len(self.nodes)}"
        self.nodes.append(node(op, names, [output], name=f"{op}{len(self.nodes)}", **attributes))
        return output

    def conv(self, x: str, inputs: int, outputs: int, size: int = 1, **attributes: Any) -> str:
        """A convolution with a bias."""
        group = attributes.get("group", 1)
        weights = self.random.standard_normal((outputs, inputs // group, size, size)) / np.sqrt(inputs * size**2)
        bias = self.random.standard_normal(outputs) * 0.3
        pads = [size // 2] * 4
        return self.add("Conv", x, weights.astype("f"), bias.astype("f"), pads=pads, **attributes)

    def draw(self, *shape: int) -> Array:
        """Random numbers between 0.1 and 0.9."""
        return self.random.uniform(0.1, 0.9, shape).astype("f")

    def proto(self, output: str, opset: int = 24) -> onnx.ModelProto:
        """The network."""
        return model(self.nodes, {"x": self.shape}, [output], self.constants, opset)

    def check(self, output: str, left: Mapping[str, int], device: str, opset: int = 24) -> Graph:
        """The nodes left after all passes, and the same numbers as the reference."""
        proto = self.proto(output, opset)
        graph = prepared(proto)
        assert ops(graph) == left
        same(proto, {"x": self.random.standard_normal(self.shape).astype("f")}, device=device)
        return graph


def functions(graph: Graph) -> list[list[str]]:
    """The functions of every chain, in order."""
    return [[link.function for link in n.attributes["chain"]] for n in graph.nodes if "chain" in n.attributes]


def squeeze(net: Net, x: str, channels: int, gate: Sequence[tuple[str, dict[str, Any]]], op: str = "Relu") -> str:
    """Squeeze and excitation of x, one of two ways to write the mean."""
    if op == "Relu":
        s = net.add("GlobalAveragePool", x)
        s = net.add("Relu", net.conv(s, channels, 8))
    else:
        s = net.add("ReduceMean", x, np.array([2, 3]), keepdims=1)
        s = net.conv(s, channels, 8)
        s = net.add("Mul", s, net.add("Sigmoid", s))
    s = net.conv(s, 8, channels)
    for name, attributes in gate:
        s = net.add(name, s, **attributes)
    return net.add("Mul", x, s)


@pytest.mark.parametrize("channels", [32, 40])
def test_mobilenet_v3(device: str, channels: int, random: np.random.Generator) -> None:
    """1x1 and depthwise convolutions with HardSwish, squeeze and excitation, a projection and its shortcut."""
    net = Net(random, 16)
    y = net.add("HardSwish", net.conv("x", 16, channels))
    y = net.add("HardSwish", net.conv(y, channels, channels, 5, group=channels))
    y = squeeze(net, y, channels, [("HardSigmoid", {"alpha": 1 / 6})])
    y = net.add("Add", "x", net.conv(y, channels, 16))
    graph = net.check(y, {"Conv": 5, "GlobalAveragePool": 1, "Mul": 1, "Reorder": 2}, device)
    assert functions(graph) == [["HardSwish"], ["HardSwish"], ["HardSigmoid"]]


@pytest.mark.parametrize("channels", [32, 40])
def test_efficient_net(device: str, channels: int, random: np.random.Generator) -> None:
    """SiLU as x * Sigmoid(x), the mean as ReduceMean."""
    net = Net(random, 16)
    y = net.conv("x", 16, channels)
    y = net.add("Mul", y, net.add("Sigmoid", y))
    y = net.conv(y, channels, channels, 3, group=channels)
    y = net.add("Mul", net.add("Sigmoid", y), y)
    y = squeeze(net, y, channels, [("Sigmoid", {})], "Silu")
    y = net.add("Add", net.conv(y, channels, 16), "x")
    graph = net.check(y, {"Conv": 5, "GlobalAveragePool": 1, "Mul": 1, "Reorder": 2}, device)
    assert functions(graph) == [["Keep", "Sigmoid", "Mul"]] * 3 + [["Sigmoid"]]


def test_yolo_bottleneck(device: str, random: np.random.Generator) -> None:
    """3x3 convolutions with SiLU and a shortcut behind the second one's: the residual comes after the activation."""
    net = Net(random, 32, 14)
    first = net.add("Swish", net.conv("x", 32, 32))
    y = net.add("Swish", net.conv(first, 32, 32, 3))
    y = net.add("Swish", net.conv(y, 32, 32, 3))
    y = net.add("Add", first, y)
    graph = net.check(y, {"Conv": 3, "Reorder": 2}, device)
    assert functions(graph) == [["Swish"], ["Swish"], ["Swish", "Add"]]


def test_residuals_go_before_clamps(device: str, random: np.random.Generator) -> None:
    """Convolution, normalisation, addition, Relu: all in the convolution, and no chain."""
    net = Net(random, 16)
    y = net.add("BatchNormalization", net.conv("x", 16, 16, 3), *(net.draw(16) for _ in range(4)))
    y = net.add("Relu", net.add("Add", y, "x"))
    graph = net.check(y, {"Conv": 1, "Reorder": 2}, device)
    assert functions(graph) == []


def test_face_network(device: str, random: np.random.Generator) -> None:
    """PRelu with a slope a channel behind direct, strided and depthwise convolutions and behind a matrix product."""
    net = Net(random, 3, 15)
    y = net.add("PRelu", net.conv("x", 3, 20, 3, strides=[2, 2]), net.draw(20, 1, 1))
    y = net.add("PRelu", net.conv(y, 20, 20, 3, group=20), net.draw(20, 1, 1))
    shortcut = y
    y = net.add("Add", net.conv(y, 20, 20, 1), shortcut)
    y = net.add("PRelu", y, net.draw(1, 20, 1, 1))
    y = net.add("Flatten", y)
    weights = (random.standard_normal((8 * 8 * 20, 37)) * 0.05).astype("f")
    y = net.add("PRelu", net.add("Gemm", y, weights, net.draw(37)), net.draw(37))
    net.check(y, {"Conv": 3, "Flatten": 1, "Gemm": 1, "Reorder": 1}, device)


def test_large_convolutions_by_winograd(device: str, random: np.random.Generator) -> None:
    net = Net(random, 48, 27)
    y = net.add("PRelu", net.conv("x", 48, 56, 3), net.draw(56, 1, 1))
    y = net.add("Mish", net.conv(y, 56, 64, 3))
    y = net.add("Add", net.add("Gelu", net.conv(y, 64, 48, 3)), "x")
    net.shape = (1, *net.shape[1:])
    proto = net.proto(y)
    assert ops(prepared(proto)) == {"Conv": 3, "Reorder": 2}
    same(proto, {"x": random.standard_normal(net.shape).astype("f")}, 1e-4, device)


@pytest.mark.parametrize("shape", [(7, 24), (2, 5, 24), (2, 3, 4, 24)])
def test_columns_behind_matrix_products(device: str, shape: tuple[int, ...], random: np.random.Generator) -> None:
    """A bias on either side, a scale without a bias, a Gelu, a scale of stacks: all in the products, of any rank."""
    net = Net(random, 1)
    net.shape = shape  # type: ignore[assignment]
    y = net.add("Mul", net.draw(40), net.add("MatMul", "x", net.draw(24, 40)))
    y = net.add("Gelu", net.add("Add", net.draw(33), net.add("MatMul", y, net.draw(40, 33))))
    y = net.add("Add", net.add("MatMul", y, net.draw(33, 19)), net.draw(19))
    y = net.add("Mul", y, net.draw(*(1,) * (len(shape) - 1), 19))
    y = net.add("Relu", net.add("Sub", net.add("MatMul", y, net.draw(19, 19)), net.draw(19)))
    graph = net.check(y, {"MatMul": 4}, device)
    assert functions(graph) == [["Mul"], ["Keep", "Mul", "Erf", "Add", "Mul", "Mul"], ["Mul"], ["Sub", "Relu"]]


def test_a_column_a_row_is_no_column(device: str, random: np.random.Generator) -> None:
    """Where rows are as many as columns: one number a row, and a number each, are no operands of a product's chain."""
    net = Net(random, 1)
    net.shape = (2, 19, 24)  # type: ignore[assignment]
    y = net.add("Add", net.add("MatMul", "x", net.draw(24, 19)), net.draw(19, 1))
    y = net.add("Mul", net.add("MatMul", y, net.draw(19, 19)), net.draw(19, 19))
    net.check(y, {"MatMul": 2, "Add": 1, "Mul": 1}, device)


ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("Sigmoid", {}), ("Tanh", {}), ("Elu", {"alpha": 0.7}), ("HardSigmoid", {}), ("Softplus", {}), ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}), ("Mish", {}), ("Swish", {"alpha": 1.2}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes"), ACTIVATIONS, ids=lambda v: str(v))
def test_every_carrier_takes_every_activation(
    device: str, op: str, attributes: dict[str, Any], random: np.random.Generator
) -> None:
    """Convolution, normalisation (after a pool, so that it stays) and matrix product."""
    net = Net(random, 20)
    y = net.add(op, net.conv("x", 20, 24, 3), **attributes)
    y = net.add("MaxPool", y, kernel_shape=[2, 2])
    y = net.add("BatchNormalization", y, *(net.draw(24) for _ in range(4)))
    y = net.add(op, y, **attributes)
    y = net.add("Flatten", net.add("GlobalMaxPool", y))
    y = net.add(op, net.add("MatMul", y, net.draw(24, 19)), **attributes)
    left = {"Conv": 1, "MaxPool": 1, "Affine": 1, "GlobalMaxPool": 1, "Flatten": 1, "MatMul": 1, "Reorder": 2}
    net.check(y, left, device)


def test_activations_written_out(device: str, random: np.random.Generator) -> None:
    """HardSwish by Clip, Gelu by Erf and Mish by Tanh and Softplus are chains of the convolution before them."""
    net = Net(random, 16)
    y = net.conv("x", 16, 24)
    y = net.add("Div", net.add("Mul", y, net.add("Clip", net.add("Add", y, 3.0), 0.0, 6.0)), 6.0)
    y = net.conv(y, 24, 24)
    half = net.add("Mul", y, net.add("Add", net.add("Erf", net.add("Div", y, 2**0.5)), 1.0))
    y = net.conv(net.add("Mul", half, 0.5), 24, 24)
    y = net.add("Mul", y, net.add("Tanh", net.add("Softplus", y)))
    net.check(y, {"Conv": 3, "Reorder": 2}, device)


def test_a_run_of_elementwise_operators_is_one_chain(device: str, random: np.random.Generator) -> None:
    """Between pools: operands of the image's shape, a channel's constants, numbers, and a gate of an image."""
    net = Net(random, 20)
    a = net.add("MaxPool", "x", kernel_shape=[2, 2])
    b = net.add("AveragePool", "x", kernel_shape=[2, 2])
    gate = net.add("GlobalMaxPool", "x")
    y = net.add("Sub", net.draw(20, 1, 1), net.add("Abs", a))
    y = net.add("Max", net.add("Mul", y, gate), b)
    y = net.add("Div", net.add("Tanh", net.add("Add", y, 0.25)), net.draw(1, 20, 1, 1))
    y = net.add("MaxPool", net.add("Mul", y, net.draw(2, 20, 6, 6)), kernel_shape=[2, 2])
    left = {"MaxPool": 2, "AveragePool": 1, "GlobalMaxPool": 1, "Chain": 1, "Reorder": 2}
    graph = net.check(y, left, device)
    assert functions(graph) == [["Abs", "Sub", "Mul", "Max", "Add", "Tanh", "Div", "Mul"]]


@pytest.mark.parametrize("shape", [(3, 1000), (2, 5, 3000), (2, 3, 5, 7)])
def test_chains_of_plain_tensors(device: str, shape: tuple[int, ...], random: np.random.Generator) -> None:
    """Of any rank, with functions that blocked images do not allow, and x used again."""
    net = Net(random, 1)
    net.shape = shape  # type: ignore[assignment]
    y = net.add("Log", net.add("Add", net.add("Exp", "x"), 1.0))
    y = net.add("Mul", y, net.draw(1, shape[1], *(1,) * (len(shape) - 2)))
    y = net.add("Sub", "x", y)
    y = net.add("Add", net.draw(1, *shape[1:]), net.add("Mul", y, y))
    net.check(y, {"Chain": 1}, device)


def test_what_broadcasts_otherwise_stays_apart(device: str, random: np.random.Generator) -> None:
    """A row or a column of numbers is no operand of a chain, and a smaller value does not begin one."""
    net = Net(random, 20)
    y = net.add("Mul", net.add("Relu", "x"), net.draw(7))
    small = net.add("Neg", net.add("Abs", net.add("ReduceMean", y, np.array([2, 3]), keepdims=1)))
    y = net.add("Add", net.add("Sigmoid", small), net.add("Tanh", y))
    graph = net.check(y, {"Relu": 1, "Mul": 1, "GlobalAveragePool": 1, "Chain": 2, "Reorder": 2}, device)
    assert functions(graph) == [["Abs", "Neg", "Sigmoid"], ["Tanh", "Add"]]


def test_what_others_read_stays(device: str, random: np.random.Generator) -> None:
    """X * Sigmoid(x) where the sigmoid is an output too; and a product with itself, which reads a tensor twice."""
    net = Net(random, 16)
    y = net.conv("x", 16, 16)
    square = net.conv(net.add("Mul", y, y), 16, 16)
    gate = net.add("Sigmoid", square)
    z = net.add("Mul", square, gate)
    proto = model(net.nodes, {"x": net.shape}, [z, gate], net.constants, 24)
    assert ops(prepared(proto))["Sigmoid"] == 1
    same(proto, {"x": random.standard_normal(net.shape).astype("f")}, device=device)


def test_order_of_clamp_and_chain(device: str, random: np.random.Generator) -> None:
    """Nothing overtakes what was fused before it: an addition, a clamp and a scale behind a sigmoid."""
    net = Net(random, 16)
    y = net.add("Sigmoid", net.conv("x", 16, 16))
    y = net.add("Clip", net.add("Mul", net.add("Add", y, "x"), net.draw(16, 1, 1)), 0.2, 0.4)
    y = net.add("LeakyRelu", net.add("Sub", y, 0.3), alpha=0.5)
    graph = net.check(y, {"Conv": 1, "Reorder": 2}, device)
    assert functions(graph) == [["Sigmoid", "Add", "Mul", "Clip", "Sub", "LeakyRelu"]]


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("keep", [0, 1])
def test_means_of_images_are_pooled(device: str, keep: int, opset: int, random: np.random.Generator) -> None:
    net = Net(random, 20)
    axes = {"axes": [-1, -2]} if opset < 18 else {}
    given = [] if opset < 18 else [np.array([2, -1])]
    y = net.add("ReduceMean", net.conv("x", 20, 24), *given, keepdims=keep, **axes)
    y = net.add("Relu", y)
    left = {"Conv": 1, "GlobalAveragePool": 1, "Relu": 1, "Reorder": 2} | ({} if keep else {"Reshape": 1})
    net.check(y, left, device, opset)


def test_a_gate_from_a_matrix_product(device: str, random: np.random.Generator) -> None:
    """Squeeze and excitation with fully connected layers: only single pixels change their layout."""
    net = Net(random, 32)
    y = net.conv("x", 32, 32, 3)
    s = net.add("Flatten", net.add("GlobalAveragePool", y))
    s = net.add("Sigmoid", net.add("Gemm", s, net.draw(32, 32), net.draw(32)))
    s = net.add("Reshape", s, np.array([2, 32, 1, 1]))
    y = net.conv(net.add("Mul", y, s), 32, 16)
    graph = net.check(
        y, {"Conv": 2, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1, "Reshape": 1, "Mul": 1, "Reorder": 4}, device
    )
    small = [graph.spec(n.outputs[0]).shape[2:] for n in graph.nodes if n.op == "Reorder"]
    assert sorted(small) == [(1, 1), (1, 1), (7, 7), (7, 7)]
