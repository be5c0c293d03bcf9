"""Loads and crossings by hand, and what a problem refuses."""

from __future__ import annotations

import pytest

from hetero.partition.problem import Crossing, Move, Problem, ProblemError, Tensor, crossings, loads, period

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
        Move("ta", "cpu", "gpu", 200, 3.0),
        Move("tb", "gpu", "cpu", 300, 5.0),
        Move("tc", "gpu", "cpu", 400, 6.0),
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
