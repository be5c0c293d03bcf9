"""Drift: nothing but a lasting difference is one; and a stream that follows goes on frame by frame, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import helper

from hetero import Session, Stream, drift, follow
from hetero.costs import store
from hetero.costs.costs import Costs
from hetero.drift import EVERY, FEWEST, PATIENCE, REST, Watch, worked
from hetero.follow import Follower
from hetero.partition.problem import Crossing
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import Pipeline
from hetero.pipeline.stage import Stage
from hetero.statistics import Execution
from tests import models
from tests.hetero.ways import GPU


class Clock:
    """Seconds, as told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_looks_are_due_every_now_and_then(clock: Clock) -> None:
    watch = Watch(clock)
    assert not watch.due()
    clock.now += EVERY
    assert watch.due()
    assert not watch.due()
    clock.now += EVERY
    assert watch.due()


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_only_what_lasts_is_a_drift(clock: Clock, factor: float) -> None:
    watch = Watch(clock)
    watch.expect({"cpu": 0.01, "gpu": 0.02})
    off, fine = {"cpu": 0.01, "gpu": 0.02 * factor}, {"cpu": 0.011, "gpu": 0.018}
    for _ in range(PATIENCE - 1):
        assert watch.look(off) is None
    assert watch.look(fine) is None
    for _ in range(PATIENCE - 1):
        assert watch.look(off) is None
    assert watch.look(off) == pytest.approx({"cpu": 1.0, "gpu": factor})


def test_nothing_drifts_from_nothing(clock: Clock) -> None:
    watch = Watch(clock)
    assert not watch.expecting
    assert [watch.look({"cpu": 1.0}) for _ in range(2 * PATIENCE)] == [None] * 2 * PATIENCE
    watch.expect({"cpu": 0.01, "gpu": 0.0})
    assert [watch.look({}) for _ in range(2 * PATIENCE)] == [None] * 2 * PATIENCE


def test_a_rest_after_every_change(clock: Clock) -> None:
    watch = Watch(clock)
    watch.expect({"cpu": 0.01}, REST)
    assert [watch.look({"cpu": 0.02}) for _ in range(2 * PATIENCE)] == [None] * 2 * PATIENCE
    clock.now += REST
    assert watch.look({"cpu": 0.02}) == {"cpu": 2.0}


def executions(frames: int, cpu: float, gpu: float, pace: float = 0.5625) -> list[Execution]:
    found = []
    for frame in range(frames):
        start = frame * pace
        found.append(Execution("cpu", frame, 0, start, start + cpu))
        found.append(Execution("gpu", frame, 1, start + cpu, start + cpu + gpu))
        found.append(Execution("gpu", frame, 2, start + cpu + gpu, start + cpu + gpu + 0.0625))
    return found


def test_seconds_per_frame_are_those_of_whole_frames() -> None:
    found = executions(FEWEST + 1, 0.25, 0.5)
    assert worked(found) == pytest.approx({"cpu": 0.25, "gpu": 0.5625})
    assert worked(found[1:]) == {}  # of two frames something may be missing at the beginning, and too few are left
    assert worked(found[:-1]) == {}  # or at the end
    assert worked(found, since=1) == pytest.approx({"cpu": 0.25, "gpu": 0.5625})
    assert worked(found, since=2) == {}
    assert worked([]) == {}


def test_frames_of_all_lengths_count_by_their_number() -> None:
    """Of the latest to end, long frames would be too many at one end and too few at the other."""
    found = []
    for frame in range(40 * FEWEST):
        long = frame % 4 == 0
        found.append(Execution("cpu" if long else "gpu", frame, 0, frame, frame + (31.5 if long else 1.0)))
    latest = sorted(found, key=lambda each: each.end)[-8 * FEWEST :]
    assert worked(latest) == pytest.approx({"cpu": 31.5 / 4, "gpu": 0.75}, rel=0.03)


def test_frames_that_wait_for_nothing_tell_nothing() -> None:
    assert worked(executions(FEWEST + 6, 0.25, 0.5, pace=1.0)) == {}  # a camera's: the GPU works for half of the time
    streams = executions(FEWEST + 6, 0.25, 0.0, pace=0.125)
    assert worked(streams) == pytest.approx({"cpu": 0.25, "gpu": 0.0625})  # two at once, all the time
    slow = [each._replace(start=8 * each.frame + each.start, end=8 * each.frame + each.end) for each in streams]
    assert worked(slow) == {}


class Telling(Stage):
    """Says which plan it belongs to."""

    def __init__(self, device: str, plan: str) -> None:
        self.device, self.plan = device, plan

    def start(self, slot: list[Any]) -> None:
        slot.append((self.device, self.plan))

    def finish(self, slot: list[Any]) -> None:
        pass


def line(plan: str, *devices: str, slots: int = 2) -> Line:
    def load(slot: list[Any], frame: Any, variant: int) -> None:
        slot[:] = [frame]

    return Line([[Telling(device, plan) for device in devices]], (0,), [[] for _ in range(slots)], load, list)


