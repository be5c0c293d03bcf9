"""Stages: convex, complete, in network order, and never more than needed."""

from __future__ import annotations

import random
from itertools import pairwise

import networkx as nx
import pytest
from random_problems import random_problem

from hetero.partition.stages import stages


def fewest(graph: nx.DiGraph, placement: dict[str, str]) -> int:
    """The least number of stages, by breadth-first search over what has been run."""
    nodes = frozenset(graph)
    layer, steps = {(frozenset(), "")}, 0
    while True:
        if any(done == nodes for done, _ in layer):
            return steps
        following = set()
        for done, last in layer:
            for device in set(placement.values()) - {last}:
                now = set(done)
                for node in graph:  # in topological order, so one sweep grows it fully
                    if node not in now and placement[node] == device and set(graph.predecessors(node)) <= now:
                        now.add(node)
                if now != done:
                    following.add((frozenset(now), device))
        layer, steps = following, steps + 1


@pytest.mark.parametrize("seed", range(150))
def test_stages_run_in_order_and_are_the_fewest(seed: int) -> None:
    problem = random_problem(seed)
    random_ = random.Random(seed)
    placement = {name: random_.choice(list(cost)) for name, cost in problem.costs.items()}
    cuts = stages(problem.graph, placement)
    done: set[str] = set()
    order = list(problem.costs)
    for cut in cuts:
        assert cut.operators == sorted(cut.operators, key=order.index)
        for operator in cut.operators:
            assert placement[operator] == cut.device
            assert set(problem.graph.predecessors(operator)) <= done
            done.add(operator)
    assert sum(len(cut.operators) for cut in cuts) == len(order) == len(done)
    assert all(a.device != b.device for a, b in pairwise(cuts))
    assert len(cuts) == fewest(problem.graph, placement)


def test_branches_of_one_device_share_a_stage() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from("abcd")
    graph.add_edges_from([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    placement = {"a": "cpu", "b": "gpu", "c": "cpu", "d": "gpu"}
    assert stages(graph, placement) == [("cpu", ["a", "c"]), ("gpu", ["b", "d"])]


def test_three_devices_and_none() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    assert [cut.device for cut in stages(graph, {"a": "cpu", "b": "gpu", "c": "npu"})] == [
        "cpu",
        "gpu",
        "npu",
    ]
    assert stages(nx.DiGraph(), {}) == []
