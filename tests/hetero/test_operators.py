"""`bench --ops`: what it says of each operator, on both devices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner, Result

from hetero import operators
from hetero.cli import app
from hetero.cli.operators import stage_line
from hetero.machine import devices
from hetero.operators import StageCost
from hetero.roofline import Limits
from tests.models import model


@pytest.fixture
def path(tmp_path: Path, random: np.random.Generator) -> Path:
    """Convolution, pooling, flattening, softmax."""
    weights = random.standard_normal((32, 16, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["c"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Softmax", ["f"], ["y"], name="soft"),
    ]
    onnx.save(model(nodes, {"x": (1, 16, 12, 12)}, ["y"], {"w": weights}), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "limits", lambda device: Limits(1e11, ((1, 1e10),)))


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_every_operator_is_held_against_its_limit(path: Path, device: str) -> None:
    if device not in {each.kind for each in devices()}:
        pytest.skip("no OpenCL device")
    done = bench(path, "--ops", "--device", device, "--threads", 1, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    by_name = {each["operator"]: each for each in said["operators"]}
    conv, pool = by_name["conv"], by_name["pool"]
    assert conv["device"] == device
    assert conv["flops"] == 2 * 32 * 16 * 9 * 144
    assert conv["bytes"] == 4 * (16 * 144 + 32 * 144 + 32 * 16 * 9)
    assert conv["bound"] == "compute"
    assert conv["least"] == pytest.approx(conv["flops"] / 1e11)
    assert conv["share"] == pytest.approx(conv["least"] / conv["seconds"])
    assert conv["launches"] == len(conv["steps"]) >= 1
    assert conv["kernel"] in [step["kernel"] for step in conv["steps"]]
    assert pool["bytes"] == 4 * (32 * 144 + 32 * 36)
    assert pool["bound"] == "memory"
    (stage,) = said["stages"]
    assert sum(each["seconds"] for each in said["operators"]) == pytest.approx(stage["seconds"])
    assert stage["launches"] == sum(each["launches"] for each in said["operators"])
    assert (stage["begun"] > 0) == (device == "gpu")
    kinds = {each["op"]: each for each in said["kinds"]}
    assert kinds["Conv"]["count"] == 1
    assert kinds["Conv"]["seconds"] == pytest.approx(conv["seconds"])
    assert list(said["limits"]) == list(said["limits_kept_in"]) == [device]


def test_the_table_names_tiles_and_limits(path: Path) -> None:
    done = bench(path, "--ops", "--threads", 1)
    assert done.exit_code == 0, done.stderr
    rows = {line.split("│")[1].strip(): line for line in done.stdout.splitlines() if line.startswith("│")}
    assert "winograd: band" in rows["conv"]
    assert "GFLOP/s" in rows["conv"]
    assert "GB/s" in rows["pool"]
    assert "in place" in rows["flat"]
    assert "cpu does at most 100.0 GFLOP/s in registers and moves 10 GB/s" in done.stdout


@pytest.mark.parametrize(("begun", "said"), [(0.0, False), (60e-6, True), (20e-6, False)])
def test_being_bound_by_launches_is_said(begun: float, said: bool) -> None:
    line = stage_line(StageCost("gpu", 12, 100e-6, 90e-6, begun))
    assert line.startswith("gpu: 0.100 ms a frame, 0.090 ms in 12 kernels")
    assert ("bound by launches" in line) == said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "cpu"], "--device cpu goes with --ops only"),
        (["--ops", "--device", "cpu+gpu"], "expected one device"),
        (["--ops", "--device", "auto"], "expected one device"),
    ],
)
def test_which_device_must_be_clear(path: Path, words: list[str], message: str) -> None:
    done = bench(path, *words)
    assert done.exit_code == 2
    assert message in done.stderr
