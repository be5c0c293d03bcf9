"""Planner and outlook on the devices there are: measured plans, and plans by prediction under all the options."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from onnx import helper
from typer.testing import CliRunner, Result

from hetero import Plan, Session, contest
from hetero import planner as planning
from hetero.cli import app
from hetero.outlook import Outlook
from hetero.partition.objective import Objective, ObjectiveError
from hetero.partition.problem import Crossing, Problem, Tensor
from hetero.planner import TRIED, Planner
from tests.hetero.ways import GPU
from tests.models import model

BOTH = "cpu+gpu" if GPU else "cpu"


def chain(length: int = 6) -> Any:
    """Poolings one after the other, which nothing fuses."""
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [helper.make_node("MaxPool", [f"t{i}"], [f"t{i + 1}"], name=f"op{i}", **window) for i in range(length)]
    return model(nodes, {"t0": (1, 8, 16, 16)}, [f"t{length}"])


@pytest.fixture(scope="module")
def outlook() -> Outlook:
    """The chain's devices with costs of our own, so that plans do not depend on the machine."""
    measured = Outlook.of(chain(), BOTH, 1)
    names = [node.name for node in measured.planner.graph.nodes]
    assert len(names) == 8  # the poolings, and a change of layout at either end
    costs = {name: {"cpu": 0.002, "gpu": 0.001} if GPU else {"cpu": 0.002} for name in names}
    tensors = [Tensor("in", 4096, None, (names[0],)), Tensor("out", 4096, names[-1], output=True)]
    tensors += [Tensor(f"{a}-{b}", 4096, a, (b,)) for a, b in pairwise(names)]
    crossing = dict.fromkeys((("cpu", "gpu"), ("gpu", "cpu")), Crossing(0.0001)) if GPU else {}
    problem = Problem(costs, tuple(tensors), crossing, keeps=dict.fromkeys(names, 2**20))
    return replace(measured, problem=problem)


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_auto_measures_and_says_what_is_proven() -> None:
    with Session(chain(), "cpu+gpu", threads=1) as session:
        plan = session.plan
    assert plan.strategy in TRIED
    assert plan.measured is not None
    assert plan.bound is not None
    assert plan.predicted is not None
    assert plan.bound <= plan.predicted * (1 + 1e-9)
    assert set(plan.prices) == set(plan.costs) == set(plan.placements[0])
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_auto_tries_batches() -> None:
    with Session(chain(), "cpu+gpu", threads=1, batch=3) as session:
        plan = session.plan
    assert (plan.batch, plan.strategy in TRIED) == (3, True)
    assert plan.measured is not None


def test_plans_that_say_the_same_are_tried_once(monkeypatch: pytest.MonkeyPatch, outlook: Outlook) -> None:
    planner = Planner(outlook.planner.graph, "0" * 64, outlook.planner.devices)
    monkeypatch.setattr(planner, "problem", outlook.problem, raising=False)
    assert len(planner.plans(("cpu", "cpu", "greedy", "cpu"))) <= 2


