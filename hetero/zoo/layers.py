"""Layers: writes a network as ONNX nodes with seeded random weights, one layer a call."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True)
class Value:
    """What a layer gives: the name of its tensor and how many channels it has."""

    name: str
    channels: int


class Layers:
    """One network in the making.

    Weights are drawn as He and others proposed (2015), from a normal distribution of variance
    2 / fan-in, and every filter is then shifted to a mean of zero: without that, what all frames
    have in common drowns their differences after a few layers, and an untrained network answers the
    same to everything.
    """

    def __init__(self, name: str, seed: int, input_shape: tuple[int, int, int, int]) -> None:
        self.name = name
        self.input_shape = input_shape
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    @property
    def input(self) -> Value:
        """The frame."""
        return Value("data", self.input_shape[1])

    def conv(
        self,
        x: Value,
        name: str,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        bias: bool = True,
        scale: float = 1.0,
    ) -> Value:
        """A convolution; `scale` multiplies its weights."""
        inputs = [x.name, self._draw(f"{name}_w", (channels, x.channels // groups, kernel, kernel), scale)]
        if bias:
            inputs.append(self._keep(f"{name}_b", np.zeros(channels, np.float32)))
        return self._add(
            "Conv", name, inputs, channels,
            kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4, group=groups,
        )  # fmt: skip

    def relu(self, x: Value) -> Value:
        """max(x, 0)."""
        return self._add("Relu", f"{x.name}_relu", [x.name], x.channels)

    def relu6(self, x: Value) -> Value:
        """min(max(x, 0), 6)."""
        low = self._keep_once("zero", np.float32(0))
        high = self._keep_once("six", np.float32(6))
        return self._add("Clip", f"{x.name}_relu6", [x.name, low, high], x.channels)

    def batch_norm(self, x: Value, *, scale: float = 1.0) -> Value:
        """Batch normalisation with statistics near those of a network at rest."""
        n, draw = x.channels, self._random.uniform
        name = f"{x.name}_bn"
        inputs = [
            x.name,
            self._keep(f"{name}_scale", (scale * draw(0.9, 1.1, n)).astype(np.float32)),
            self._keep(f"{name}_bias", draw(-0.1, 0.1, n).astype(np.float32)),
            self._keep(f"{name}_mean", draw(-0.1, 0.1, n).astype(np.float32)),
            self._keep(f"{name}_var", draw(0.9, 1.1, n).astype(np.float32)),
        ]
        return self._add("BatchNormalization", name, inputs, n, epsilon=1e-5)

    def max_pool(self, x: Value, name: str, kernel: int, stride: int, pads: tuple[int, int, int, int]) -> Value:
        """The largest of each window; pads as ONNX orders them: top, left, bottom, right."""
        return self._add(
            "MaxPool", name, [x.name], x.channels,
            kernel_shape=[kernel, kernel], strides=[stride, stride], pads=list(pads),
        )  # fmt: skip

    def average_pool(self, x: Value, name: str, kernel: int, stride: int) -> Value:
        """The mean of each window."""
        sizes = {"kernel_shape": [kernel, kernel], "strides": [stride, stride]}
        return self._add("AveragePool", name, [x.name], x.channels, **sizes)

    def global_average_pool(self, x: Value, name: str) -> Value:
        """The mean of each channel."""
        return self._add("GlobalAveragePool", name, [x.name], x.channels)

    def local_response_norm(self, x: Value, name: str) -> Value:
        """Normalisation over five neighbouring channels, with Krizhevsky's constants."""
        return self._add("LRN", name, [x.name], x.channels, size=5, alpha=1e-4, beta=0.75, bias=1.0)

    def concat(self, values: list[Value], name: str) -> Value:
        """Channels one after another."""
        return self._add("Concat", name, [v.name for v in values], sum(v.channels for v in values), axis=1)

    def halves(self, x: Value, name: str) -> tuple[Value, Value]:
        """The first half of the channels, and the second."""
        half = x.channels // 2
        sizes = self._keep(f"{name}_sizes", np.array([half, half], np.int64))
        parts = [f"{name}_first", f"{name}_second"]
        self._nodes.append(helper.make_node("Split", [x.name, sizes], parts, name=name, axis=1))
        return Value(parts[0], half), Value(parts[1], half)

    def shuffle(self, x: Value, name: str, groups: int, size: int) -> Value:
        """Channels dealt anew, one of each group in turn, as exporters write it; the image is `size` x `size`."""
        dealt = self._keep(f"{name}_dealt", np.array([0, groups, x.channels // groups, size, size], np.int64))
        joined = self._keep(f"{name}_joined", np.array([0, x.channels, size, size], np.int64))
        y = self._add("Reshape", f"{name}_groups", [x.name, dealt], x.channels)
        y = self._add("Transpose", f"{name}_turns", [y.name], x.channels, perm=[0, 2, 1, 3, 4])
        return self._add("Reshape", name, [y.name, joined], x.channels)

    def depth_to_space(self, x: Value, name: str, factor: int) -> Value:
        """Channels laid out as pixels, `factor` x `factor` of them."""
        pixels = factor * factor
        return self._add("DepthToSpace", name, [x.name], x.channels // pixels, blocksize=factor, mode="CRD")

    def add(self, x: Value, y: Value, name: str) -> Value:
        """Element by element."""
        return self._add("Add", name, [x.name, y.name], x.channels)

    def dropout(self, x: Value, name: str) -> Value:
        """Kept for the form of the network: outside training it passes its input on."""
        return self._add("Dropout", name, [x.name], x.channels)

    def dense(self, x: Value, name: str, classes: int, scale: float) -> Value:
        """Flattened, then a matrix product; `scale` multiplies its weights."""
        flat = self._add("Flatten", f"{name}_flatten", [x.name], x.channels, axis=1)
        inputs = [
            flat.name,
            self._draw(f"{name}_w", (classes, x.channels), scale),
            self._keep(f"{name}_b", np.zeros(classes, np.float32)),
        ]
        return self._add("Gemm", name, inputs, classes, transB=1)

    def softmax(self, x: Value) -> Value:
        """Probabilities over the channels."""
        return self._add("Softmax", "prob", [x.name], x.channels, axis=1)

    def model(self, output: Value, output_shape: tuple[int, ...]) -> onnx.ModelProto:
        """The network, ending at a value."""
        inputs = [helper.make_tensor_value_info(self.input.name, TensorProto.FLOAT, self.input_shape)]
        outputs = [helper.make_tensor_value_info(output.name, TensorProto.FLOAT, output_shape)]
        graph = helper.make_graph(self._nodes, self.name, inputs, outputs, self._weights)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="hetero.zoo",
        )

    def _add(self, op: str, name: str, inputs: list[str], channels: int, **attributes: Any) -> Value:
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return Value(name, channels)

    def _draw(self, name: str, shape: tuple[int, ...], scale: float) -> str:
        weights = self._random.standard_normal(shape, dtype=np.float32)
        fan_in = prod(shape[1:])
        if fan_in > 1:
            weights -= weights.mean(axis=tuple(range(1, len(shape))), keepdims=True)
        weights *= np.float32(scale * sqrt(2 / fan_in))
        return self._keep(name, weights)

    def _keep(self, name: str, array: NDArray[Any] | np.float32) -> str:
        self._weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def _keep_once(self, name: str, array: NDArray[np.float32] | np.float32) -> str:
        return name if any(w.name == name for w in self._weights) else self._keep(name, array)
