"""Model files: read once, and again when their weights were let go."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from engine.formats.onnx import graph, load
from tests.models import model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    nodes = [helper.make_node("Add", ["x", "w"], ["y"], name="add")]
    proto = model(nodes, {"x": (2, 3)}, ["y"], {"w": np.ones((2, 3), np.float32)})
    onnx.save(proto, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_a_file_is_held_until_its_weights_were_asked_for(path: Path) -> None:
    loaded = load(path)
    first = loaded.read()
    assert loaded.read() is not first
    assert loaded.read() == first
    np.testing.assert_array_equal(graph(loaded, {"x": (2, 3)}).value("w"), np.ones((2, 3), np.float32))


def test_a_file_that_changed_is_refused(path: Path) -> None:
    loaded = load(path)
    loaded.read()
    os.utime(path, ns=(0, 0))
    with pytest.raises(ValueError, match=r"net\.onnx has changed since it was loaded"):
        loaded.read()


def test_a_proto_stays_the_callers(path: Path) -> None:
    proto = onnx.load(path)
    loaded = load(proto)
    assert loaded.read() is proto
    assert loaded.read() is proto
