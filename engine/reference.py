"""The slow truth: ONNX's own reference, with what releases up to 1.23 get wrong put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@cache
def corrections() -> tuple[type, ...]:
    """Operators to give to a ReferenceEvaluator.

    Its LRN walks the batch instead of the channels (onnx#7805), its BatchNormalization of opsets 9 to 13
    takes every use for training (onnx#8442), and its ConvTranspose slices the weights of groups by outputs
    instead of inputs and finds no pads for a given output_shape.
    """
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops import op_conv_transpose

    class LRN(OpRun):
        op_domain = ""

        def _run(self, x: Any, alpha: float, beta: float, bias: float, size: int) -> tuple[Any]:
            before, channels = (size - 1) // 2, x.shape[1]
            squares = np.zeros((x.shape[0], channels + size - 1, *x.shape[2:]), x.dtype)
            squares[:, before : before + channels] = np.square(x)
            total = sum(squares[:, i : i + channels] for i in range(size))
            return ((x / (bias + alpha / size * total) ** beta).astype(x.dtype),)

    class BatchNormalization(OpRun):
        op_domain = ""

        def _run(self, x: Any, scale: Any, bias: Any, mean: Any, var: Any, epsilon: float, **_: Any) -> tuple[Any]:
            scale, bias, mean, var = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (scale, bias, mean, var))
            return ((scale * (x - mean) / np.sqrt(var + epsilon) + bias).astype(x.dtype),)

    ungrouped: Any = op_conv_transpose.ConvTranspose._run

    class ConvTranspose(OpRun):
        op_domain = ""

        def _run(self, x: Any, w: Any, b: Any = None, group: int = 1, output_shape: Any = None, **given: Any) -> Any:
            if output_shape is not None and given.get("auto_pad") != "SAME_UPPER":
                given |= {"auto_pad": "SAME_LOWER", "pads": None}
            parts = [
                ungrouped(self, part, weights, group=1, output_shape=output_shape, **given)[0]
                for part, weights in zip(np.split(x, group, 1), np.split(w, group), strict=True)
            ]
            whole = np.concatenate(parts, 1)
            return (whole if b is None else whole + b.reshape(-1, *[1] * (x.ndim - 2)),)

    return LRN, BatchNormalization, ConvTranspose


def truth(model: Any, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Every output of an onnx.ModelProto by name, computed slowly and plainly."""
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(model, new_ops=list(corrections()))
    return dict(zip(session.output_names, session.run(None, dict(feeds)), strict=True))


def evaluator(proto: Any, opset: int) -> Callable[[Sequence[Array | None]], list[Array]]:
    """A function from one node's inputs to its outputs.

    Raises NotImplementedError where onnx.reference does not know the operator.
    """
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None)

    inputs = [value(name) for name in dict.fromkeys(proto.input) if name]
    outputs = [value(name) for name in proto.output if name]
    graph = helper.make_graph([proto], proto.op_type, inputs, outputs)
    # The corrections give one output; who asks for more wants what training makes besides.
    corrected = list(corrections()) if len(outputs) == 1 else []
    trouble: Exception | None = None
    # Where the reference lacks an old version of an operator, a later one serves: they only added to it.
    for version in range(opset, max(opset, onnx.defs.onnx_opset_version()) + 1):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(proto.domain, version)])
        try:
            session = ReferenceEvaluator(model, new_ops=corrected)
            break
        except Exception as error:  # it raises whatever comes
            trouble = trouble or error
    else:
        raise NotImplementedError(
            f"operator {proto.domain or 'ai.onnx'}.{proto.op_type} (opset {opset}) of node {proto.name!r} has no "
            f"kernel, and onnx.reference does not know it either: {trouble}"
        )

    def run(values: Sequence[Array | None]) -> list[Array]:
        feed = {name: value for name, value in zip(proto.input, values, strict=True) if name}
        return [np.asarray(value) for value in session.run(None, feed)]

    return run
