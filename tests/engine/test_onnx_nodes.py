"""ONNX's own tests of every operator: the right answer, or a refusal in one clear line; never a wrong one."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.formats.onnx import load
from hetero import Session
from tests.hetero.ways import GPU

RANDOM = ("bernoulli", "training_dropout")  # no two runs agree
# The reference itself runs subgraphs with inputs of their own wrongly when a node stands alone.
REFERENCE = ("test_scan_sum",)


@cache
def cases() -> dict[str, Any]:
    """ONNX's cases whose inputs and outputs are all tensors, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    tensors = [c for c in found if all(isinstance(v, np.ndarray) for group in c.data_sets[0] for v in group)]
    known = [c for c in tensors if not any(word in c.name for word in RANDOM) and c.name not in REFERENCE]
    return {case.name: case for case in known}


@pytest.mark.parametrize("device", ["cpu", *(["gpu"] if GPU else [])])
@pytest.mark.parametrize("group", "abcdefghijklmnopqrstuvwxyz")
@pytest.mark.filterwarnings("ignore")
def test_onnx_cases(group: str, device: str) -> None:
    wrong: dict[str, Any] = {}
    for name, case in cases().items():
        if not name.startswith(f"test_{group}"):
            continue
        inputs, outputs = case.data_sets[0]
        try:
            with Session(case.model, device, threads=1) as session:
                ports = [port.name for port in load(case.model).inputs]
                got = session(dict(zip(ports, inputs, strict=True)))
        except (ValueError, TypeError, NotImplementedError) as refusal:
            if not str(refusal):
                wrong[name] = ("a refusal that says nothing", type(refusal))
            continue
        for value, want in zip(got.values(), outputs, strict=True):
            if not alike(value, want, case):
                wrong[name] = (value.dtype, value.shape)
    assert wrong == {}


def alike(value: Any, want: Any, case: Any) -> bool:
    """Same shape, dtype and numbers."""
    if value.shape != want.shape or value.dtype != want.dtype:
        return False
    if value.dtype.kind not in "fiub":
        return bool((value == want).all())
    tolerance = {"rtol": max(1e-3, case.rtol), "atol": max(1e-5, case.atol or 0)}
    return bool(np.allclose(value.astype(float), want.astype(float), equal_nan=True, **tolerance))
