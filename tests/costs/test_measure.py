"""Costs of a small network on the devices there are, and the problem that they make."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from onnx import helper

from engine.formats.onnx import load, resolve
from engine.graph import Graph
from hetero import trial
from hetero.costs import measure as measuring
from hetero.costs.costs import Costs
from hetero.costs.measure import eased, measure, working
from hetero.costs.rehearsal import Fit, Rehearsal
from hetero.frames import prepared
from hetero.machine import choose
from hetero.partition.problem import Crossing, period
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import Pipeline
from hetero.pipeline.post import Post
from hetero.planner import Planner
from tests.hetero.ways import GPU
from tests.models import model

BOTH = "cpu+gpu" if GPU else "cpu"


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Poolings one after the other, which nothing fuses."""
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("MaxPool", [f"t{i}"], [f"t{i + 1}"], name=f"op{i}", **window) for i in range(6)]
    loaded = load(model(nodes, {"t0": (1, 8, 16, 16)}, ["t6"]))
    return prepared(loaded, resolve(loaded, {}))


@pytest.mark.parametrize(("device", "streams"), [("cpu", 1), ("cpu", 2), (BOTH, 1)])
def test_every_operator_on_every_device(graph: Graph, device: str, streams: int) -> None:
    devices = choose(device, streams, streams)
    found = measure(graph, devices)
    names = {node.name for node in graph.nodes}
    for table in (found.alone, found.busy):
        assert set(table) == names
        assert all(set(cost) == set(devices) for cost in table.values())
        assert all(0 <= seconds < 1 for cost in table.values() for seconds in cost.values())
        assert sum(seconds for cost in table.values() for seconds in cost.values()) > 0
    assert len(found.crossing) == len(devices) * (len(devices) - 1)
    assert Costs.from_record(found.to_record()) == found
    problem = found.problem(graph, {key: each.streams for key, each in devices.items()})
    assert set(problem.devices) == set(devices)
    assert all(0 < part <= 1 for part in problem.alone.values())


