"""Problem: a network and its devices as numbers only, and what a placement costs each device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

from hetero.partition.stages import stages

if TYPE_CHECKING:
    import networkx as nx

Placement = Mapping[str, str]  # operator -> device key


class ProblemError(ValueError):
    """A problem that contradicts itself, or a placement that does not fit it."""


@dataclass(frozen=True)
class Crossing:
    """What it costs to bring a tensor from one device to another: fixed seconds, seconds per byte."""

    fixed: float
    per_byte: float = 0.0

    def seconds(self, nbytes: int) -> float:
        """Seconds for a tensor of so many bytes."""
        return self.fixed + self.per_byte * nbytes


@dataclass(frozen=True)
class Tensor:
    """A tensor between operators.

    `producer` is None for an input of the network, which lives on the host. `output` marks what
    the caller reads, which has to come back to the host.
    """

    name: str
    nbytes: int
    producer: str | None
    consumers: tuple[str, ...] = ()
    output: bool = False


class Move(NamedTuple):
    """One tensor brought from one device to another, and the seconds it costs both."""

    tensor: str
    source: str
    target: str
    nbytes: int
    seconds: float


@dataclass(frozen=True)
class Problem:
    """What a strategy is given.

    costs     operator -> {device: seconds}, in a topological order; a device that is absent
              cannot run the operator
    tensors   every tensor that passes between operators, every input and output of the network
    crossing  (from, to) -> Crossing, for every ordered pair of devices
    overhead  device -> seconds that every stage costs besides its operators
    host      the device on whose memory the network's inputs and outputs live
    graph     built from these: operators as nodes in the order given, with attribute `cost`
    devices   built too: every device an operator can run on, the host first

    The rule of crossings, the only one: a tensor crosses once from its producer's device to each
    other device that needs it, however many consumers it has there, and the crossing's seconds are
    charged to both devices, since mapping and unmapping stall either.
    """

    costs: Mapping[str, Mapping[str, float]]
    tensors: tuple[Tensor, ...]
    crossing: Mapping[tuple[str, str], Crossing] = field(default_factory=dict)
    overhead: Mapping[str, float] = field(default_factory=dict)
    host: str = "cpu"
    graph: nx.DiGraph[Any] = field(init=False, repr=False, compare=False)
    devices: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        import networkx as nx  # a session that runs on one device needs no problem, and starts without it

        graph: nx.DiGraph[Any] = nx.DiGraph()
        order: dict[str, int] = {}
        for operator, cost in self.costs.items():
            if not cost:
                raise ProblemError(f"operator {operator!r} can run on no device")
            order[operator] = len(order)
            graph.add_node(operator, cost=cost)
        for tensor in self.tensors:
            producer = tensor.producer
            for name in tensor.consumers if producer is None else (producer, *tensor.consumers):
                if name not in order:
                    raise ProblemError(f"tensor {tensor.name!r} names the unknown operator {name!r}")
            if producer is None:
                continue
            for consumer in tensor.consumers:
                if order[consumer] <= order[producer]:
                    raise ProblemError(f"{consumer!r} reads {tensor.name!r} before {producer!r} makes it")
                graph.add_edge(producer, consumer)
        object.__setattr__(self, "graph", graph)
        devices = dict.fromkeys([self.host, *(device for cost in self.costs.values() for device in cost)])
        object.__setattr__(self, "devices", tuple(devices))
        for pair in permutations(self.devices, 2):
            if pair not in self.crossing:
                raise ProblemError(f"no crossing is given from {pair[0]!r} to {pair[1]!r}")

    def prefer(self, device: str) -> dict[str, str]:
        """Everything on one device; what cannot run there goes to the host, else where it is cheapest.

        Raises ProblemError for a device that no operator runs on.
        """
        if device not in self.devices:
            raise ProblemError(f"no operator can run on {device!r}; devices: {', '.join(self.devices)}")
        return {operator: self.settle(operator, device) for operator in self.costs}

    def settle(self, operator: str, device: str) -> str:
        """The device itself if it can run the operator, else the host, else the cheapest that can."""
        cost = self.costs[operator]
        if device in cost:
            return device
        return self.host if self.host in cost else min(cost, key=lambda each: cost[each])


def crossings(problem: Problem, placement: Placement) -> list[Move]:
    """Every crossing that a placement causes per frame, in the tensors' order."""
    moves = []
    for tensor in problem.tensors:
        source = problem.host if tensor.producer is None else placement[tensor.producer]
        targets = dict.fromkeys(placement[consumer] for consumer in tensor.consumers)
        if tensor.output:
            targets[problem.host] = None
        for target in targets:
            if target != source:
                seconds = problem.crossing[source, target].seconds(tensor.nbytes)
                moves.append(Move(tensor.name, source, target, tensor.nbytes, seconds))
    return moves


def loads(problem: Problem, placement: Placement) -> dict[str, float]:
    """Seconds per frame that each device is kept busy: operators, crossings, stages.

    Raises ProblemError where the placement leaves an operator out or puts it where it cannot run.
    """
    load = dict.fromkeys(problem.devices, 0.0)
    for operator, cost in problem.costs.items():
        device = placement.get(operator)
        if device is None:
            raise ProblemError(f"the placement leaves out {operator!r}")
        if device not in cost:
            raise ProblemError(f"{operator!r} cannot run on {device!r}; it can on {', '.join(cost)}")
        load[device] += cost[device]
    for move in crossings(problem, placement):
        load[move.source] += move.seconds
        load[move.target] += move.seconds
    if any(problem.overhead.values()):
        for cut in stages(problem.graph, placement):
            load[cut.device] += problem.overhead.get(cut.device, 0.0)
    return load


def period(problem: Problem, placements: Sequence[Placement], schedule: Sequence[int] = (0,)) -> float:
    """Predicted seconds per frame: the largest device load, averaged over the schedule.

    With enough frames in flight every device always has work, so the busiest sets the pace.
    """
    each = [loads(problem, placement) for placement in placements]
    return max(sum(each[entry][device] for entry in schedule) / len(schedule) for device in problem.devices)
