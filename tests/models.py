"""Small ONNX models for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kernels.op import Case

OPSET = 24
Array = np.ndarray[Any, Any]


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    constants: Mapping[str, Array] | None = None,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """A model of float32 inputs; outputs' shapes are left to be inferred."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = min(made.ir_version, 10)
    return made


def of_case(op: str, case: Case, random: np.random.Generator) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The one-node model of an operator's case, and a frame for it."""
    names = [f"x{i}" if shape is not None else "" for i, shape in enumerate(case.shapes)]
    values: dict[str, Array] = {}
    for i, (name, shape) in enumerate(zip(names, case.shapes, strict=True)):
        if shape is not None:
            drawn = random.uniform(case.low, case.high, shape).astype(np.float32)
            values[name] = np.asarray(case.given.get(i, drawn))
    constants = {names[i]: values.pop(names[i]) for i in case.constant}
    outputs = ["y", *(f"y{i}" for i in range(1, case.outputs))]
    node = helper.make_node(op, names, outputs, name="node", **case.attributes)
    return model([node], {name: value.shape for name, value in values.items()}, outputs, constants), values
