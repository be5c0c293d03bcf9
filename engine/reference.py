"""The slow truth: one ONNX node run by onnx.reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def evaluator(proto: Any, opset: int) -> Callable[[Sequence[Array | None]], list[Array]]:
    """A function from the node's inputs to its outputs.

    Raises NotImplementedError where onnx.reference does not know the operator.
    """
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = [helper.make_tensor_value_info(n, onnx.TensorProto.UNDEFINED, None) for n in dict.fromkeys(proto.input) if n]
    outputs = [helper.make_tensor_value_info(n, onnx.TensorProto.UNDEFINED, None) for n in proto.output if n]
    graph = helper.make_graph([proto], proto.op_type, inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(proto.domain, opset)])
    try:
        session = ReferenceEvaluator(model)
    except Exception as error:
        raise NotImplementedError(
            f"operator {proto.domain or 'ai.onnx'}.{proto.op_type} (opset {opset}) of node {proto.name!r} has no kernel, "
            f"and onnx.reference does not know it either: {error}"
        ) from error

    def run(values: Sequence[Array | None]) -> list[Array]:
        feed = {name: value for name, value in zip(proto.input, values, strict=True) if name}
        return [np.asarray(value) for value in session.run(None, feed)]

    return run