@pytest.mark.skipif(not GPU, reason="needs two devices")
@pytest.mark.parametrize(("strategy", "tried"), [("gpu", [1]), ("interleave", [1, 2])])
def test_how_the_cpu_is_divided_is_tried_where_it_matters(
    strategy: str, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def fastest(entries: Any) -> Any:
        found.extend(plan.streams for _, plans in entries for plan in plans)
        return contest.fastest(entries)

    monkeypatch.setattr(planning, "fastest", fastest)
    with Session(chain(), "cpu+gpu", threads=2, strategy=strategy, streams="auto") as session:
        assert session.plan.strategy == strategy
    assert found == tried


def test_the_best_prediction_is_taken(outlook: Outlook) -> None:
    plan = outlook.plan()
    others = [outlook.plan(name) for name in (TRIED if GPU else ("cpu",))]
    assert plan.predicted == min(other.predicted for other in others if other.predicted is not None)
    assert plan.measured is None
    assert plan.slots >= 2


@pytest.mark.skipif(not GPU, reason="needs two devices")
def test_objectives_limits_and_what_if(outlook: Outlook) -> None:
    least = outlook.plan(objective=Objective("cpu", rate=1 / 0.0085))
    assert set(least.placements[0].values()) == {"gpu"}
    slow = outlook.changed({"gpu": 4.0}, {}).plan("exact")
    now = outlook.plan("exact")
    assert list(slow.placements[0].values()).count("gpu") < list(now.placements[0].values()).count("gpu")
    small = outlook.changed({}, {"gpu": 2**20}).plan()
    assert list(small.placements[0].values()).count("gpu") == 1
    with pytest.raises(ObjectiveError, match=r"the least latency 8\.4 ms"):
        outlook.plan(objective=Objective(latency=0.001))
    with pytest.raises(ValueError, match="memory of 'npu', but the devices are cpu, gpu"):
        outlook.changed({}, {"npu": 1})


def test_the_front_runs_from_least_latency_to_most_throughput(outlook: Outlook) -> None:
    front = outlook.front()
    assert [point["latency"] for point in front] == sorted(point["latency"] for point in front)
    assert [point["fps"] for point in front] == sorted(point["fps"] for point in front)


def test_simulated(outlook: Outlook) -> None:
    plan = outlook.plan("cpu")
    found = outlook.simulated(plan)
    assert plan.predicted is not None
    assert found["fps"] == pytest.approx(1 / plan.predicted)
    assert found["busy"] == {"cpu": pytest.approx(1.0)}
    assert found["chart"] == [f"cpu {''.join(str(frame) * 25 for frame in range(4))}"]
    assert {event["name"] for event in found["timeline"]} == set(outlook.problem.costs)


class TestCommands:
    """`hetero plan` with questions, on the devices there are."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "net.onnx"
        path.write_bytes(chain().SerializeToString())
        return path

    def plan(self, *words: object) -> Result:
        return CliRunner().invoke(app, ["plan", *map(str, words), "--device", BOTH, "--threads", "1"])

    def test_simulate(self, path: Path) -> None:
        said = self.plan(path, "--simulate")
        assert said.exit_code == 0, said.stderr
        assert "frames in flight: " in said.stdout
        assert "x crosses, . waits:" in said.stdout
        data = json.loads(self.plan(path, "--simulate", "--what-if", "cpu=0.5x", "--json").stdout)
        assert {"fps", "latency", "busy", "chart", "timeline"} <= data["simulation"].keys()
        assert data["plan"]["version"] == 3

    def test_pareto(self, path: Path) -> None:
        assert "frames/s" in self.plan(path, "--pareto").stdout
        assert json.loads(self.plan(path, "--pareto", "--json").stdout)["front"]

    def test_a_plan_for_an_objective_is_saved_and_runs(self, path: Path, tmp_path: Path) -> None:
        saved = tmp_path / "plan.json"
        said = self.plan(path, "--objective", "latency", "--save", saved)
        assert said.exit_code == 0, said.stderr
        with Session(path, BOTH, plan=saved) as session:
            assert session.plan.strategy == "latency"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--objective", "speed"), "unknown objective 'speed'; expected throughput, latency, cpu, energy"),
            (("--what-if", "gpu"), "--what-if 'gpu': expected NAME=NUMBER"),
            (("--what-if", "tpu=2x"), "nothing is called 'tpu' to scale"),
            (("--what-if", "cpu=2", "--save", "plan.json"), "its plan is not to be saved"),
            (("--rate", "1e9"), "no plan has 1e+09 frames a second"),
            (("--memory-limit", "cpu=lots"), "--memory-limit 'cpu=lots': expected NAME=NUMBER"),
        ],
    )
    def test_bad_words(self, words: tuple[str, ...], message: str, path: Path) -> None:
        said = self.plan(path, *words)
        assert said.exit_code == 2
        assert message in said.stderr
        assert len(said.stderr.splitlines()) == 1
