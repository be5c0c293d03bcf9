"""Upsample and Resize as opsets before 11 had them, which ONNX's reference does not know: against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from hetero import Session

SCALES = np.array((1, 1, 2.0, 3.0), np.float32)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize(("op", "opset"), [("Upsample", 7), ("Upsample", 9), ("Resize", 10)])
def test_old_opsets(op: str, opset: int, mode: str, random: np.random.Generator) -> None:
    by_attribute = opset < 9
    node = helper.make_node(
        op, ["x"] if by_attribute else ["x", "s"], ["y"], mode=mode, **({"scales": SCALES} if by_attribute else {})
    )
    value = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 20, 4, 5))]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    constants = [] if by_attribute else [numpy_helper.from_array(SCALES, "s")]
    graph = helper.make_graph([node], "old", value, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=5)
    x = random.standard_normal((2, 20, 4, 5)).astype(np.float32)
    (want,) = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )
    with Session(model, "cpu", threads=1) as session:
        assert all(record.kernel != "reference" for record in session.profile())
        np.testing.assert_allclose(session(x)["y"], want, rtol=0, atol=1e-6)
