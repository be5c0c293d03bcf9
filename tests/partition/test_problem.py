"""Loads and crossings by hand, and what a problem refuses."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from random_problems import random_problem

from hetero.partition.ledger import Ledger
from hetero.partition.price import prices
from hetero.partition.problem import (
    Crossing,
    Move,
    Problem,
    ProblemError,
    Tensor,
    crossings,
    demands,
    fits,
    kept,
    loads,
    period,
    relieved,
    scaled,
)
from hetero.partition.record import from_record, to_record

CROSSING = {("cpu", "gpu"): Crossing(1.0, 0.01), ("gpu", "cpu"): Crossing(2.0, 0.01)}

#      x -> a -> b -> d -> y      a's tensor goes to b and c, c's to d
#           a -> c -> d
DIAMOND = Problem(
    costs={
        "a": {"cpu": 10, "gpu": 4},
        "b": {"cpu": 20, "gpu": 5},
        "c": {"cpu": 30, "gpu": 6},
        "d": {"cpu": 40},
    },
    tensors=(
        Tensor("x", 100, None, ("a",)),
        Tensor("ta", 200, "a", ("b", "c")),
        Tensor("tb", 300, "b", ("d",)),
        Tensor("tc", 400, "c", ("d",)),
        Tensor("y", 500, "d", output=True),
    ),
    crossing=CROSSING,
)


def test_all_on_the_host_crosses_nothing() -> None:
    placement = dict.fromkeys("abcd", "cpu")
    assert crossings(DIAMOND, placement) == []
    assert loads(DIAMOND, placement) == {"cpu": 100, "gpu": 0}


def test_a_tensor_crosses_once_for_two_consumers() -> None:
    placement = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert crossings(DIAMOND, placement) == [
        Move("ta", "cpu", "gpu", 200, 3.0, ("cpu", "gpu")),
        Move("tb", "gpu", "cpu", 300, 5.0, ("gpu", "cpu")),
        Move("tc", "gpu", "cpu", 400, 6.0, ("gpu", "cpu")),
    ]
    assert loads(DIAMOND, placement) == {"cpu": 10 + 40 + 14, "gpu": 5 + 6 + 14}


def test_inputs_come_from_the_host() -> None:
    placement = {"a": "gpu", "b": "cpu", "c": "gpu", "d": "cpu"}
    assert [(move.tensor, move.target) for move in crossings(DIAMOND, placement)] == [
        ("x", "gpu"),
        ("ta", "cpu"),
        ("tc", "cpu"),
    ]


def test_outputs_go_to_the_host_once() -> None:
    problem = Problem(
        {"a": {"cpu": 1, "gpu": 1}, "b": {"cpu": 1, "gpu": 1}},
        (Tensor("t", 100, "a", ("b",), output=True), Tensor("u", 100, "b", output=True)),
        CROSSING,
    )
    assert [move.tensor for move in crossings(problem, {"a": "gpu", "b": "cpu"})] == ["t"]
    assert [move.tensor for move in crossings(problem, {"a": "gpu", "b": "gpu"})] == ["t", "u"]


def test_every_stage_costs_its_overhead() -> None:
    problem = Problem(DIAMOND.costs, DIAMOND.tensors, CROSSING, overhead={"cpu": 0.5, "gpu": 0.25})
    placement = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert loads(problem, placement) == {"cpu": 64 + 2 * 0.5, "gpu": 25 + 0.25}


def test_a_copy_engine_is_busy_instead_of_the_devices() -> None:
    crossing = {("cpu", "gpu"): Crossing(1.0, 0.01, ("copy",)), ("gpu", "cpu"): Crossing(2.0, 0.01, ("copy", "cpu"))}
    problem = replace(DIAMOND, crossing=crossing)
    assert problem.resources == ("cpu", "gpu", "copy")
    placement = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert loads(problem, placement) == {"cpu": 10 + 40 + 11, "gpu": 5 + 6, "copy": 14}
    assert period(problem, [placement]) == 61


@pytest.mark.parametrize("seed", range(100))
def test_a_ledger_keeps_the_loads_of_whatever_moves(seed: int) -> None:
    problem = random_problem(seed)
    random_ = random.Random(seed)
    ledger = Ledger(problem, {name: random_.choice(list(cost)) for name, cost in problem.costs.items()})
    plain = replace(problem, overhead={})
    for _ in range(30):
        operator = random_.choice(list(problem.costs))
        device = random_.choice(list(problem.costs[operator]))
        promised = ledger.score_after(operator, device)
        ledger.move(operator, device)
        assert ledger.loads == pytest.approx(loads(plain, ledger.placement), abs=1e-9)
        assert ledger.score() == pytest.approx(promised)
        whole = loads(problem, ledger.placement).values()
        assert ledger.score() == pytest.approx((max(whole), sum(whole)))


def test_prices_are_what_moving_adds() -> None:
    placements = [dict.fromkeys("abcd", "cpu"), {"a": "gpu", "b": "gpu", "c": "gpu", "d": "cpu"}]
    schedule = (0, 1, 1)
    found = prices(DIAMOND, placements, schedule)
    assert found["d"] == {}
    for operator in "abc":
        assert set(found[operator]) == {"cpu", "gpu"}
        for device, price in found[operator].items():
            moved = [{**placement, operator: device} for placement in placements]
            want = period(DIAMOND, moved, schedule) - period(DIAMOND, placements, schedule)
            assert price == pytest.approx(want)
    assert set(prices(DIAMOND, placements[:1])["a"]) == {"gpu"}


def test_memory_counts_an_operator_once_a_device() -> None:
    problem = replace(DIAMOND, keeps={"a": 5, "b": 7}, memory={"gpu": 5})
    cpu, gpu = dict.fromkeys("abcd", "cpu"), {"a": "gpu", "b": "cpu", "c": "gpu", "d": "cpu"}
    assert kept(problem, [cpu, gpu, gpu]) == {"cpu": 12, "gpu": 5}
    assert fits(problem, [cpu, gpu])
    assert not fits(problem, [{**gpu, "b": "gpu"}])


def test_what_if() -> None:
    placement = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert loads(scaled(DIAMOND, {"gpu": 2.0, "bus": 0.5}), placement) == {"cpu": 50 + 7, "gpu": 22 + 7}
    with pytest.raises(ProblemError, match="nothing is called 'npu' to scale: expected cpu, gpu, bus"):
        scaled(DIAMOND, {"npu": 2.0})
    with pytest.raises(ProblemError, match=r"gpu cannot take 0.0 times as long"):
        scaled(DIAMOND, {"gpu": 0.0})


@pytest.mark.parametrize("seed", range(20))
def test_records_are_json_both_ways(seed: int) -> None:
    problem = replace(random_problem(seed), keeps={"op0": 3}, memory={"gpu": 100}, alone={"cpu": 0.9})
    again = from_record(json.loads(json.dumps(to_record(problem))))
    assert again == problem
    assert hash(again) == hash(problem)


def test_a_device_is_the_faster_the_less_the_other_has_to_do() -> None:
    problem = replace(DIAMOND, alone={"cpu": 0.7, "gpu": 0.5})
    cpu = dict.fromkeys("abcd", "cpu")
    mixed = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert loads(problem, mixed) == {"cpu": 64, "gpu": 25}
    assert demands(problem, mixed) == pytest.approx({"cpu": 0.7 * 64 + 0.3 * 25, "gpu": 0.5 * 25 + 0.5 * 64})
    assert period(problem, [cpu]) == pytest.approx(70)
    assert period(problem, [mixed]) == pytest.approx(0.7 * 64 + 0.3 * 25)
    assert period(problem, [cpu, mixed]) == pytest.approx(70)
    whole = [cpu, mixed], [0, 1]
    assert period(problem, *whole) == pytest.approx(0.7 * 82 + 0.3 * 12.5)
    lighter = relieved(problem, *whole)
    assert lighter.costs["a"]["cpu"] == pytest.approx(DIAMOND.costs["a"]["cpu"] * (0.7 * 82 + 0.3 * 12.5) / 82)
    assert lighter.costs["b"]["gpu"] == DIAMOND.costs["b"]["gpu"]  # beside it the CPU never rests
    assert relieved(DIAMOND, *whole) == DIAMOND


def test_period_is_the_largest_mean_load() -> None:
    cpu = dict.fromkeys("abcd", "cpu")
    mixed = {"a": "cpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    assert period(DIAMOND, [cpu]) == 100
    assert period(DIAMOND, [cpu, mixed], [0, 1, 1]) == pytest.approx((100 + 2 * 64) / 3)


def test_the_graph_carries_costs_in_network_order() -> None:
    assert list(DIAMOND.graph) == list("abcd")
    assert set(DIAMOND.graph.edges) == {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")}
    assert DIAMOND.graph.nodes["d"]["cost"] == {"cpu": 40}
    assert DIAMOND.devices == ("cpu", "gpu")


def test_what_cannot_run_there_falls_back() -> None:
    assert DIAMOND.prefer("gpu") == {"a": "gpu", "b": "gpu", "c": "gpu", "d": "cpu"}
    with pytest.raises(ProblemError, match="no operator can run on 'npu'; devices: cpu, gpu"):
        DIAMOND.prefer("npu")


def test_placements_that_do_not_fit() -> None:
    with pytest.raises(ProblemError, match="leaves out 'c'"):
        loads(DIAMOND, {"a": "cpu", "b": "cpu", "d": "cpu"})
    with pytest.raises(ProblemError, match="'d' cannot run on 'gpu'; it can on cpu"):
        loads(DIAMOND, dict.fromkeys("abcd", "gpu"))


def test_problems_that_contradict_themselves() -> None:
    one = {"a": {"cpu": 1.0}}
    with pytest.raises(ProblemError, match="'a' can run on no device"):
        Problem({"a": {}}, ())
    with pytest.raises(ProblemError, match="'t' names the unknown operator 'b'"):
        Problem(one, (Tensor("t", 1, "a", ("b",)),))
    with pytest.raises(ProblemError, match="'a' reads 't' before 'a' makes it"):
        Problem(one, (Tensor("t", 1, "a", ("a",)),))
    with pytest.raises(ProblemError, match="no crossing is given from 'cpu' to 'gpu'"):
        Problem({"a": {"cpu": 1.0, "gpu": 1.0}}, ())