def test_no_more_rounds_than_time(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    take = measuring.Samples.take

    def noted(self: Any) -> None:
        taken.append(self)
        take(self)

    monkeypatch.setattr(measuring.Samples, "take", noted)
    monkeypatch.setattr(measuring, "ENOUGH", 0.0)
    measure(graph, choose("cpu", 1))
    assert len(taken) == 1 + measuring.FEWEST


def test_busy_costs_are_those_alone_as_a_rehearsal_found_them() -> None:
    class Rehearsed:
        def fits(self, alone: Any) -> dict[str, Fit]:
            return {"cpu": Fit(1.5, 1e-5, 1e-10), "gpu": Fit(1.0, 2e-5, 2e-10)}

        def caller(self) -> float:
            return 5e-5

    alone = {"a": {"cpu": 2e-3, "gpu": 1e-3}, "b": {"cpu": 4e-3}}
    found = measuring.combined(alone, cast(Any, Rehearsed()))
    assert found.alone == alone
    assert found.busy == {"a": {"cpu": 3e-3, "gpu": 1e-3}, "b": {"cpu": 6e-3}}
    assert found.crossing["cpu", "gpu"] == Crossing(2e-5, 2e-10, ("gpu",))
    assert found.crossing["gpu", "cpu"] == Crossing(1e-5, 1e-10, ("cpu",))
    assert found.caller == found.scaled({"cpu": 2.0}).caller == 5e-5
    assert measuring.combined(alone, None) == Costs(alone, alone, {})


def test_what_a_device_takes_by_itself_is_what_is_predicted_of_it(graph: Graph) -> None:
    names = [node.name for node in graph.nodes]
    busy = {name: {"cpu": 0.004, "gpu": 0.002, "idle": 0.0} for name in names}
    crossing = {(a, b): Crossing(1e-3, 0.0, (b,)) for a in busy[names[0]] for b in busy[names[0]] if a != b}
    devices: Any = {key: SimpleNamespace(streams=2 if key == "cpu" else 1) for key in busy[names[0]]}
    whole = 0.002 * len(names)
    costs = eased(Costs(busy, busy, crossing), graph, devices, {"cpu": whole, "gpu": 9.0, "idle": 0.0})
    assert costs.part == costs.scaled({"cpu": 2.0}).part
    assert costs.part["gpu"] == 1.0  # what noise made faster beside others counts as 1
    problem = costs.problem(graph, {key: each.streams for key, each in devices.items()})
    assert period(problem, [problem.prefer("cpu")]) == pytest.approx(whole / 2)


def test_neighbours_work_while_the_block_runs() -> None:
    class Endless:
        def __init__(self) -> None:
            self.runs = 0
            self.began = threading.Event()

        def start(self) -> None:
            self.runs += 1
            self.began.set()

        def wait(self) -> None:
            time.sleep(0)

    neighbours: Any = [Endless(), Endless()]
    with working(neighbours):
        assert all(each.began.wait(10) for each in neighbours)
    after = [each.runs for each in neighbours]
    assert threading.active_count() < 50
    assert after == [each.runs for each in neighbours]


def test_a_problem_divides_times_among_streams(graph: Graph) -> None:
    names = [node.name for node in graph.nodes]
    table = {name: {"cpu": 0.004, "gpu": 0.002} for name in names}
    crossing = {("cpu", "gpu"): Crossing(1e-3, 1e-9, ("gpu",)), ("gpu", "cpu"): Crossing(2e-3, 2e-9, ("cpu",))}
    alone = {name: {"cpu": 0.003, "gpu": 0.004} for name in names}
    costs = Costs(alone, table, crossing, part={"cpu": 0.75})
    problem = costs.problem(graph, {"cpu": 2, "gpu": 1})
    assert [cost["cpu"] for cost in problem.costs.values()] == [0.002] * len(names)
    assert [cost["gpu"] for cost in problem.costs.values()] == [0.002] * len(names)
    assert problem.crossing["gpu", "cpu"] == Crossing(1e-3, 1e-9, ("cpu",))
    assert problem.crossing["cpu", "gpu"] == crossing["cpu", "gpu"]
    assert problem.alone == {"cpu": 0.75, "gpu": 1.0}
    single = replace(problem, crossing=dict.fromkeys(problem.crossing, Crossing(0.0)))
    on_cpu = single.prefer("cpu")
    assert period(single, [on_cpu]) == pytest.approx(0.75 * 0.002 * len(names))


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_only_whole_frames_are_begun_ahead(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    devices, given = choose(BOTH, 1), set()

    def watched(line: Line, *words: Any, posts: Mapping[str, Post]) -> Pipeline:
        if "gpu" in posts:
            given.add((len(line.variants), posts["gpu"].ahead))
        return Pipeline(line, *words, posts=posts)

    monkeypatch.setattr(devices["gpu"], "ahead", 2)
    monkeypatch.setattr(trial, "Pipeline", watched)
    Rehearsal(graph, devices, dict.fromkeys(devices, 1e-3)).measure()
    assert given == {(4, 0), (2, 2), (1, 2)}


@pytest.mark.skipif(not GPU, reason="needs two devices")
@pytest.mark.parametrize("least", ["together", "cpu", "gpu"])
def test_the_caller_takes_what_it_takes_where_it_takes_least(graph: Graph, least: str) -> None:
    """Results of one device that wait for another's take it longer, and no plan may undercut it."""
    rehearsal = Rehearsal(graph, choose(BOTH, 1), {"cpu": 1e-3, "gpu": 1e-3})
    for key, stream in {"together": rehearsal._wholes, **rehearsal._own}.items():
        stream.trial.callers[:] = [1e-4] * 3 if key == least else [3e-4] * 3
    assert rehearsal.caller() == pytest.approx(1e-4)


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_a_second_planner_reads_what_the_first_measured(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HETERO_COSTS", str(tmp_path))
    devices = choose(BOTH, 1)
    first = Planner(graph, "ab" * 32, devices).problem
    monkeypatch.setattr(measuring, "recorded", lambda *_: pytest.fail("measured again"))
    assert Planner(graph, "ab" * 32, devices).problem == first
