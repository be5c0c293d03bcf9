"""Frames become inputs as training did it, and outputs become names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from hetero.images import annotate, preprocessor, read_labels, scores, top
from hetero.sources import read_image

DATA = Path(os.environ.get("HETERO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def flat(colour: tuple[int, int, int], height: int = 8, width: int = 8) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no test material at {DATA} (HETERO_TEST_DATA)")
@pytest.mark.parametrize("photo", ["cat.bmp", "parrot.jpg", "hot_dog.jpg", "goldfish.jpg"])
def test_squeezenet_finds_what_is_expected_in_photographs(photo: str) -> None:
    expected = json.loads((DATA / "photos" / "expected.json").read_text())["results"][photo]
    model = DATA / "models" / "squeezenet_v1.1" / "squeezenet_v1.1.onnx"
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    prepare = preprocessor(session.get_inputs()[0].shape)
    probabilities = session.run(None, {"data": prepare(read_image(DATA / "photos" / photo))})[0]
    ranked = top(probabilities.reshape(-1), 5)
    # JPEG decoders may differ by one in a pixel, which shows in the third digit.
    for found, (index, probability) in zip(ranked, expected["squeezenet_v1_1_prob"], strict=True):
        if probability > 0.001:
            assert found.index == index
        assert found.score == pytest.approx(probability, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("imagenet", [(200 - 123.675) / 58.395, (100 - 116.28) / 57.12, (50 - 103.53) / 57.375]),
        ("caffe", [50 - 104, 100 - 117, 200 - 123]),
        ("unit", [200 / 255, 100 / 255, 50 / 255]),
        ("raw", [200, 100, 50]),
        ("ultraface", [73 / 128, -27 / 128, -77 / 128]),
    ],
)
def test_presets(name: str, wanted: list[float]) -> None:
    result = preprocessor((1, 3, 6, 6), name=name)(flat((200, 100, 50)))
    assert result.shape == (1, 3, 6, 6)
    assert result.dtype == np.float32
    for channel, value in enumerate(wanted):
        np.testing.assert_allclose(result[0, channel], value, rtol=1e-5, atol=1e-5)


def test_luma() -> None:
    result = preprocessor((1, 1, 4, 4))(flat((255, 0, 0)))
    np.testing.assert_allclose(result, round(0.299 * 255) / 255, rtol=1e-6)


def test_the_centre_is_cut_out() -> None:
    frame = flat((0, 0, 0), 8, 16)
    frame[:, 4:12] = 255
    assert preprocessor((1, 3, 8, 8), name="unit")(frame).min() == 1
    assert preprocessor((1, 3, 4, 8), name="unit")(frame).min() == 0, "a 2:1 input sees the whole 2:1 frame"
    assert preprocessor((1, 3, 8, 8), name="ultraface")(frame).min() < 0, "not cropped"


def test_shrinking_averages() -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[::2] = 255  # every second row: without antialiasing all would be black or white
    middle = preprocessor((1, 3, 8, 8), name="unit")(frame)[..., 2:-2, :]
    np.testing.assert_allclose(middle, 0.5, atol=0.02)


@pytest.mark.parametrize(
    ("shape", "dtype", "like"),
    [
        ((1, 1, 28, 28), np.float32, "y"),
        ((1, 3, 224, 224), np.float32, "imagenet"),
        ((1, 3, 227, 227), np.float32, "caffe"),
        ((1, 3, 240, 320), np.float32, "ultraface"),
        ((1, 3, 224, 224), np.uint8, "raw"),
        (("N", 3, "H", "W"), np.float32, "imagenet"),
    ],
)
def test_auto(shape: tuple, dtype: type, like: str) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    result = preprocessor(shape, dtype)(frame)
    assert result.dtype == dtype
    assert result.shape[2:] == tuple(224 if isinstance(side, str) else side for side in shape[2:])
    np.testing.assert_array_equal(result, preprocessor(shape, dtype, like)(frame))


@pytest.mark.parametrize(
    ("shape", "name", "message"),
    [
        ((1, 1000), "auto", r"\(1, 1000\): expected \(1, 3, H, W\)"),
        ((1, 4, 8, 8), "auto", r"expected \(1, 3, H, W\)"),
        ((8, 3, 8, 8), "auto", "batch of 1"),
        ((1, 3, 8, 8), "vgg", "unknown preprocessing 'vgg': expected auto or one of imagenet"),
        ((1, 1, 8, 8), "caffe", "gives 3 channels.*has 1: try y"),
    ],
)
def test_what_cannot_be_fed_is_refused(shape: tuple, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        preprocessor(shape, name=name)


def test_top() -> None:
    ranked = top(np.array([0.1, 0.6, 0.3, 0.6]), 3, ["a", "b", "c", "d"])
    assert [(r.index, r.label) for r in ranked] == [(1, "b"), (3, "d"), (2, "c")]
    assert str(ranked[0]) == "b 0.6000"
    assert str(top(np.array([0.5, 1.0]), 1)[0]) == "class 1 1.0000"
    with pytest.raises(ValueError, match="tells 2 classes apart, but there are 1 labels"):
        top(np.zeros(2), 1, ["a"])


def test_scores_are_vectors() -> None:
    assert scores({"p": np.zeros((1, 10, 1, 1))}).shape == (10,)
    assert scores({"p": np.zeros((1, 10, 2, 1))}) is None


def test_labels(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("n01440764 tench, Tinca tinca\n\nn0144 odd\nplain name\n")
    assert read_labels(file) == ["tench, Tinca tinca", "n0144 odd", "plain name"]
    file.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        read_labels(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not text"):
        read_labels(file)
    with pytest.raises(FileNotFoundError, match="no labels at"):
        read_labels(tmp_path / "none")


def test_annotate_leaves_the_frame_alone() -> None:
    frame = flat((90, 90, 90), 120, 160)
    seen = annotate(frame, ["cat 0.9", "caf\u00e9"])
    assert frame.min() == frame.max() == 90
    assert seen.max() > 200
    assert seen.min() < 50
