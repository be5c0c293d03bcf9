"""The comparison: which plans are compared on which machine, by turns, against the reference."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hetero import bench, report
from tests.hetero import fakes


@pytest.mark.parametrize(("cores", "units", "left"), [(2, 1, 1), (8, 2, 6), (2, 2, 1)])
def test_an_emulated_gpu_takes_its_cores_from_the_cpu(
    monkeypatch: pytest.MonkeyPatch, cores: int, units: int, left: int
) -> None:
    gpu = fakes.FakeDevice("PoCL", "gpu", emulated=True, compute_units=units)
    fakes.install(monkeypatch, fakes.FakeDevice("Some processor", "cpu", compute_units=cores), gpu)
    *compared, whole_cpu, each_its_own = bench.contenders()
    assert [(w.device, w.strategy) for w in compared] == [
        ("cpu", "cpu"),
        ("gpu", "gpu"),
        ("cpu+gpu", "interleave"),
        ("cpu+gpu", "auto"),
    ]
    assert {w.threads for w in compared} == {left}
    assert [w.emulated for w in compared] == [False, True, True, True]
    assert (whole_cpu.device, whole_cpu.threads, whole_cpu.streams, whole_cpu.emulated) == ("cpu", cores, 1, False)
    assert (each_its_own.device, each_its_own.threads, each_its_own.streams) == ("cpu", cores, cores)


@pytest.mark.parametrize(("cores", "left"), [(16, 14), (2, 1)])
def test_a_real_gpu_leaves_its_worker_and_the_caller_a_core(
    monkeypatch: pytest.MonkeyPatch, cores: int, left: int
) -> None:
    fakes.install(monkeypatch, fakes.FakeDevice("Some processor", "cpu", compute_units=cores), fakes.REAL)
    ways = bench.contenders(strategies=["single-cut"])
    assert [w.strategy for w in ways] == ["cpu", "gpu", "interleave", "auto", "single-cut", "cpu", "cpu"]
    assert [w.threads for w in ways] == [*[left] * 5, cores, cores]
    assert [w.streams for w in ways] == [1, 1, "auto", "auto", "auto", 1, cores]
    assert not any(w.emulated for w in ways)


def test_without_a_gpu_there_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch, fakes.CPU)
    assert [(w.device, w.threads, w.streams) for w in bench.contenders(threads=3)] == [("cpu", 3, 1), ("cpu", 3, 3)]
    assert [w.streams for w in bench.contenders(threads=1)] == [1]


def test_rounds_are_paired(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fakes.install(monkeypatch, fakes.CPU, fakes.EMULATED)
    told: list[str] = []
    model = str(fakes.classifier(tmp_path / "net.onnx"))
    found = bench.compare(model, "net.onnx", rounds=3, seconds=0.01, told=told.append)
    names = [w.name for w in bench.contenders()]
    assert [line.split(": ")[1] for line in told if line.startswith("round")] == names * 3
    assert all(session.closed for session in fakes.FakeSession.made)
    assert [row.name for row in found.rows] == names
    for row in found.rows:
        assert len(row.rates) == 3
        assert row.fps == sorted(row.rates)[1]
        assert row.max_relative_error is not None
        assert row.max_relative_error < 1e-5
        assert row.predicted_fps == pytest.approx(100)
    data = json.loads(json.dumps(found.to_dict()))
    assert {"name", "fps", "latency_p50", "latency_p95", "latency_p99", "busy", "bytes_moved"} <= data["rows"][0].keys()
    assert data["machine"]["versions"]["numpy"] == np.__version__
    assert data["devices"][1]["emulated"] is True


def test_a_wrong_answer_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fakes.install(monkeypatch, fakes.CPU)
    right = fakes.FakeSession.__call__

    def wrong(self: fakes.FakeSession, feeds: dict) -> dict:
        return {name: 1.5 * array for name, array in right(self, feeds).items()}

    monkeypatch.setattr(fakes.FakeSession, "__call__", wrong)
    model = str(fakes.classifier(tmp_path / "net.onnx"))
    row, *_ = bench.compare(model, "net.onnx", rounds=1, seconds=0.01).rows
    assert row.max_relative_error == pytest.approx(0.5, rel=1e-3)


def test_noise_for_symbolic_inputs() -> None:
    inputs = [
        SimpleNamespace(name="x", shape=("N", 3, "H", 8), dtype=np.float16),
        SimpleNamespace(name="i", shape=(2,), dtype=np.int64),
    ]
    first, second = bench.random_feeds(inputs, count=2)
    assert (first["x"].shape, first["x"].dtype) == ((1, 3, 224, 8), np.float16)
    assert (first["i"].shape, first["i"].dtype) == ((2,), np.int64)
    assert not np.array_equal(first["x"], second["x"])
    np.testing.assert_array_equal(first["x"], bench.random_feeds(inputs)[0]["x"])


def test_the_table_marks_what_is_emulated_and_what_was_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    fakes.install(monkeypatch, fakes.CPU, fakes.EMULATED)
    model = str(fakes.classifier(tmp_path / "net.onnx"))
    found = bench.compare(model, "net.onnx", rounds=1, seconds=0.01)
    for brief, width in ((True, 80), (False, 140)):
        Console(width=width).print(report.table(found, brief=brief))
        lines = capsys.readouterr().out.splitlines()
        assert sum("GPU emulated" in line for line in lines) == 3
        assert any("co-execution: auto" in line for line in lines)
        assert len(lines) <= len(found.rows) + 7, "no row takes two lines"


def test_relative_error_takes_the_worst_output() -> None:
    want = {"a": np.array([1.0, 10.0]), "b": np.array([2.0])}
    assert bench.relative_error({"a": np.array([1.0, 10.1]), "b": np.array([2.0])}, want) == pytest.approx(0.01)
    assert bench.relative_error({"a": np.array([1.0, 10.0]), "b": np.array([3.0])}, want) == pytest.approx(0.5)
