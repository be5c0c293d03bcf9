"""The commands: what they print, what they save, and one clear line for what goes wrong."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hetero.cli import app
from hetero.images import preprocessor
from hetero.sources import VideoWriter, open_source, read_image
from tests.hetero import fakes


def hetero(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch, fakes.CPU, fakes.EMULATED)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return fakes.classifier(tmp_path / "net.onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(8):
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), random.integers(0, 256, (20, 30, 3), np.uint8))
    return tmp_path / "photos"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(f"thing {i}" for i in range(10)))
    return path


def best_of(model: Path, image: Path) -> int:
    outputs = fakes.FakeSession(str(model))({"data": preprocessor((1, 3, 16, 16))(read_image(image))})
    return int(outputs["prob"].argmax())


def test_devices() -> None:
    said = hetero("devices").stdout
    assert "Some processor" in said
    assert "yes" in said
    found = json.loads(hetero("devices", "--json").stdout)
    assert [d["kind"] for d in found["devices"]] == ["cpu", "gpu"]
    assert found["devices"][1]["emulated"] is True
    assert found["no_gpu_reason"] is None


def test_devices_without_opencl(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch, fakes.CPU)
    last = hetero("devices").stdout.splitlines()[-1]
    assert last == "No OpenCL device, so everything runs on the CPU: no OpenCL platform was found"


def test_run_prints_the_classes_in_order(model: Path, folder: Path, labels: Path) -> None:
    result = hetero("run", model, folder, "--labels", labels, "--top", 2)
    assert result.exit_code == 0, result.stderr
    *lines, summary = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{i}.png" for i in range(8)]
    for number, line in enumerate(lines):
        assert line.startswith(f"{number}.png: thing {best_of(model, folder / f'{number}.png')} 0.")
        assert line.count("thing") == 2
    assert summary.startswith("8 frames in ")


def test_run_json_is_a_line_a_frame_and_a_summary(model: Path, folder: Path) -> None:
    result = hetero("run", model, folder, "--top", 1, "--json", "--limit", 5)
    *frames, last = map(json.loads, result.stdout.splitlines())
    assert [f["frame"] for f in frames] == [0, 1, 2, 3, 4]
    assert [f["top"][0]["index"] for f in frames] == [best_of(model, folder / f"{i}.png") for i in range(5)]
    assert last["summary"]["frames"] == 5
    assert {"fps", "latency_p99", "busy", "idle", "bytes_moved", "plan"} <= last["summary"].keys()


def test_run_passes_on_how_to_run(model: Path, folder: Path) -> None:
    result = hetero("run", model, folder, "--device", "cpu+gpu", "--threads", 1, "--strategy", "single-cut")
    assert result.exit_code == 0, result.stderr
    assert fakes.FakeSession.made[0].asked == ("cpu+gpu", 1, "single-cut", None)
    assert fakes.FakeSession.made[0].closed


def test_run_saves_outputs_that_numpy_loads(model: Path, folder: Path, tmp_path: Path) -> None:
    result = hetero("run", model, folder, "--save", tmp_path / "out.npz")
    assert result.exit_code == 0, result.stderr
    session, prepare = fakes.FakeSession(str(model)), preprocessor((1, 3, 16, 16))
    with np.load(tmp_path / "out.npz", allow_pickle=False) as saved:
        assert list(saved) == [f"prob_{i:06d}" for i in range(8)]
        for number in range(8):
            right = session({"data": prepare(read_image(folder / f"{number}.png"))})
            np.testing.assert_array_equal(saved[f"prob_{number:06d}"], right["prob"])


def test_run_saves_an_annotated_video(model: Path, folder: Path, tmp_path: Path) -> None:
    result = hetero("run", model, folder, "--save", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.stderr
    source = open_source(tmp_path / "out.mp4")
    assert [frame.shape for frame in source] == [(20, 30, 3)] * 8
    source.close()


def test_run_holds_no_more_frames_than_the_stream(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hetero.cli import run

    with VideoWriter(tmp_path / "film.mp4", 25) as writer:
        for _ in range(60):
            writer.write(np.zeros((20, 30, 3), np.uint8))
    held: list[int] = []
    rank = run._Job._rank

    def watch(self: run._Job, outputs: dict, count: int) -> tuple:
        held.append(len(self._in_flight))
        return rank(self, outputs, count)

    monkeypatch.setattr(run._Job, "_rank", watch)
    assert hetero("run", model, tmp_path / "film.mp4").exit_code == 0
    assert len(held) == 60
    assert max(held) <= fakes.FakeStream.slots


def test_run_says_when_a_file_gave_less_than_it_announced(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hetero.sources import Images

    monkeypatch.setattr(Images, "__iter__", lambda self: iter([read_image(folder / "0.png")]))
    result = hetero("run", model, folder)
    assert result.exit_code == 0
    assert "announces 8 frames but gave 1" in result.stderr


def test_bench(model: Path) -> None:
    result = hetero("bench", model, "--rounds", 1, "--seconds", 0.01, "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["rows"]
    wanted = {
        "name",
        "fps",
        "latency_p50",
        "busy",
        "bytes_moved",
        "max_relative_error",
        "predicted_fps",
        "emulated",
    }
    assert all(wanted <= row.keys() for row in rows)
    assert [row["strategy"] for row in rows] == ["cpu", "gpu", "interleave", "auto", "cpu", "cpu"]
    said = hetero("bench", model, "--rounds", 1, "--seconds", 0.01).stdout
    assert "CPU with all cores" in said
    assert "emulated on the CPU" in said


def test_profile(model: Path) -> None:
    said = hetero("profile", model).stdout
    assert "reference" in said
    assert "2 operators, 4.00 ms in all" in said
    operators = json.loads(hetero("profile", model, "--json").stdout)["operators"]
    assert [o["operator"] for o in operators] == ["conv1", "odd"]


def test_plan(model: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    result = hetero("plan", model, "--strategy", "interleave", "--save", saved, "--json")
    assert json.loads(result.stdout) == json.loads(saved.read_text())
    assert "plan interleave" in hetero("plan", model, "--strategy", "interleave").stdout


def test_a_network_of_the_zoo() -> None:
    result = hetero("plan", "zoo:squeezenet")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "gone.onnx", "PHOTOS"), "no model at gone.onnx: expected a file"),
        (("run", "zoo:lenet", "PHOTOS"), "no network 'lenet' in the zoo: expected one of"),
        (("run", "MODEL", "gone.mp4"), "no source at gone.mp4: expected"),
        (("run", "MODEL", "MODEL"), "neither a video nor an image"),
        (("run", "MODEL", "PHOTOS", "--strategy", "best"), "unknown strategy 'best': expected one of"),
        (("run", "MODEL", "PHOTOS", "--preprocess", "vgg"), "unknown preprocessing 'vgg': expected"),
        (("run", "MODEL", "PHOTOS", "--save", "out.txt"), "expected a name ending in .npz"),
        (("run", "MODEL", "PHOTOS", "--save", "gone/out.npz"), "no folder gone"),
        (("run", "MODEL", "PHOTOS", "--labels", "gone.txt"), "no labels at gone.txt"),
        (("run", "MODEL", "PHOTOS", "--plan", "gone.json"), "no plan at gone.json"),
        (("plan", "MODEL", "--save", "gone/plan.json"), "no folder gone"),
        (("bench", "gone.onnx"), "no model at gone.onnx"),
        (("tune", "gone.onnx"), "no model at gone.onnx"),
        (("tune", "MODEL", "--out", "gone/tuned.json"), "no folder gone"),
        (("profile", "gone.onnx"), "no model at gone.onnx"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_bad_input_ends_in_one_line(
    arguments: tuple[str, ...], message: str, debug: bool, model: Path, folder: Path
) -> None:
    given = [str({"MODEL": model, "PHOTOS": folder}.get(a, a)) for a in arguments]
    result = hetero(*given, *(["--debug"] if debug else []))
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[-1].startswith("hetero: ")
    assert message in lines[-1]
    if debug:
        assert lines[0].startswith("Traceback")
    else:
        assert len(lines) == 1


def test_labels_must_be_as_many_as_classes(model: Path, folder: Path, labels: Path) -> None:
    labels.write_text("only one")
    result = hetero("run", model, folder, "--labels", labels)
    assert result.exit_code == 2
    assert "tells 10 classes apart, but there are 1 labels" in result.stderr


def test_a_fault_of_ours_is_told_from_bad_input(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: fakes.FakeSession) -> None:
        raise RuntimeError("out\nof order")

    monkeypatch.setattr(fakes.FakeSession, "profile", fail)
    result = hetero("profile", model)
    assert result.exit_code == 1
    assert result.stderr == "hetero: unexpected RuntimeError: out of order (--debug shows where)\n"


def test_importing_the_commands_is_cheap() -> None:
    heavy = {"cv2", "onnx", "numba", "pyopencl", "rich.table", "PIL.Image"}
    code = f"import sys, hetero.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_the_library_logs_is_one_line_on_stderr(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = fakes.FakeSession.profile

    def logging_profile(self: fakes.FakeSession) -> Any:
        logging.getLogger("hetero").info("%s was never tuned", "a GPU")
        return profile(self)

    monkeypatch.setattr(fakes.FakeSession, "profile", logging_profile)
    for _ in range(2):
        result = hetero("profile", model, "--json")
        assert result.stderr == "hetero: a GPU was never tuned\n"
        json.loads(result.stdout)
    assert not logging.getLogger("hetero").handlers


class TestWithoutFakes:
    """The same commands on the real thing, each in a process of its own."""

    @staticmethod
    def hetero(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hetero.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)

    def test_devices(self) -> None:
        done = self.hetero("devices", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["devices"][0]["kind"] == "cpu"

    def test_run(self, model: Path, folder: Path) -> None:
        done = self.hetero("run", model, folder, "--top", 1, "--json", "--device", "cpu")
        assert done.returncode == 0, done.stderr
        *frames, last = map(json.loads, done.stdout.splitlines())
        assert [f["top"][0]["index"] for f in frames] == [best_of(model, folder / f"{i}.png") for i in range(8)]
        assert last["summary"]["frames"] == 8

    @pytest.mark.parametrize("how", ["words", "truncated"])
    def test_a_file_that_is_no_model(self, model: Path, folder: Path, tmp_path: Path, how: str) -> None:
        bad = tmp_path / "bad.onnx"
        bad.write_bytes(b"just words\n" if how == "words" else model.read_bytes()[:-2000])
        self.refused("run", bad, folder, says="bad.onnx")

    def test_tune(self, model: Path, tmp_path: Path) -> None:
        out = tmp_path / "tuned.json"
        done = self.hetero("tune", model, "--seconds", 2, "--out", out, "--json")
        if "there is none" in done.stderr:
            pytest.skip("no OpenCL device")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert {"device", "driver", "emulated", "file", "default_seconds", "tuned_seconds", "layers"} == said.keys()
        assert [layer["operators"] for layer in said["layers"]] == [["conv"]]
        assert json.loads(out.read_text())["device"] == said["device"]
        assert "ways tried for 1 layers" in self.hetero("tune", model, "--seconds", 1, "--out", out).stdout

    def test_tune_the_cpu(self, model: Path, tmp_path: Path) -> None:
        out = tmp_path / "tuned.json"
        done = self.hetero("tune", model, "--device", "cpu", "--threads", 1, "--seconds", 2, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
        assert {"device", "driver", "file", "default_seconds", "tuned_seconds"} <= json.loads(done.stdout).keys()

    def test_tune_is_for_one_device(self, model: Path) -> None:
        says = "device 'auto' cannot be tuned: expected cpu, gpu, or gpu:N"
        self.refused("tune", model, "--device", "auto", says=says)

    def test_an_unknown_device(self, model: Path, folder: Path) -> None:
        self.refused("run", model, folder, "--device", "tpu", says="tpu")

    def test_an_unknown_strategy(self, model: Path) -> None:
        self.refused("plan", model, "--strategy", "best", says="best")

    def refused(self, *arguments: object, says: str) -> None:
        done = self.hetero(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("hetero: ")
        assert says in done.stderr
