"""Frames come out of files in order and in the right colours; what cannot be read says so."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from hetero.sources import VideoWriter, open_source, read_image

COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]


def flat(colour: tuple[int, int, int], height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def save_image(path: Path, colour: tuple[int, int, int]) -> None:
    assert cv2.imwrite(str(path), flat(colour)[..., ::-1])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, 12.5) as writer:
        for colour in COLOURS * 10:
            writer.write(flat(colour))
    return path


def test_a_video_comes_back_as_it_was_written(video: Path) -> None:
    with closing(open_source(video)) as source:
        assert (source.fps, source.count, source.name) == (12.5, 30, str(video))
        frames = list(source)
    assert len(frames) == 30
    assert source.title(7) == "frame 7"
    for frame, colour in zip(frames, COLOURS * 10, strict=True):
        assert (frame.shape, frame.dtype) == ((48, 64, 3), np.uint8)
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), colour, atol=12)


def test_a_folder_is_read_by_name_and_only_as_asked_for(tmp_path: Path) -> None:
    for name, colour in zip(("b.png", "a.bmp", "c.JPG"), COLOURS, strict=True):
        save_image(tmp_path / name, colour)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "d.png").write_text("no image either")
    source = open_source(tmp_path)
    assert source.count == 4
    frames = iter(source)
    for name, colour in zip(("a.bmp", "b.png", "c.JPG"), (COLOURS[1], COLOURS[0], COLOURS[2]), strict=True):
        np.testing.assert_allclose(next(frames).mean(axis=(0, 1)), colour, atol=3, err_msg=name)
    assert source.title(1) == "b.png"
    with pytest.raises(ValueError, match=r"d\.png is not an image"):
        next(frames)


def test_one_image(tmp_path: Path) -> None:
    save_image(tmp_path / "one.png", COLOURS[0])
    source = open_source(str(tmp_path / "one.png"))
    assert (source.count, source.fps) == (1, None)
    np.testing.assert_array_equal(next(iter(source)), flat(COLOURS[0]))


def test_a_grey_image_has_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 6), 77, np.uint8))
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), flat((77, 77, 77), 5, 6))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no source at .*gone\.mp4: expected a video file"):
        open_source(tmp_path / "gone.mp4")
    with pytest.raises(ValueError, match="no images in"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["film.mp4", "picture.jpg", "words"])
@pytest.mark.parametrize("content", [b"", b"these are words and no picture\n" * 50])
def test_what_is_no_picture_is_refused_at_once(
    tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is n"):
        open_source(tmp_path / name)
    assert capfd.readouterr().err == "", "OpenCV keeps its own complaints to itself"


def test_a_truncated_video_is_refused(video: Path) -> None:
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut off"):
        open_source(video)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(OSError, match="camera 93 does not open: check that it is connected"):
        open_source("93")


def test_a_video_has_one_size(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "film.mp4", 25) as writer:
        writer.write(flat(COLOURS[0]))
        with pytest.raises(ValueError, match=r"\(48, 64, 3\), and now got \(10, 10, 3\)"):
            writer.write(flat(COLOURS[0], 10, 10))


def test_a_video_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write a video"):
        VideoWriter(tmp_path / "no" / "film.mp4", 25).write(flat(COLOURS[0]))
