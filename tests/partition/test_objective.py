"""Objectives, against brute force; limits that cannot be kept; and the front that nothing beats on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from random_problems import random_problem

from hetero.partition.objective import Objective, ObjectiveError, best, latency, pareto
from hetero.partition.problem import Placement, Problem, loads
from hetero.partition.strategies import strategies, strategy

WATTS = {"cpu": 12.0, "gpu": 5.0}
Load = dict[str, float]


def plain(seed: int) -> Problem:
    return replace(random_problem(seed, most=8, partial=False), overhead={})


def every(problem: Problem) -> list[tuple[Placement, Load]]:
    placements = (dict(zip(problem.costs, each, strict=True)) for each in product(*problem.costs.values()))
    return [(placement, loads(problem, placement)) for placement in placements]


AIMS: dict[str, Callable[[Load], float]] = {
    "throughput": lambda load: max(load.values()),
    "latency": lambda load: sum(load.values()),
    "cpu": lambda load: load["cpu"],
    "energy": lambda load: sum(WATTS[device] * seconds for device, seconds in load.items()),
}


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("seed", range(12))
def test_best_under_limits(aim: str, seed: int) -> None:
    """Free, under a camera's rate, and under a rate and a latency that leave some choice."""
    problem = plain(seed)
    all_loads = [load for _, load in every(problem)]
    pace = min(max(load.values()) for load in all_loads) * 1.15
    wait = min(sum(load.values()) for load in all_loads if max(load.values()) <= pace) * 1.1
    for rate, delay in ((None, None), (1 / pace, None), (1 / pace, wait)):
        within = [
            load
            for load in all_loads
            if (rate is None or max(load.values()) <= 1 / rate) and (delay is None or sum(load.values()) <= delay)
        ]
        found = best(problem, Objective(aim, delay, rate, WATTS))
        got = loads(problem, found.placements[0])
        assert AIMS[aim](got) == pytest.approx(min(map(AIMS[aim], within)), rel=1e-3)
        assert rate is None or max(got.values()) <= (1 + 1e-6) / rate
        assert delay is None or sum(got.values()) <= delay * (1 + 1e-6)


def test_what_cannot_be_kept_is_said_with_what_can() -> None:
    problem = plain(3)
    every_load = [load for _, load in every(problem)]
    fast, soon = min(max(load.values()) for load in every_load), min(sum(load.values()) for load in every_load)
    with pytest.raises(ObjectiveError) as error:
        best(problem, Objective(latency=1e-3, rate=1e6))
    assert str(error.value) == (
        "no placement has 1e+06 frames a second and a latency of 1 ms: with no such limits the most is "
        f"{1 / fast:.4g} frames a second, the least latency {1e3 * soon:.4g} ms"
    )
    tight = replace(problem, keeps=dict.fromkeys(problem.costs, 8), memory={"cpu": 4, "gpu": 4})
    with pytest.raises(ObjectiveError, match="4 bytes on cpu, 4 bytes on gpu: the memory is too small"):
        best(tight, Objective())


def test_a_rate_at_which_nobody_can_bring_frames() -> None:
    problem = Problem({"a": {"cpu": 1e-3}}, (), caller=2e-3)
    assert best(problem, Objective(rate=500.0)).predicted == 2e-3
    with pytest.raises(ObjectiveError, match=r"no plan has 800 .* takes 2 ms each, which leaves 500 frames a second"):
        best(problem, Objective(rate=800.0))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"aim": "speed"}, "unknown objective 'speed'; expected throughput, latency, cpu, energy"),
        ({"aim": "energy"}, "needs to know what each device draws"),
        ({"rate": 0.0}, "rate is 0.0, expected a number above 0"),
        ({"watts": {"gpu": -1.0}}, "gpu is -1.0"),
    ],
)
def test_objectives_that_contradict_themselves(words: dict[str, object], message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Objective(**words)


def test_watts_of_a_device_that_is_not_there() -> None:
    with pytest.raises(ObjectiveError, match="watts for 'npu', but there are only cpu, gpu"):
        best(plain(0), Objective("energy", watts={"npu": 1.0}))


@pytest.mark.parametrize("seed", range(6))
def test_nothing_beats_the_front_on_both_sides(seed: int) -> None:
    problem = plain(seed)
    drafts = [strategy(name)(problem) for name in strategies()]
    front = pareto(problem, drafts)
    points = [(latency(problem, each), each.predicted) for each in front]
    assert points == sorted(points)
    assert [pace for _, pace in points] == sorted((pace for _, pace in points), reverse=True)
    all_loads = [load for _, load in every(problem)]
    assert points[0][0] == pytest.approx(min(sum(load.values()) for load in all_loads), rel=1e-3)
    assert points[-1][1] == min(each.predicted for each in drafts)
    for delay, pace in points:
        rivals = [max(load.values()) for load in all_loads if sum(load.values()) <= delay]
        assert pace <= min(rivals) * (1 + 1e-3)
