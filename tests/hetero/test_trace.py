"""Traces: what the threads did fits together, and the file holds it."""

from __future__ import annotations

import json
from itertools import groupby, pairwise
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from engine.devices.discover import opencl_devices
from hetero import Session
from hetero.cli import app
from hetero.partition.simulate import Event
from hetero.trace import CALLER, chrome, laned, traced
from tests.hetero import branches
from tests.hetero.ways import GPU, WAYS, alternate

FRAMES = 9


def session(way: str) -> Session:
    if way != "both":
        return Session(branches.build(), way, threads=1)
    with Session(branches.build(), "gpu", threads=1) as whole:
        return Session(branches.build(), "cpu+gpu", plan=alternate(whole.plan, run=1))


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_every_frame_and_every_moment(way: str, depth: int) -> None:
    with session(way) as made:
        deployment = made.deploy(made.shapes({}), depth)
        devices = [stage.device for stage in deployment.variants[0]]
        events = traced(deployment, [deployment.noise()] * FRAMES)
    assert [event.start for event in events] == sorted(event.start for event in events)
    assert events[0].start == 0
    for frame in range(FRAMES):
        mine = [event for event in events if event.frame == frame and event.kind in ("load", "stage", "unload")]
        assert [event.kind for event in mine] == ["load", *["stage"] * len(devices), "unload"]
        assert [event.resource for event in mine] == [CALLER, *devices, CALLER]
        assert [event.name for event in mine[1:-1]] == [f"stage {i}" for i in range(len(devices))]
        assert all(before.end <= after.start for before, after in pairwise(mine))
        for stage in mine[1:-1]:
            parts = [
                e for e in events if e.frame == frame and stage.start <= e.start and e.end <= stage.end and e != stage
            ]
            assert [e.kind for e in parts if e.kind != "crossing"] == ["start", "finish"]
            assert {e.resource for e in parts} == {stage.resource}
    crossed = {event.name.split()[0] for event in events if event.kind == "crossing"}
    assert crossed == (set() if way == "cpu" else {"wait", "give"})
    for device in set(devices):
        whole = [e for e in events if e.resource == device and e.kind in ("wait", "stage")]
        assert whole[0].start == 0
        for before, after in pairwise(whole):  # nothing is left out, and nothing counted twice
            assert before.end == pytest.approx(after.start, abs=1e-9)


def test_several_streams_have_threads_of_their_own() -> None:
    with Session(branches.build(), "cpu", threads=2, streams=2) as made:
        deployment = made.deploy(made.shapes({}), 4)
        events = traced(deployment, [deployment.noise()] * 50)
    resources = {event.resource for event in events}
    assert {CALLER, "cpu"} <= resources <= {CALLER, "cpu", "cpu 2"}
    for resource in resources:
        stages = [event for event in events if event.resource == resource and event.kind == "stage"]
        assert all(before.end <= after.start for before, after in pairwise(stages))


def test_batches_are_traced_as_they_go() -> None:
    with Session(branches.build(), "cpu", threads=1, batch=2) as made:
        deployment = made.deploy(made.shapes({}), 2)
        events = traced(deployment, [deployment.noise()] * 7)
    assert [event.frame for event in events if event.kind == "unload"] == [0, 1, 2, 3]


def test_what_overlaps_lies_side_by_side() -> None:
    def event(frame: int, start: float, end: float, resource: str = "cpu") -> Event:
        return Event(frame, resource, "operator", f"{frame}", start, end)

    given = [event(0, 0, 1), event(0, 1, 2), event(1, 0, 1), event(1, 1, 3), event(2, 2, 4), event(2, 0, 9, "gpu")]
    lanes = {(e.frame, e.start): e.resource for e in laned(given)}
    assert lanes == {
        (0, 0): "cpu", (0, 1): "cpu", (1, 0): "cpu 2", (1, 1): "cpu 2", (2, 2): "cpu", (2, 0): "gpu",
    }  # fmt: skip


