"""The simulator: a table by hand, and the largest load as the pace of the steady state."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from random_problems import random_problem

from hetero.partition.itinerary import itinerary
from hetero.partition.problem import Crossing, Problem, Tensor, loads, period
from hetero.partition.simulate import enough, forecast, simulate, timeline
from hetero.pipeline.order import WINDOW

CHAIN = [("cpu", 2.0), ("gpu", 3.0)]


def test_a_table_by_hand() -> None:
    # time   0  1  2  3  4  5  6  7  8
    # cpu    0  0  1  1        2  2          frame 2 enters as frame 0 leaves its slot
    # gpu          0  0  0  1  1  1  2 ...
    assert simulate([CHAIN], [0], depth=2, frames=3) == [
        (0, 0, "cpu", 0, 2),
        (0, 1, "gpu", 2, 5),
        (1, 0, "cpu", 2, 4),
        (1, 1, "gpu", 5, 8),
        (2, 0, "cpu", 5, 7),
        (2, 1, "gpu", 8, 11),
    ]


def test_one_slot_is_frame_by_frame() -> None:
    assert simulate([CHAIN], [0], depth=1, frames=10)[-1].end == 50


def test_the_oldest_frame_goes_first() -> None:
    back = [("cpu", 1.0), ("gpu", 1.0), ("cpu", 5.0)]
    spans = simulate([back], [0], depth=3, frames=3)
    assert [(s.frame, s.stage) for s in spans if s.device == "cpu"][:4] == [(0, 0), (1, 0), (0, 2), (1, 2)]


def test_results_waiting_for_their_turn_are_bounded() -> None:
    spans = simulate([[("cpu", 100.0)], [("gpu", 1.0)]], [0] + [1] * 50, depth=2, frames=50)
    assert sum(span.end <= 100 for span in spans if span.device == "gpu") == 2 * WINDOW - 1


def test_a_device_of_two_streams_runs_two_frames_at_once() -> None:
    # time   0  1  2  3  4  5  6
    # cpu    0  0  2  2
    #        1  1     3  3                 frame 3 enters as frame 0 leaves its slot
    # gpu          0  1  2  3
    spans = simulate([[("cpu", 2.0), ("gpu", 1.0)]], [0], depth=3, frames=4, streams={"cpu": 2})
    assert spans == [
        (0, 0, "cpu", 0, 2),
        (1, 0, "cpu", 0, 2),
        (0, 1, "gpu", 2, 3),
        (2, 0, "cpu", 2, 4),
        (1, 1, "gpu", 3, 4),
        (3, 0, "cpu", 3, 5),
        (2, 1, "gpu", 4, 5),
        (3, 1, "gpu", 5, 6),
    ]


def test_nothing_to_do() -> None:
    assert simulate([CHAIN], [0], depth=3, frames=0) == []


@pytest.mark.parametrize("seed", range(60))
def test_devices_and_frames_do_one_thing_at_a_time(seed: int) -> None:
    random_ = random.Random(seed)
    variants = [
        [(random_.choice(["cpu", "gpu"]), random_.uniform(0, 3)) for _ in range(random_.randint(1, 5))]
        for _ in range(2)
    ]
    depth = random_.randint(1, 5)
    spans = simulate(variants, [0, 1, 1], depth, frames=30)
    assert len(spans) == sum(len(variants[(0, 1, 1)[frame % 3]]) for frame in range(30))
    for key in ("device", "frame"):
        lanes: dict[object, float] = {}
        for span in spans:
            assert lanes.get(getattr(span, key), 0.0) <= span.start
            lanes[getattr(span, key)] = span.end
    for span in spans:
        assert len({s.frame for s in spans if s.start <= span.start < s.end}) <= depth


@pytest.mark.parametrize("seed", range(30))
def test_with_enough_slots_the_largest_load_sets_the_pace(seed: int) -> None:
    random_ = random.Random(seed)
    variants = [
        [(random_.choice(["cpu", "gpu"]), random_.uniform(1, 3)) for _ in range(random_.randint(1, 4))]
        for _ in range(2)
    ]
    frames = 2000
    spans = simulate(variants, [0, 1], depth=24, frames=frames)
    load = {"cpu": 0.0, "gpu": 0.0}
    for span in spans:
        load[span.device] += (span.end - span.start) / frames
    assert max(span.end for span in spans) / frames == pytest.approx(max(load.values()), rel=0.02)


def random_plan(seed: int) -> tuple[Problem, list[dict[str, str]], list[int]]:
    """A problem, two placements that switch devices often, and a round of three frames; half with a copy engine."""
    problem = random_problem(seed)
    if seed % 2:
        copies = Crossing(0.5, 0.001, ("copy",))
        problem = replace(problem, crossing={("cpu", "gpu"): copies, ("gpu", "cpu"): copies})
    random_ = random.Random(seed)
    placements = [{name: random_.choice(list(cost)) for name, cost in problem.costs.items()} for _ in range(2)]
    return problem, placements, [0, 1, 1]


@pytest.mark.parametrize("seed", range(80))
def test_the_legs_of_a_placement_are_its_loads(seed: int) -> None:
    problem, (placement, _), _ = random_plan(seed)
    legs = itinerary(problem, placement)
    total = dict.fromkeys(problem.resources, 0.0)
    for leg in legs:
        total[leg.resource] += leg.seconds
    assert total == pytest.approx(loads(problem, placement))
    assert all(a.resource != b.resource for a, b in pairwise(legs))
    run = [piece.name for leg in legs for piece in leg.pieces if piece.kind == "operator"]
    assert sorted(run) == sorted(problem.costs)
    assert all(run.index(a) < run.index(b) for a, b in problem.graph.edges)


def test_an_itinerary_by_hand() -> None:
    problem = Problem(
        {"a": {"cpu": 1.0, "gpu": 1.0}, "b": {"cpu": 2.0, "gpu": 2.0}},
        (Tensor("x", 0, None, ("a",)), Tensor("t", 0, "a", ("b",)), Tensor("y", 0, "b", output=True)),
        {("cpu", "gpu"): Crossing(0.25), ("gpu", "cpu"): Crossing(0.5, on=("copy",))},
    )
    assert itinerary(problem, {"a": "cpu", "b": "gpu"}) == [
        ("cpu", (("operator", "a", 1.0), ("crossing", "t", 0.25))),
        ("gpu", (("crossing", "t", 0.25), ("operator", "b", 2.0))),
        ("copy", (("crossing", "y", 0.5),)),
    ]


def test_a_timeline_by_hand() -> None:
    problem = Problem(
        {"a": {"cpu": 1.0, "gpu": 9.0}, "b": {"cpu": 9.0, "gpu": 2.0}},
        (Tensor("t", 0, "a", ("b",)),),
        {("cpu", "gpu"): Crossing(0.5, on=("gpu",)), ("gpu", "cpu"): Crossing(0.5)},
    )
    assert timeline(problem, [{"a": "cpu", "b": "gpu"}], [0], depth=2, frames=2) == [
        (0, "cpu", "operator", "a", 0.0, 1.0),
        (0, "gpu", "wait", "", 0.0, 1.0),
        (0, "gpu", "crossing", "t", 1.0, 1.5),
        (1, "cpu", "operator", "a", 1.0, 2.0),
        (0, "gpu", "operator", "b", 1.5, 3.5),
        (1, "gpu", "crossing", "t", 3.5, 4.0),
        (1, "gpu", "operator", "b", 4.0, 6.0),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_timeline_fills_every_resource_without_overlap(seed: int) -> None:
    problem, placements, schedule = random_plan(seed)
    events = timeline(problem, placements, schedule, depth=3, frames=9)
    assert events == timeline(problem, placements, schedule, depth=3, frames=9)
    for resource in problem.resources:
        lane = [event for event in events if event.resource == resource]
        assert all(a.end == pytest.approx(b.start) for a, b in pairwise(lane))
        assert not lane or lane[0].start == 0
    for frame in range(9):
        run = [event.name for event in events if event.frame == frame and event.kind == "operator"]
        assert sorted(run) == sorted(problem.costs)


@pytest.mark.parametrize("seed", range(20))
def test_enough_depth_reaches_the_prediction(seed: int) -> None:
    problem, placements, schedule = random_plan(seed)
    depth = enough(problem, placements, schedule)
    found = forecast(problem, placements, schedule, depth)
    assert found.period == pytest.approx(period(problem, placements, schedule), rel=0.01)
    assert max(found.busy.values()) == pytest.approx(1, abs=0.01)
    assert depth == 1 or forecast(problem, placements, schedule, depth - 1).period > found.period
    assert found.latency <= depth * found.period * 1.5


def test_frames_that_end_early_or_late_say_nothing_of_the_pace() -> None:
    problem = Problem(
        {"a": {"cpu": 1.7, "gpu": 9.0}, "b": {"cpu": 18.9, "gpu": 20.4}, "c": {"cpu": 3.2, "gpu": 9.0}},
        (Tensor("t", 0, "a", ("b",)), Tensor("u", 0, "b", ("c",))),
        {("cpu", "gpu"): Crossing(0.0), ("gpu", "cpu"): Crossing(0.0)},
    )
    split = {"a": "cpu", "b": "gpu", "c": "cpu"}
    schedule = [int(digit) for digit in "1010110101101011011010110101"]
    plan = [problem.prefer("cpu"), split], schedule
    assert enough(problem, *plan) == 4
    for depth in range(4, 20):
        assert forecast(problem, *plan, depth).period == pytest.approx(period(problem, *plan), rel=0.002)


@pytest.mark.parametrize("seed", range(10))
def test_devices_that_slow_each_other_down(seed: int) -> None:
    problem, placements, schedule = random_plan(seed)
    problem = replace(problem, alone={"cpu": 0.7, "gpu": 0.9})
    depth = enough(problem, placements, schedule)
    found = forecast(problem, placements, schedule, depth)
    assert found.period == pytest.approx(period(problem, placements, schedule), rel=0.04)


def test_a_plan_on_one_device_needs_one_frame_in_flight() -> None:
    problem = random_problem(4, partial=False)
    assert enough(problem, [problem.prefer("cpu")], [0]) == 1
    whole = forecast(problem, [problem.prefer("cpu")], [0], 3)
    alone = period(problem, [problem.prefer("cpu")])
    assert whole.period == pytest.approx(alone)
    assert whole.latency == pytest.approx(3 * alone)


def test_a_caller_brings_one_frame_after_the_other() -> None:
    problem = Problem({"a": {"cpu": 1.0}, "b": {"cpu": 0.5}}, (), caller=2.0)
    placement = {"a": "cpu", "b": "cpu"}
    assert timeline(problem, [placement], [0], depth=2, frames=2) == [
        (0, "caller", "load", "load", 0.0, 2.0),
        (0, "cpu", "wait", "", 0.0, 2.0),
        (0, "cpu", "operator", "a", 2.0, 3.0),
        (1, "caller", "load", "load", 2.0, 4.0),
        (0, "cpu", "operator", "b", 3.0, 3.5),
        (1, "cpu", "wait", "", 3.5, 4.0),
        (1, "cpu", "operator", "a", 4.0, 5.0),
        (1, "cpu", "operator", "b", 5.0, 5.5),
    ]
    assert enough(problem, [placement], [0]) == 2
    found = forecast(problem, [placement], [0], 2)
    assert found.period == pytest.approx(2.0)
    assert found.latency == pytest.approx(3.5)
    assert found.busy == pytest.approx({"caller": 1.0, "cpu": 0.75})


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("part", [0.3, 1.5])
def test_a_caller_sets_the_pace_where_it_takes_longest(seed: int, part: float) -> None:
    problem, placements, schedule = random_plan(seed)
    devices = period(problem, placements, schedule)
    problem = replace(problem, caller=part * devices)
    assert period(problem, placements, schedule) == max(part, 1.0) * devices
    found = forecast(problem, placements, schedule, enough(problem, placements, schedule))
    assert found.period == pytest.approx(max(part, 1.0) * devices, rel=0.03)
