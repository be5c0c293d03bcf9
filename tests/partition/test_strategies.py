"""Strategies: what each promises, against brute force where there is something to optimise."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from random_problems import random_problem

from experiments.partition_strategies.random_networks import random_network
from hetero.partition.bound import bound
from hetero.partition.problem import Crossing, Problem, Tensor, loads, period
from hetero.partition.strategies import UnknownStrategy, annealing, exact, min_cut, strategies, strategy
from hetero.partition.strategies.interleave import LONGEST

CROSSING = {("cpu", "gpu"): Crossing(0.5), ("gpu", "cpu"): Crossing(0.5)}


def pair(cpu: float, gpu: float) -> Problem:
    """One operator, free crossings."""
    free = {("cpu", "gpu"): Crossing(0), ("gpu", "cpu"): Crossing(0)}
    return Problem({"a": {"cpu": cpu, "gpu": gpu}}, (Tensor("x", 1, None, ("a",)),), free)


def test_a_file_is_a_strategy() -> None:
    assert strategies() == (
        "annealing", "chain-dp", "cpu", "exact", "gpu", "gpu-first", "greedy", "heft", "interleave", "local-search",
        "min-cut", "single-cut", "two-plan-mix",
    )  # fmt: skip
    with pytest.raises(UnknownStrategy, match=r"'gpu_first'; known: annealing, .*; did you mean 'gpu-first'\?"):
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
    assert found.gap is not None
    assert found.gap >= -1e-9


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
    needs_gpu = {"gpu", "interleave"}
    for name in set(strategies()) - needs_gpu:
        assert strategy(name)(problem).placements == ({"a": "cpu"},)
    for name in needs_gpu:
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


SEARCHED = ("annealing", "chain-dp", "exact", "local-search")


@pytest.mark.parametrize("name", SEARCHED)
def test_a_search_is_never_worse_than_the_better_device(name: str) -> None:
    for seed in range(30):
        problem = replace(random_network(seed, 20), overhead={})
        alone = min(period(problem, [problem.prefer(device)]) for device in problem.devices)
        assert strategy(name)(problem).predicted <= alone * (1 + 1e-12)


def test_how_far_each_search_stays_from_the_bound() -> None:
    """Means over networks of 60 operators; the simple rules are an order of magnitude further away."""
    gaps = dict.fromkeys((*SEARCHED, "two-plan-mix", "greedy", "heft", "single-cut"), 0.0)
    for seed in range(8):
        problem = random_network(seed, 60)
        for name in gaps:
            gap = strategy(name)(problem).gap
            assert gap is not None
            gaps[name] += gap / 8
    assert gaps["two-plan-mix"] < 0.003
    assert gaps["exact"] <= gaps["local-search"] < 0.01
    assert gaps["chain-dp"] < 0.03
    assert gaps["annealing"] < 0.1
    assert min(gaps["greedy"], gaps["heft"], gaps["single-cut"]) > 0.05


def test_chain_dp_is_exact_on_a_chain() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        names = [f"op{i}" for i in range(10)]
        tensors = [Tensor("x", 1, None, ("op0",)), Tensor("y", 1, "op9", output=True)]
        tensors += [Tensor(f"t{i}", 1, f"op{i}", (f"op{i + 1}",)) for i in range(9)]
        costs = {name: dict(zip(("cpu", "gpu"), random.uniform(1, 10, 2).tolist(), strict=True)) for name in names}
        problem = Problem(costs, tuple(tensors), CROSSING)
        every = (dict(zip(names, each, strict=True)) for each in product(("cpu", "gpu"), repeat=10))
        best = min(period(problem, [placement]) for placement in every)
        assert strategy("chain-dp")(problem).predicted <= best * 1.01


def test_heft_by_hand() -> None:
    """Both b and c wait for a; c is longer, so it goes first and keeps a's device, and b takes the other."""
    cost = {"a": 2.0, "b": 3.0, "c": 4.0}
    problem = Problem(
        {name: {"cpu": seconds, "gpu": seconds} for name, seconds in cost.items()},
        (Tensor("x", 1, None, ("a",)), Tensor("t", 1, "a", ("b", "c"))),
        {("cpu", "gpu"): Crossing(0.1), ("gpu", "cpu"): Crossing(0.1)},
    )
    assert strategy("heft")(problem).placements == ({"a": "cpu", "b": "gpu", "c": "cpu"},)


def test_min_cut_at_a_weight() -> None:
    problem = random_problem(5, partial=False)
    assert set(min_cut.solve(problem, {"gpu": 1.0}).placements[0].values()) == {"cpu"}
    got = min_cut.solve(problem, {"cpu": 0.5, "gpu": 0.5}).placements[0]
    every = (dict(zip(problem.costs, each, strict=True)) for each in product(("cpu", "gpu"), repeat=len(problem.costs)))
    plain = replace(problem, overhead={})
    least = min(sum(loads(plain, placement).values()) for placement in every)
    assert sum(loads(plain, got).values()) == pytest.approx(least)


def test_annealing_depends_on_its_seed_alone() -> None:
    problem = random_network(1, 40)
    drafts = [annealing.solve(problem, seed) for seed in (1, 1, 2)]
    assert drafts[0] == drafts[1]
    assert drafts[0] != drafts[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_operators(seed: int) -> None:
    problem = random_network(seed, 1000)
    start = time.perf_counter()
    bound(problem)
    assert time.perf_counter() - start < 2
    found = exact.solve(problem)
    assert time.perf_counter() - start < 30
    assert found.dual is not None
    assert found.predicted <= 1.01 * found.dual
    start = time.perf_counter()
    strategy("single-cut")(problem)
    assert time.perf_counter() - start < 1
