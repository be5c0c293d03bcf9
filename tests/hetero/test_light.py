"""The nine light networks that ship with onnx: stored outputs, and agreement with onnxruntime on seeded weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test
import pytest
from onnx import helper, numpy_helper

from experiments.cpu_peers.networks import weighted
from tests.hetero.ways import WAYS, session

LIGHT = Path(onnx.backend.test.__file__).parent / "data" / "light"
NAMES = sorted(path.stem for path in LIGHT.glob("*.onnx"))


@cache
def expected(name: str) -> Any:
    """A frame, and what onnxruntime makes of it with the seeded weights, before the softmax.

    With random weights the softmax would be one class alone, and hide every difference.
    """
    import onnxruntime

    proto = onnx.ModelProto()
    proto.CopyFrom(weighted(name.removeprefix("light_")))
    last = proto.graph.node[-1]
    if last.op_type == "Softmax":
        del proto.graph.node[-1]
        del proto.graph.output[:]
        proto.graph.output.append(helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    (port,) = [i for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer}]
    shape = [d.dim_value for d in port.type.tensor_type.shape.dim]
    frame = {port.name: np.random.default_rng(1).standard_normal(shape).astype(np.float32)}
    engine = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return proto, frame, engine.run(None, frame)[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_stored_output(name: str, way: str) -> None:
    """The output stored beside the model, for the input 0, 1/n, 2/n ... that it was stored for."""
    proto = onnx.load(LIGHT / f"{name}.onnx")
    stored = onnx.TensorProto.FromString((LIGHT / f"{name}_output_0.pb").read_bytes())
    with session(proto, way) as running:
        (port,) = running.inputs
        size = int(np.prod(port.shape))
        frame = (np.arange(size).reshape(port.shape) / size).astype(np.float32)
        (got,) = running(frame).values()
    np.testing.assert_allclose(got, numpy_helper.to_array(stored), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_seeded_weights_agree_with_onnxruntime(name: str, way: str) -> None:
    proto, frame, want = expected(name)
    with session(proto, way) as running:
        (got,) = running(frame).values()
        if way == "both":
            assert set(running.plan.placements[0].values()) == {"cpu", "gpu"}
    assert want.std() > 0
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
