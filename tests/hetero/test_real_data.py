"""Real trained networks on real photos: the right classes, faces and pictures, whatever the device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from hetero.images import preprocessor, scores, top
from hetero.sources import read_image
from tests.hetero.ways import WAYS, session

Array = np.ndarray[Any, Any]
pytestmark = pytest.mark.parametrize("way", WAYS)


def stored(path: Path) -> Array:
    """A tensor as ONNX stores it."""
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("squeezenet_v1.1/squeezenet_v1.1.onnx", "squeezenet_v1_1_prob"),
        ("squeezenet_v1.0_pruned/squeezenet_v1.0_pruned.onnx", "squeezenet_v1_0_pruned_logit"),
    ],
)
def test_squeezenet_knows_the_photos(model: str, key: str, way: str, data: Path) -> None:
    expected = json.loads((data / "photos" / "expected.json").read_text())["results"]
    with session(data / "models" / model, way) as running:
        (port,) = running.inputs
        prepare = preprocessor(port.shape, port.dtype, "caffe")
        for photo, found in expected.items():
            frame = read_image(data / "photos" / photo)
            vector = scores(running(prepare(frame)))
            assert vector is not None
            five = top(vector, 5)
            # Scores below a ten-thousandth are written as equal; only classes that differ have an order.
            wanted = [(int(i), s) for i, s in found[key]]
            clear = [index for index, score in wanted if abs(score) > 1e-4]
            assert [r.index for r in five][: len(clear)] == clear
            for ranked, (_, score) in zip(five, wanted, strict=True):
                assert ranked.score == pytest.approx(score, rel=0.02, abs=2e-4)


@pytest.mark.parametrize("case", range(3))
def test_mnist(case: int, way: str, data: Path) -> None:
    folder = data / "models" / "mnist8"
    frame = stored(folder / f"test_data_set_{case}" / "input_0.pb")
    want = stored(folder / f"test_data_set_{case}" / "output_0.pb")
    with session(folder / "model.onnx", way) as running:
        (got,) = running(frame).values()
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


def test_super_resolution(way: str, data: Path) -> None:
    folder = data / "models" / "super_resolution"
    frame = stored(folder / "test_data_set_0" / "input_0.pb")
    want = stored(folder / "test_data_set_0" / "output_0.pb")
    with session(folder / "model.onnx", way) as running:
        (got,) = running(frame).values()
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


@pytest.mark.parametrize(("photo", "faces"), [("1.jpg", 46), ("3.jpg", 5)])
def test_ultraface_finds_the_faces(photo: str, faces: int, way: str, data: Path) -> None:
    folder = data / "models" / "ultraface"
    with session(folder / "version-RFB-320.onnx", way) as running:
        (port,) = running.inputs
        outputs = running(preprocessor(port.shape, port.dtype, "ultraface")(read_image(folder / photo)))
    found = suppressed(outputs["boxes"][0], outputs["scores"][0][:, 1], score=0.7, overlap=0.5)
    assert abs(len(found) - faces) <= 2


def suppressed(boxes: Array, values: Array, score: float, overlap: float) -> list[int]:
    """Indices of boxes that are kept: the best first, none that overlaps a better one by more."""
    order = [int(i) for i in np.argsort(-values) if values[i] > score]
    kept: list[int] = []
    for i in order:
        if all(shared(boxes[i], boxes[k]) <= overlap for k in kept):
            kept.append(i)
    return kept


def shared(a: Array, b: Array) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    return common / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)
