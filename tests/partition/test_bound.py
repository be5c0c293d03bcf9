"""The bound, the mix and the exact placement, against brute force and against each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import networkx as nx
import numpy as np
import pytest
from random_problems import random_problem

from hetero.partition.bound import bound
from hetero.partition.integer import Programme
from hetero.partition.ledger import Ledger
from hetero.partition.min_cut import SINK, SOURCE, flow_network, min_cut, weighted
from hetero.partition.problem import Crossing, Problem, ProblemError, demands, loads, paces, period
from hetero.partition.strategies import exact, strategy

SEEDS = 500
COPIES = {("cpu", "gpu"): Crossing(0.5, 0.001, ("copy",)), ("gpu", "cpu"): Crossing(0.3, 0.002, ("copy", "gpu"))}


def problem_of(seed: int) -> Problem:
    """Up to 12 operators; every third with a copy engine, some with a device that runs nothing."""
    problem = random_problem(seed, most=12)
    return replace(problem, crossing=COPIES) if seed % 3 == 0 else problem


def all_loads(problem: Problem) -> np.ndarray:
    """The loads of every placement [placements, resources], by moving one operator at a time."""
    names = list(problem.costs)
    ledger = Ledger(problem, problem.prefer(problem.host))
    found = [list(ledger.loads.values())]
    turns = [(name, list(problem.costs[name])) for name in names]

    def walk(rest: list[tuple[str, list[str]]]) -> None:
        if not rest:
            return
        (name, devices), *others = rest
        home = ledger.placement[name]
        walk(others)
        for device in devices:
            if device != home:
                ledger.move(name, device)
                found.append(list(ledger.loads.values()))
                walk(others)
                ledger.move(name, home)

    walk(turns)
    return np.array(found)


def test_brute_force_knows_every_placement() -> None:
    problem = replace(problem_of(8), overhead={})
    placements = product(*problem.costs.values())
    want = [list(loads(problem, dict(zip(problem.costs, devices, strict=True))).values()) for devices in placements]
    np.testing.assert_allclose(np.sort(all_loads(problem), axis=0), np.sort(want, axis=0))


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, SEEDS, 50)])
def test_bound_mix_and_best_placement(seeds: range) -> None:
    """The bound <= best mix <= best placement; the mix reaches the bound; exact and its dual bound meet the best."""
    for seed in seeds:
        problem = replace(problem_of(seed), overhead={})
        every = all_loads(problem)
        best = every.max(axis=1).min()
        found = bound(problem)
        assert (every @ list(found.weights.values())).min() >= found.seconds * (1 - 1e-12)
        each = [loads(problem, placement) for placement in found.placements]
        mixed = max(
            sum(share * load[name] for share, load in zip(found.shares, each, strict=True))
            for name in problem.resources
        )
        assert found.seconds <= mixed * (1 + 1e-12)
        assert mixed == pytest.approx(found.seconds, rel=1e-6)
        assert mixed <= best * (1 + 1e-9)
        draft = exact.solve(problem, gap=0.0)
        assert draft.predicted == pytest.approx(best, rel=1e-6)
        assert draft.dual is not None
        assert found.seconds * (1 - 1e-9) <= draft.dual <= best * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(80))
def test_bound_mix_and_best_placement_of_devices_that_slow_each_other_down(seed: int) -> None:
    problem = replace(problem_of(seed), overhead={}, alone={"cpu": 0.8, "gpu": 0.6 + seed % 5 / 10})
    pace = np.array([[each.get(name, 0.0) for name in problem.resources] for each in paces(problem).values()])
    every = all_loads(problem) @ pace.T
    best = every.max(axis=1).min()
    found = bound(problem)
    each = [demands(problem, placement) for placement in found.placements]
    mixed = max(
        sum(share * need[name] for share, need in zip(found.shares, each, strict=True)) for name in problem.resources
    )
    assert (all_loads(problem) @ list(found.weights.values())).min() >= found.seconds * (1 - 1e-12)
    assert mixed == pytest.approx(found.seconds, rel=1e-6)
    assert mixed <= best * (1 + 1e-9)
    draft = exact.solve(problem, gap=0.0)
    assert draft.predicted == pytest.approx(best, rel=1e-6)
    assert draft.dual is not None
    assert found.seconds * (1 - 1e-9) <= draft.dual <= best * (1 + 1e-6)
    mix = strategy("two-plan-mix")(problem)
    assert found.seconds * (1 - 1e-9) <= mix.predicted == period(problem, mix.placements, mix.schedule)


@pytest.mark.parametrize("seed", range(60))
def test_the_cut_is_networkx_s_and_the_lightest_placement(seed: int) -> None:
    problem = replace(problem_of(seed), overhead={})
    weights = dict(zip(problem.resources, np.random.default_rng(seed).random(3), strict=False))
    found = min_cut(problem, weights)
    network = flow_network(problem)
    graph = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    capacities = weighted(network, np.array(list(weights.values())))
    for tail, head, capacity in zip(network.tails.tolist(), network.heads.tolist(), capacities.tolist(), strict=True):
        before = graph.get_edge_data(tail, head, {"capacity": 0.0})["capacity"]
        graph.add_edge(tail, head, capacity=before + capacity)
    value = nx.minimum_cut_value(graph, SOURCE, SINK)
    weight = sum(weights[name] * load for name, load in loads(problem, found.placement).items())
    assert weight == pytest.approx(value, rel=1e-6)
    assert weight == pytest.approx((all_loads(problem) @ list(weights.values())).min(), rel=1e-6)
    assert found.bound <= weight * (1 + 1e-12)
    assert found.bound == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize("seed", range(100))
def test_overheads_of_stages_leave_the_bound_true(seed: int) -> None:
    problem = random_problem(seed, most=7)
    placements = [dict(zip(problem.costs, each, strict=True)) for each in product(*problem.costs.values())]
    best = min(period(problem, [placement]) for placement in placements)
    assert bound(problem).seconds <= best
    assert strategy("exact")(problem).predicted >= best * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_the_mix_comes_near_the_bound(seed: int) -> None:
    problem = replace(problem_of(seed), overhead={})
    found = strategy("two-plan-mix")(problem)
    assert found.gap is not None
    assert len(found.placements) <= len(problem.resources)
    assert 0 <= found.gap < 0.005


def test_the_bound_of_a_chain_by_hand() -> None:
    """One operator of 3 s and 1 s: three frames of four on the GPU, 3/4 s a frame."""
    free = {("cpu", "gpu"): Crossing(0), ("gpu", "cpu"): Crossing(0)}
    found = bound(Problem({"a": {"cpu": 3.0, "gpu": 1.0}}, (), free))
    assert found.seconds == pytest.approx(0.75)
    assert dict(zip((p["a"] for p in found.placements), found.shares, strict=True)) == pytest.approx(
        {"cpu": 0.25, "gpu": 0.75}
    )
    assert found.weights == pytest.approx({"cpu": 0.25, "gpu": 0.75})


def test_one_device_is_its_own_bound() -> None:
    problem = Problem({"a": {"cpu": 1.0}, "b": {"cpu": 2.0}}, ())
    assert bound(problem).seconds == pytest.approx(3.0)
    assert strategy("two-plan-mix")(problem).placements == ({"a": "cpu", "b": "cpu"},)


def three(seed: int) -> Problem:
    """A random problem with a third device."""
    problem = random_problem(seed, most=6)
    random = np.random.default_rng(seed)
    costs = {name: {**cost, "npu": random.uniform(1, 10)} for name, cost in problem.costs.items()}
    devices = ("cpu", "gpu", "npu")
    crossing = {(a, b): Crossing(*random.uniform(0, (1, 0.001))) for a in devices for b in devices if a != b}
    return replace(problem, costs=costs, crossing=crossing, overhead={})


@pytest.mark.parametrize("seed", range(25))
def test_three_devices(seed: int) -> None:
    problem = three(seed)
    placements = (dict(zip(problem.costs, each, strict=True)) for each in product(*problem.costs.values()))
    best = min(period(problem, [placement]) for placement in placements)
    found = exact.solve(problem, gap=0.0)
    assert found.predicted == pytest.approx(best, rel=1e-6)
    assert found.bound is None
    assert found.dual == pytest.approx(best, rel=1e-6)
    with pytest.raises(ProblemError, match="parts two devices, not 3: "):
        bound(problem)


def test_memory_is_kept() -> None:
    problem = random_problem(9, partial=False)
    limited = replace(problem, keeps=dict.fromkeys(problem.costs, 10), memory={"gpu": 20}, overhead={})
    placements = [dict(zip(problem.costs, each, strict=True)) for each in product(*problem.costs.values())]
    within = [p for p in placements if list(p.values()).count("gpu") <= 2]
    want = min(period(limited, [placement]) for placement in within)
    assert want > min(period(limited, [placement]) for placement in placements)
    assert exact.solve(limited, gap=0.0).predicted == pytest.approx(want)
    with pytest.raises(ProblemError, match="no placement was found that keeps within memory"):
        exact.solve(replace(limited, memory={"gpu": 0, "cpu": 10}))


def test_a_programme_without_time_still_has_a_bound() -> None:
    problem = replace(random_problem(1), overhead={})
    found = Programme(problem).solve(gap=0.0, seconds=60)
    assert found.placement is not None
    assert found.dual == pytest.approx(period(problem, [found.placement]))


@pytest.mark.parametrize("seed", range(20))
def test_no_plan_undercuts_the_caller(seed: int) -> None:
    problem = replace(problem_of(seed), overhead={})
    devices = bound(problem)
    for part in (0.5, 2.0):
        called = replace(problem, caller=part * devices.seconds)
        assert bound(called).seconds == pytest.approx(max(part, 1.0) * devices.seconds)
        mix = strategy("two-plan-mix")(called)
        assert mix.bound == bound(called).seconds
        assert mix.bound <= mix.predicted * (1 + 1e-9)
    assert mix.predicted == called.caller
