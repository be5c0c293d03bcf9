"""Min cut: the placement with the least weighted sum of loads, as one minimum cut between source and sink."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from hetero.partition.problem import Problem, ProblemError, Tensor, loads, move

Weights = Mapping[str, float]  # resource -> what a second of it counts

SOURCE, SINK = 0, 1
FINEST = 2**29  # capacities are whole numbers up to this: SciPy's flow counts in 32 bits, and adds two of them


class MinCut(NamedTuple):
    """A placement, and what no placement's weighted sum of loads, overheads of stages left out, can undercut."""

    placement: dict[str, str]
    bound: float


class Network(NamedTuple):
    """The flow network of a problem with two devices: what is on the source's side runs on the host.

    Arc i leads from tails[i] to heads[i] and holds seconds[i] @ weights; infinity for what must not be cut. Node 0 is
    the source, node 1 the sink, then come the operators in order. A tensor with several consumers has a node of its
    own for each direction, so that it is cut once a direction.
    """

    tails: np.ndarray[Any, Any]
    heads: np.ndarray[Any, Any]
    seconds: np.ndarray[Any, Any]
    size: int


def min_cut(problem: Problem, weights: Weights) -> MinCut:
    """The placement with the least sum of weights[resource] * load; overheads of stages do not count.

    Capacities are rounded down to whole numbers, so the bound is certain, and hardly too low: by one part in
    2**29 for every arc it cuts. No weight may be negative. Raises ProblemError for more than two devices, where this
    is NP-hard.
    """
    network = flow_network(problem)
    each = np.array([weights.get(resource, 0.0) for resource in problem.resources])
    seconds = weighted(network, each)
    ceiling = sum(each * list(loads(problem, problem.prefer(problem.host)).values()))
    scale = FINEST / ceiling if ceiling > 0 else 1.0
    capacities = np.minimum(seconds * scale, FINEST + 1).astype(np.int32)
    cut, host = cut_by_flow(network, capacities)
    placement = {operator: problem.devices[0 if host[i + 2] else -1] for i, operator in enumerate(problem.costs)}
    return MinCut(placement, cut / scale)


def weighted(network: Network, weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The capacity of every arc in weighted seconds."""
    uncut = np.isinf(network.seconds).any(axis=1)
    finite: np.ndarray[Any, Any] = np.where(uncut[:, None], 0.0, network.seconds) @ weights
    return np.where(uncut, np.inf, finite)


def cut_by_flow(network: Network, capacities: np.ndarray[Any, Any]) -> tuple[int, np.ndarray[Any, Any]]:
    """The value of the minimum cut, and which nodes lie on the source's side of it."""
    graph = csr_array((capacities, (network.tails, network.heads)), shape=(network.size, network.size), dtype=np.int32)
    result = maximum_flow(graph, SOURCE, SINK)
    residual = graph - result.flow
    residual.eliminate_zeros()
    side = np.zeros(network.size, bool)
    side[breadth_first_order(residual, SOURCE, return_predecessors=False)] = True
    return int(result.flow_value), side


@lru_cache(maxsize=4)
def flow_network(problem: Problem) -> Network:
    """The flow network; it does not depend on the weights. Raises ProblemError for more than two devices."""
    if len(problem.devices) > 2:
        raise ProblemError(f"a minimum cut parts two devices, not {len(problem.devices)}: {', '.join(problem.devices)}")
    host = problem.host
    other = problem.devices[-1] if len(problem.devices) > 1 else ""
    number = {operator: i + 2 for i, operator in enumerate(problem.costs)}
    arcs: list[tuple[int, int, dict[str, float] | None]] = []
    size = len(number) + 2
    for operator, cost in problem.costs.items():
        arcs.append((number[operator], SINK, {host: cost[host]} if host in cost else None))
        arcs.append((SOURCE, number[operator], {other: cost[other]} if other in cost else None))

    def crossing(tensor: Tensor, source: str, target: str) -> dict[str, float]:
        moved = move(problem, tensor, source, target)
        return dict.fromkeys(moved.on, moved.seconds)

    for tensor in problem.tensors if other else ():
        maker = SOURCE if tensor.producer is None else number[tensor.producer]
        readers = [number[consumer] for consumer in dict.fromkeys(tensor.consumers)]
        leaves = crossing(tensor, host, other)
        if len(readers) == 1:
            arcs.append((maker, readers[0], leaves))
        elif readers:
            arcs += [(maker, size, leaves), *((size, reader, None) for reader in readers)]
            size += 1
        if maker == SOURCE:
            continue
        returns = crossing(tensor, other, host)
        if tensor.output:
            arcs.append((SOURCE, maker, returns))  # the host wants it anyhow, so its other readers there are free
        elif len(readers) == 1:
            arcs.append((readers[0], maker, returns))
        elif readers:
            arcs += [(size, maker, returns), *((reader, size, None) for reader in readers)]
            size += 1
    seconds = np.zeros((len(arcs), len(problem.resources)))
    for row, (_, _, cut) in zip(seconds, arcs, strict=True):
        row[:] = [np.inf if cut is None else cut.get(resource, 0.0) for resource in problem.resources]
    tails, heads = (np.array([arc[end] for arc in arcs], np.int32) for end in (0, 1))
    return Network(tails, heads, seconds, size)
