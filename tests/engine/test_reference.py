"""The reference is right where onnx.reference is not."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from engine.reference import truth
from hetero.bench import relative_error


def one_operator(op: str, inputs: list[str], opset: int, **attributes: object) -> onnx.ModelProto:
    value = [helper.make_tensor_value_info(name, 1, None) for name in inputs]
    node = helper.make_node(op, inputs, ["y"], **attributes)
    graph = helper.make_graph([node], op, value, [helper.make_tensor_value_info("y", 1, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def onnxruntime_says(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return {"y": session.run(None, feeds)[0]}


@pytest.mark.parametrize("size", [3, 5])
def test_lrn_looks_at_neighbouring_channels(size: int) -> None:
    model = one_operator("LRN", ["x"], 13, size=size, alpha=0.1, beta=0.75, bias=1.0)
    feeds = {"x": 10 * np.random.default_rng(0).standard_normal((1, 8, 5, 4), dtype=np.float32)}
    assert relative_error(truth(model, feeds), onnxruntime_says(model, feeds)) < 1e-5


@pytest.mark.parametrize("opset", [9, 13, 17])
def test_batch_normalisation_uses_the_statistics_it_was_given(opset: int) -> None:
    model = one_operator("BatchNormalization", list("xsbmv"), opset, epsilon=1e-3)
    random = np.random.default_rng(0)
    feeds = {name: random.uniform(0.5, 1.5, 4).astype(np.float32) for name in "sbmv"}
    feeds["x"] = random.standard_normal((2, 4, 3, 3), dtype=np.float32)
    assert relative_error(truth(model, feeds), onnxruntime_says(model, feeds)) < 1e-5


@pytest.mark.parametrize("given", [{"group": 2}, {"output_shape": [9, 10]}, {"output_shape": [9, 9], "group": 4}])
def test_transposed_convolution_of_groups_or_of_a_given_size(given: dict[str, object]) -> None:
    model = one_operator("ConvTranspose", list("xwb"), 13, strides=[2, 2], **given)
    random, group = np.random.default_rng(0), int(str(given.get("group", 1)))
    shapes = {"x": (2, 8, 4, 5), "w": (8, 12 // group, 3, 3), "b": (12,)}
    feeds = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
    assert relative_error(truth(model, feeds), onnxruntime_says(model, feeds)) < 1e-5
