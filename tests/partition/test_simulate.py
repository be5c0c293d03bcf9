"""The simulator: a table by hand, and the largest load as the pace of the steady state."""

from __future__ import annotations

import random

import pytest

from hetero.partition.simulate import simulate

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
    spans = simulate([[("cpu", 100.0)], [("gpu", 1.0)]], [0] + [1] * 50, depth=2, frames=20)
    assert sum(span.end <= 100 for span in spans if span.device == "gpu") == 3


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