class FakeSession:
    """Plans anew once, and then is content."""

    def __init__(self, better: bool) -> None:
        self.better = better
        self.asked: list[Mapping[str, float]] = []
        self.decisions = self

    def expected(self, shapes: Any) -> dict[str, float]:
        return {"cpu": 1.0}

    def decided(self, shapes: Any) -> Any:
        return SimpleNamespace(plan=SimpleNamespace(slots=2))

    def replanned(self, shapes: Any, factors: Mapping[str, float]) -> bool:
        self.asked.append(factors)
        return self.better

    def deploy(self, shapes: Any, depth: int | None) -> Any:
        return "new"


@pytest.mark.parametrize("better", [True, False])
def test_a_stream_that_drifts_changes_its_plan_between_two_frames(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    monkeypatch.setattr(drift, "BUSY", 0.0)  # fake stages take no time
    monkeypatch.setattr(follow, "line", lambda deployment: line(deployment, "gpu", "cpu", slots=3))
    session: Any = FakeSession(better)
    with Pipeline(line("old", "cpu")) as running:
        follower = Follower(session, (), running, None, clock)

        def frames() -> Iterator[int]:
            for frame in range(400):
                clock.now += EVERY / 40
                follower.look()
                if frame % 40 == 39:
                    follower.wait()
                yield frame

        results = list(running.map(frames()))
        follower.wait()
        found = running.statistics()
    assert [result.index for result in results] == list(range(400))
    assert [result.outputs[0] for result in results] == list(range(400))
    old, new = [("cpu", "old")], [("gpu", "new"), ("cpu", "new")]
    gone = [result.outputs[1:] for result in results]
    at = gone.index(new) if better else 400
    assert at > PATIENCE * 40 - 40
    assert gone == [old] * at + [new] * (400 - at)
    assert found.changes == better
    assert found.frames == 400
    assert len(session.asked) == 1  # then it rests
    assert all(0 < factor < 0.1 for factor in session.asked[0].values())


@pytest.fixture
def model() -> Any:
    """A network of a few poolings."""
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("MaxPool", [f"t{i}"], [f"t{i + 1}"], name=f"op{i}", **window) for i in range(4)]
    return models.model(nodes, {"t0": (1, 8, 16, 16)}, ["t4"])


@pytest.fixture
def on_the_gpu(model: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """A session with costs of our own, by which everything belongs on the GPU."""
    monkeypatch.setenv("HETERO_COSTS", str(tmp_path))
    wanted = {"device": "cpu+gpu", "threads": 1, "strategy": "exact"}
    with Session(model, **wanted) as first:
        planner = first.decisions.planner(first.shapes({}))
        each = {node.name: {"cpu": 1.0, "gpu": 1e-3} for node in planner.graph.nodes}
        free = {("cpu", "gpu"): Crossing(0.0, 0.0, ("gpu",)), ("gpu", "cpu"): Crossing(0.0, 0.0, ("cpu",))}
        store.keep_costs(store.key(planner.graph, planner.model, planner.devices), Costs(each, each, free))
    with Session(model, **wanted) as session:
        yield session


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_a_session_plans_again_by_scaled_costs(model: Any, on_the_gpu: Session) -> None:
    frame = np.random.default_rng(0).standard_normal((1, 8, 16, 16), np.float32)
    shapes = on_the_gpu.shapes({})
    want, before, costs = on_the_gpu(frame), on_the_gpu.plan, on_the_gpu.costs()
    assert set(before.placements[0].values()) == {"gpu"}
    assert on_the_gpu.decisions.follows(shapes)
    assert on_the_gpu.decisions.expected(shapes).keys() == {"cpu", "gpu"}
    assert not on_the_gpu.decisions.replanned(shapes, {"cpu": 1.0, "gpu": 1.0})
    assert on_the_gpu.plan == before
    assert on_the_gpu.decisions.replanned(shapes, {"cpu": 1e-2, "gpu": 1e4})
    assert set(on_the_gpu.plan.placements[0].values()) == {"cpu"}
    for name, value in on_the_gpu(frame).items():
        np.testing.assert_allclose(value, want[name], rtol=1e-5)
    assert on_the_gpu.costs() == costs.scaled({"cpu": 1e-2, "gpu": 1e4})
    with Session(model, "cpu+gpu", plan=on_the_gpu.plan) as obeyed:
        assert not obeyed.decisions.follows(shapes)
    with Session(model, "cpu") as single:
        assert not single.decisions.follows(shapes)


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_a_real_stream_follows(model: Any, on_the_gpu: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "EVERY", 0.0)
    monkeypatch.setattr(follow, "worked", lambda *_: {"gpu": 1e3})
    random = np.random.default_rng(0)
    single = {key: Session(model, key, threads=1) for key in ("cpu", "gpu")}
    with Stream(on_the_gpu) as stream:
        count = 0
        while not stream.statistics().changes and count < 10_000:
            frame = random.standard_normal((1, 8, 16, 16), np.float32)
            (got,) = stream.submit(frame).result(10).outputs.values()
            for each in single.values():
                np.testing.assert_array_equal(got, next(iter(each(frame).values())))  # a maximum is exact
            count += 1
        assert stream.statistics().changes == 1
        assert stream.statistics().frames == count
    assert set(on_the_gpu.plan.placements[0].values()) == {"cpu"}
