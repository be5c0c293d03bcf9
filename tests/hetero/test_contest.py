"""The contest: the fastest as measured wins, and costs that are far off are corrected once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hetero import contest
from hetero.plan import Plan

CPU, GPU = 0.006, 0.001  # seconds of a frame, in truth


def plan(strategy: str, gpu_frames: int, frames: int) -> Plan:
    placements = (
        ({"op": "cpu"}, {"op": "gpu"}) if 0 < gpu_frames < frames else ({"op": "gpu" if gpu_frames else "cpu"},)
    )
    schedule = [1] * gpu_frames + [0] * (frames - gpu_frames) if len(placements) > 1 else [0]
    return Plan(strategy, strategy, "0" * 64, {"cpu": "a", "gpu": "b"}, 1, placements, tuple(schedule))


def share_of_gpu(made: Plan) -> float:
    """What part of the frames the GPU gets."""
    return sum(made.placements[each]["op"] == "gpu" for each in made.schedule) / len(made.schedule)


class FakePlanner:
    """Deals frames in the ratio of costs that may be wrong."""

    def __init__(self, cpu: float, gpu: float) -> None:
        self.costs = {"cpu": cpu, "gpu": gpu}
        self.devices = {key: SimpleNamespace(streams=1) for key in self.costs}

    def plans(self, strategies: Sequence[str] = ("gpu", "interleave")) -> list[Plan]:
        share = round(10 * self.costs["cpu"] / sum(self.costs.values()))
        whole = {"gpu": plan("gpu", 1, 1), "interleave": plan("interleave", share, 10)}
        return [whole[each] for each in strategies]

    def expected(self, made: Plan) -> dict[str, float]:
        share = share_of_gpu(made)
        return {"cpu": (1 - share) * self.costs["cpu"], "gpu": share * self.costs["gpu"]}

    def corrected(self, costs: Mapping[str, float], factors: Mapping[str, float]) -> FakePlanner:
        return FakePlanner(*(costs[key] * factors[key] for key in ("cpu", "gpu")))

    def compiled(self, made: Plan) -> Any:
        return SimpleNamespace(plan=made)


class FakeTrial:
    """What a pipeline would measure in truth."""

    made: list[FakeTrial]

    def __init__(self, compiled: Any) -> None:
        self.compiled, self.rounds = compiled, 0
        share = share_of_gpu(compiled.plan)
        self._work = {"cpu": (1 - share) * CPU, "gpu": share * GPU}
        self.period = max(self._work.values())
        FakeTrial.made.append(self)

    def measure(self) -> None:
        self.rounds += 1

    def worked(self) -> dict[str, float]:
        return self._work


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> list[FakeTrial]:
    monkeypatch.setattr(contest, "Trial", FakeTrial)
    FakeTrial.made = []
    return FakeTrial.made


def test_one_plan_is_not_tried(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner(CPU, GPU)
    found = contest.fastest([(planner, planner.plans(["gpu"]))])
    assert (found.plan.strategy, found.plan.measured) == ("gpu", None)
    assert not trials


def test_right_costs_stay(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner(CPU, GPU)
    found = contest.fastest([(planner, planner.plans())])
    assert (found.plan.strategy, share_of_gpu(found.plan)) == ("interleave", 0.9)
    assert found.plan.measured == pytest.approx(0.9 * GPU)
    assert len(trials) == 2


def test_wrong_costs_are_corrected(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner(CPU, 2 * CPU)
    found = contest.fastest([(planner, planner.plans())])
    assert (found.plan.strategy, share_of_gpu(found.plan)) == ("interleave", 0.9)
    assert len(trials) == 3  # the GPU alone is no new plan


def test_the_slow_are_not_measured_to_the_end(trials: list[FakeTrial]) -> None:
    slow: Any = FakePlanner(CPU, GPU)
    contest.fastest([(slow, [plan("gpu", 1, 1), plan("cpu", 0, 1)])])
    assert [each.rounds for each in trials] == [1, 1]


def test_what_is_hard_to_tell_is_measured_to_the_end_of_the_budget(
    trials: list[FakeTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    equal: Any = FakePlanner(CPU, GPU)
    contest.fastest([(equal, [plan("gpu", 1, 1), plan("gpu, too", 1, 1)])])
    assert [each.rounds for each in trials] == [1 + len(contest.HOPELESS)] * 2
    trials.clear()
    monkeypatch.setattr(contest, "BUDGET", -1.0)
    contest.fastest([(equal, [plan("gpu", 1, 1), plan("gpu, too", 1, 1)])])
    assert [each.rounds for each in trials] == [1, 1]