def test_the_format() -> None:
    events = [
        Event(0, CALLER, "load", "load", 0.0, 0.5e-3),
        Event(0, "cpu", "stage", "stage 0", 1e-3, 2e-3),
        Event(0, "gpu", "wait", "dependency", 0.0, 2.5e-3),
        Event(0, "gpu", "stage", "stage 1", 2.5e-3, 4e-3),
    ]
    told = json.loads(json.dumps(chrome({"measured": events, "simulated": events[1:2]})))["traceEvents"]
    by_kind = {kind: list(group) for kind, group in groupby(sorted(told, key=lambda e: e["ph"]), lambda e: e["ph"])}
    named = [each["args"]["name"] for each in by_kind["M"]]
    assert named == ["measured", "caller", "cpu", "gpu", "simulated", "cpu"]
    stage = next(each for each in by_kind["X"] if each["name"] == "stage 1")
    assert (stage["ts"], stage["dur"], stage["args"]) == (2500, 1500, {"frame": 0})
    # from the caller to the CPU, and on to the GPU
    assert [(each["tid"], each["ts"]) for each in by_kind["s"]] == [(0, 500), (1, 2000)]
    assert [(each["tid"], each["ts"]) for each in by_kind["f"]] == [(1, 1000), (2, 2500)]


@pytest.mark.skipif(not GPU, reason="no OpenCL device")
def test_the_command(tmp_path: Path) -> None:
    model, out = tmp_path / "net.onnx", tmp_path / "trace.json"
    onnx.save(branches.build(), model)
    words = [
        "trace", model, "--out", out, "--frames", 6, "--device", "cpu+gpu", "--threads", 1, "--strategy", "interleave"
    ]  # fmt: skip
    said = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert said.exit_code == 0, said.stderr
    told = json.loads(said.stdout)
    assert (told["frames"], told["plan"], told["file"]) == (6, "interleave", str(out))
    assert told["seconds"]["simulated"] > 0
    events = json.loads(out.read_text())["traceEvents"]
    titles = [each["args"]["name"].split(":")[0] for each in events if each["name"] == "process_name"]
    assert titles == ["measured", "simulated"]
    assert {each["args"]["frame"] for each in events if each["ph"] == "X"} == set(range(6))
    plain = CliRunner().invoke(app, [str(word) for word in words])
    assert "ui.perfetto.dev" in plain.stdout


def test_the_command_with_streams_and_batches(tmp_path: Path) -> None:
    model, out = tmp_path / "net.onnx", tmp_path / "trace.json"
    onnx.save(branches.build(), model)
    words = ["trace", model, "--out", out, "--frames", 8, "--device", "cpu", "--threads", 2]
    words += ["--streams", 2, "--batch", 2]
    said = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert said.exit_code == 0, said.stderr
    events = json.loads(out.read_text())["traceEvents"]
    assert {each["args"]["frame"] for each in events if each["ph"] == "X"} == set(range(4))  # batches
    threads = {each["args"]["name"] for each in events if each["name"] == "thread_name"}
    assert {CALLER, "cpu"} <= threads <= {CALLER, "cpu", "cpu 2"}


@pytest.mark.skipif(not GPU, reason="no OpenCL device")
@pytest.mark.parametrize("ahead", [0, 2])
def test_stages_begun_ahead_lie_one_behind_the_other(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with session("gpu") as made:
        monkeypatch.setattr(opencl_devices()[0], "ahead", ahead)
        deployment = made.deploy(made.shapes({}), 4)
        events = traced(deployment, [deployment.noise()] * FRAMES)
    stages = [event for event in events if event.kind == "stage"]
    assert [event.frame for event in stages] == list(range(FRAMES))
    assert all(before.end <= after.start for before, after in pairwise(stages))
    begins = {event.frame: event.start for event in events if event.kind == "start"}
    assert ahead or all(begins[event.frame] >= event.start for event in stages)


def test_nowhere_to_write(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["trace", "zoo:squeezenet", "--out", str(tmp_path / "none" / "trace.json")])
    assert said.exit_code == 2
    assert "make it first" in said.stderr
