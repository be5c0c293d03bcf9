"""Strategies: what each promises, against brute force where there is something to optimise."""

from __future__ import annotations

import pytest
from random_problems import random_problem

from hetero.partition.problem import Crossing, Problem, Tensor, loads, period
from hetero.partition.strategies import UnknownStrategy, strategies, strategy
from hetero.partition.strategies.interleave import LONGEST, spread

CROSSING = {("cpu", "gpu"): Crossing(0.5), ("gpu", "cpu"): Crossing(0.5)}


def pair(cpu: float, gpu: float) -> Problem:
    """One operator, free crossings."""
    free = {("cpu", "gpu"): Crossing(0), ("gpu", "cpu"): Crossing(0)}
    return Problem({"a": {"cpu": cpu, "gpu": gpu}}, (Tensor("x", 1, None, ("a",)),), free)


def test_a_file_is_a_strategy() -> None:
    assert strategies() == ("cpu", "gpu", "gpu-first", "interleave", "single-cut")
    with pytest.raises(UnknownStrategy, match=r"'gpu_first'; known: cpu, .*; did you mean 'gpu-first'\?"):
        strategy("gpu_first")


@pytest.mark.parametrize("name", strategies())
@pytest.mark.parametrize("seed", range(40))
def test_drafts_are_complete_and_predict_their_period(name: str, seed: int) -> None:
    problem = random_problem(seed)
    if set(problem.devices) == {"cpu"}:
        pytest.skip("this network runs on the CPU alone")
    found = strategy(name)(problem)
    assert found.predicted == period(problem, found.placements, found.schedule)
    assert set(found.schedule) == set(range(len(found.placements)))
    for placement in found.placements:
        assert list(placement) == list(problem.costs)
        loads(problem, placement)  # every operator where it can run
    assert found == strategy(name)(problem)


def test_single_devices_and_their_notes() -> None:
    problem = Problem(
        {"a": {"cpu": 1, "gpu": 1}, "b": {"cpu": 1}},
        (Tensor("t", 1, "a", ("b",)),),
        CROSSING,
    )
    assert strategy("cpu")(problem).placements == ({"a": "cpu", "b": "cpu"},)
    assert strategy("cpu")(problem).note == ""
    gpu = strategy("gpu")(problem)
    assert gpu.placements == ({"a": "gpu", "b": "cpu"},)
    assert gpu.note == "1 of 2 operators cannot run on gpu: b"
    assert strategy("gpu-first")(problem).placements == gpu.placements


def test_without_a_gpu() -> None:
    problem = Problem({"a": {"cpu": 1}}, ())
    for name in ("cpu", "gpu-first", "single-cut"):
        assert strategy(name)(problem).placements == ({"a": "cpu"},)
    for name in ("gpu", "interleave"):
        with pytest.raises(ValueError, match="no operator can run on 'gpu'; devices: cpu"):
            strategy(name)(problem)


def test_interleave_deals_in_the_ratio_of_speeds() -> None:
    found = strategy("interleave")(pair(cpu=3, gpu=1))
    assert found.schedule == (0, 1, 1, 1) or sorted(found.schedule) == [0, 1, 1, 1]
    assert found.predicted == pytest.approx(0.75)
    assert strategy("interleave")(pair(cpu=1, gpu=1)).schedule in ((0, 1), (1, 0))


def test_interleave_leaves_out_a_device_that_is_far_too_slow() -> None:
    found = strategy("interleave")(pair(cpu=100, gpu=1))
    assert found.placements == ({"a": "gpu"},)
    assert found.schedule == (0,)


@pytest.mark.parametrize("seed", range(40))
def test_interleave_beats_every_other_round(seed: int) -> None:
    problem = random_problem(seed)
    if "gpu" not in problem.devices:
        pytest.skip("this network runs on the CPU alone")
    both = [problem.prefer("cpu"), problem.prefer("gpu")]
    best = min(period(problem, both, [1] * k + [0] * (n - k)) for n in range(1, LONGEST + 1) for k in range(n + 1))
    assert strategy("interleave")(problem).predicted == pytest.approx(best)


@pytest.mark.parametrize("length", range(1, 17))
def test_spread_is_even(length: int) -> None:
    for ones in range(length + 1):
        pattern = spread(ones, length) * 2
        assert sum(pattern) == 2 * ones
        for width in range(1, length + 1):
            counts = {sum(pattern[i : i + width]) for i in range(length)}
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("seed", range(150))
def test_single_cut_is_the_best_prefix(seed: int) -> None:
    problem = random_problem(seed, partial=False)
    names = list(problem.costs)
    best = min(
        max(loads(problem, {n: front if n in names[:at] else back for n in names}).values())
        for at in range(len(names) + 1)
        for front, back in (("cpu", "gpu"), ("gpu", "cpu"))
    )
    assert strategy("single-cut")(problem).predicted == pytest.approx(best)


def test_single_cut_splits_a_chain_in_the_middle() -> None:
    names = [f"op{i}" for i in range(6)]
    tensors = [Tensor("x", 1, None, ("op0",))]
    tensors += [Tensor(f"t{i}", 1, f"op{i}", (f"op{i + 1}",)) for i in range(5)]
    tensors += [Tensor("y", 1, "op5", output=True)]
    problem = Problem({name: {"cpu": 2, "gpu": 2} for name in names}, tuple(tensors), CROSSING)
    found = strategy("single-cut")(problem)
    assert list(found.placements[0].values()) == ["cpu"] * 3 + ["gpu"] * 3
    assert found.predicted == 6 + 1  # half the operators, and a crossing there and one back
