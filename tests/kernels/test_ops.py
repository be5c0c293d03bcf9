"""Every operator's cases on every device, against ONNX's reference: one description drives all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.reference import truth
from hetero import Session
from hetero.machine import devices
from kernels.op import Case
from kernels.ops import operators
from tests.models import of_case

CASES = [
    pytest.param(name, case, id=f"{name}-{i}")
    for name, op in sorted(operators().items())
    for i, case in enumerate(op.cases)
]
GPUS = [
    pytest.param(f"gpu:{i}", id=f"gpu{i}-{device.driver.split()[0]}")
    for i, device in enumerate(d for d in devices() if d.kind == "gpu")
]


def agree(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> None:
    """Same shape, and a difference of at most 1e-5 of the largest number."""
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    assert np.abs(got - want).max() <= 1e-5 * max(1.0, np.abs(want).max())


@pytest.mark.parametrize(("name", "case"), CASES)
@pytest.mark.parametrize("device", ["cpu", *GPUS])
def test_operator_agrees_with_the_reference(device: str, name: str, case: Case, random: np.random.Generator) -> None:
    if device != "cpu" and operators()[name].gpu is None:
        pytest.skip("no OpenCL kernel")
    proto, frame = of_case(name, case, random)
    with session_on(proto, device) as session:
        assert all(record.kernel != "reference" for record in session.profile())
        assert set(session.plan.placements[0].values()) <= {device.partition(":")[0]}
        found, wanted = session(frame), truth(proto, frame)
        assert found.keys() == wanted.keys()
        for output, want in wanted.items():
            agree(found[output], want)


def session_on(proto: Any, device: str) -> Session:
    """A session that runs all it can on one device."""
    return Session(proto, device, threads=1)


def test_every_operator_but_the_internal_ones_has_cases() -> None:
    """Upsample besides: no recent opset has it."""
    internal = {"Affine", "Chain", "Channels", "Reorder", "Separable"}
    assert {name for name, op in operators().items() if not op.cases} == internal | {"Upsample"}
