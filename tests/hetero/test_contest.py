"""The contest: the fastest as measured wins, and is looked for as long as it is hard to tell."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hetero import contest
from hetero.plan import Plan
from hetero.profile import middle

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
    """Deals nine of ten frames to the GPU."""

    def plans(self, strategies: Sequence[str] = ("gpu", "interleave")) -> list[Plan]:
        whole = {"gpu": plan("gpu", 1, 1), "interleave": plan("interleave", 9, 10)}
        return [whole[each] for each in strategies]

    def compiled(self, made: Plan) -> Any:
        stages = ["stage"] * (3 if made.strategy == "cut" else 1)
        return SimpleNamespace(plan=made, variants=[stages] * len(made.placements))


class FakeTrial:
    """Measures the truth, but for what is disturbed."""

    made: list[FakeTrial]

    def __init__(self, compiled: Any) -> None:
        self.compiled, self.rounds = compiled, 0
        share = share_of_gpu(compiled.plan)
        self.truth = max((1 - share) * CPU, share * GPU)
        self.periods: list[float] = []
        self.disturbed = compiled.plan.strategy == "disturbed"
        FakeTrial.made.append(self)

    def measure(self) -> None:
        self.rounds += 1
        self.periods.append(self.truth * (2 if self.disturbed and self.rounds == 1 else 1))

    @property
    def period(self) -> float:
        return middle(self.periods)


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> list[FakeTrial]:
    monkeypatch.setattr(contest, "Trial", FakeTrial)
    FakeTrial.made = []
    return FakeTrial.made


def test_one_plan_is_not_tried(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner()
    found = contest.fastest([(planner, planner.plans(["gpu"]))])
    assert (found.plan.strategy, found.plan.measured) == ("gpu", None)
    assert not trials


def test_the_fastest_as_measured_wins(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner()
    found = contest.fastest([(planner, [*planner.plans(), plan("cpu", 0, 1)]), (planner, [plan("worse", 7, 10)])])
    assert (found.plan.strategy, found.plan.measured) == ("interleave", pytest.approx(0.9 * GPU))
    assert len(trials) == 4


@pytest.mark.parametrize(("cut", "winner"), [((9, 10), "interleave"), ((6, 7), "cut")])
def test_plans_must_be_faster_to_hand_over_more(cut: tuple[int, int], winner: str) -> None:
    planner: Any = FakePlanner()
    found = contest.fastest([(planner, [plan("cut", *cut), plan("interleave", 9, 10)])])
    assert found.plan.strategy == winner


@pytest.mark.parametrize("factors", [(2.0, 1.0, 2.0, 1.0, 1.0), (1.08, 0.92)], ids=["as a whole", "in most rounds"])
def test_plans_that_hand_over_more_must_be_faster(monkeypatch: pytest.MonkeyPatch, factors: Sequence[float]) -> None:
    planner: Any = FakePlanner()
    steady = FakeTrial.measure

    def measure(self: FakeTrial) -> None:
        steady(self)
        if self.compiled.plan.strategy == "cut":
            self.periods[-1] *= factors[self.rounds % len(factors)]

    entries = [(planner, [plan("cut", 6, 7), plan("interleave", 9, 10)])]
    assert contest.fastest(entries).plan.strategy == "cut"
    monkeypatch.setattr(FakeTrial, "measure", measure)
    assert contest.fastest(entries).plan.strategy == "interleave"


def test_devices_must_be_worth_it_too() -> None:
    planner: Any = FakePlanner()
    assert contest.fastest([(planner, [plan("gpu", 1, 1), plan("interleave", 6, 7)])]).plan.strategy == "interleave"
    assert contest.fastest([(planner, [plan("interleave", 99, 100), plan("gpu", 1, 1)])]).plan.strategy == "gpu"


def test_what_was_disturbed_once_stays_in(trials: list[FakeTrial]) -> None:
    planner: Any = FakePlanner()
    contest.fastest([(planner, [plan("disturbed", 9, 10), plan("interleave", 9, 10)])])
    assert [each.rounds for each in trials] == [1 + len(contest.HOPELESS)] * 2


def test_what_has_not_had_its_better_rounds_yet_stays_in(monkeypatch: pytest.MonkeyPatch) -> None:
    planner: Any = FakePlanner()
    steady = FakeTrial.measure

    def measure(self: FakeTrial) -> None:
        steady(self)
        if self.rounds <= 7 and (self.compiled.plan.strategy == "gpu" or self.rounds % 2):
            self.periods[-1] *= 1.25

    monkeypatch.setattr(FakeTrial, "measure", measure)
    slower = plan("interleave", 814, 1000)  # at 1.116 times the GPU's time
    assert contest.fastest([(planner, [plan("gpu", 1, 1), slower])]).plan.strategy == "gpu"


def test_the_slow_are_not_measured_to_the_end(trials: list[FakeTrial]) -> None:
    slow: Any = FakePlanner()
    contest.fastest([(slow, [plan("gpu", 1, 1), plan("cpu", 0, 1)])])
    assert [each.rounds for each in trials] == [1, 1]


def test_what_is_hard_to_tell_is_measured_to_the_end_of_the_budget(
    trials: list[FakeTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    equal: Any = FakePlanner()
    contest.fastest([(equal, [plan("gpu", 1, 1), plan("gpu, too", 1, 1)])])
    assert [each.rounds for each in trials] == [1 + len(contest.HOPELESS)] * 2
    trials.clear()
    monkeypatch.setattr(contest, "BUDGET", -1.0)
    contest.fastest([(equal, [plan("gpu", 1, 1), plan("gpu, too", 1, 1)])])
    assert [each.rounds for each in trials] == [1, 1]
