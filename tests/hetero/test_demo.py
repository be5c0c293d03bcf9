"""The demo: a film made here, streamed, and a table of every plan."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

import numpy as np
import pytest

from hetero.demo import demo, make_video, pan, photographs
from hetero.sources import open_source
from tests.hetero import fakes


def test_the_photographs_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the demo reached for the network")

    monkeypatch.setattr(socket, "socket", refuse)
    assert all(p.ndim == 3 and p.shape[2] == 3 and min(p.shape[:2]) >= 300 for p in photographs())


def test_the_camera_moves_a_little_and_always_in_the_same_way() -> None:
    photograph = photographs()[0]
    frames = list(pan(photograph, 10, seed=1))
    again = list(pan(photograph, 10, seed=1))
    other = next(pan(photograph, 10, seed=2))
    for one, same in zip(frames, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(frames[0], other)
    for before, after in itertools.pairwise(frames):
        difference = np.abs(before.astype(int) - after).mean()
        assert 0.1 < difference < 30, "neither frozen nor cut"


def test_the_film_is_a_real_file(tmp_path: Path) -> None:
    count = make_video(tmp_path / "film.mp4", seconds=1)
    source = open_source(tmp_path / "film.mp4")
    frames = list(source)
    source.close()
    assert count == source.count == len(frames) == 120
    assert frames[0].shape == (360, 640, 3)


@pytest.mark.parametrize("gpu", [fakes.EMULATED, fakes.REAL, None])
def test_the_whole_demo(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gpu: fakes.FakeDevice | None,
) -> None:
    fakes.install(monkeypatch, fakes.CPU, *([gpu] if gpu else []))
    model = str(fakes.classifier(tmp_path / "net.onnx"))
    make_video(tmp_path / "film.mp4", seconds=1)
    demo(model, str(tmp_path / "film.mp4"), rounds=1, seconds=0.01)
    said = capsys.readouterr().out
    assert "Streamed 120 frames" in said
    assert "CPU with all cores" in said
    assert (
        ("CPU only" in said)
        == ("GPU only" in said)
        == ("frames dealt to both" in said)
        == ("co-execution: auto" in said)
        == bool(gpu)
    )
    assert ("GPU emulated" in said) == bool(gpu and gpu.emulated)
    assert ("No OpenCL device" in said) == (gpu is None)
    assert all(session.closed for session in fakes.FakeSession.made)
