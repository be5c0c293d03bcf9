"""Problem: a network and its devices as numbers only, and what a placement costs each device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

from hetero.partition.stages import stages

if TYPE_CHECKING:
    import networkx as nx

Placement = Mapping[str, str]  # operator -> device key
BUS = "bus"  # what `scaled` calls all crossings


class ProblemError(ValueError):
    """A problem that contradicts itself, or a placement that does not fit it."""


@dataclass(frozen=True)
class Crossing:
    """What it costs to bring a tensor from one device to another: fixed seconds, seconds per byte.

    `on` names what it keeps busy: devices, or a resource of its own such as a copy engine. Left empty
    it is both devices, since mapping and unmapping stall either.
    """

    fixed: float
    per_byte: float = 0.0
    on: tuple[str, ...] = ()

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
    """One tensor brought from one device to another, and the seconds it keeps each of `on` busy."""

    tensor: str
    source: str
    target: str
    nbytes: int
    seconds: float
    on: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """What a strategy is given.

    costs     operator -> {device: seconds per frame that it keeps the device busy}, in a topological order; a device
              that is absent cannot run the operator
    tensors   every tensor that passes between operators, every input and output of the network
    crossing  (from, to) -> Crossing, for every ordered pair of devices
    overhead  device -> seconds that every stage costs besides its operators; solvers cannot see it, so that what a
              hand-over costs belongs into the crossings' fixed seconds
    host      the device on whose memory the network's inputs and outputs live
    keeps     operator -> bytes that stay in a device's memory while it is placed there: its weights
    memory    device -> bytes that operators may keep there; a device that is absent has no limit
    streams   device -> stages of different frames that it runs at once, 1 where it is absent: all its times are seconds
              per frame, and one frame takes so many times as long
    alone     device -> what part of its times is left while the other devices are idle, 1 where it is absent: all times
              are those beside busy devices
    caller    seconds per frame of the thread that brings frames and takes results, wherever operators are: strategies
              do without it, and no plan can undercut it
    graph     built from these: operators as nodes in the order given, with attribute `cost`
    devices   built too: every device an operator can run on, the host first
    resources built too: what can be busy: the devices, then what crossings name besides

    The rule of crossings, the only one: a tensor crosses once from its producer's device to each
    other device that needs it, however many consumers it has there, and the crossing's seconds are
    charged to each of what the crossing keeps busy.
    """

    costs: Mapping[str, Mapping[str, float]]
    tensors: tuple[Tensor, ...]
    crossing: Mapping[tuple[str, str], Crossing] = field(default_factory=dict)
    overhead: Mapping[str, float] = field(default_factory=dict)
    host: str = "cpu"
    keeps: Mapping[str, int] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    streams: Mapping[str, int] = field(default_factory=dict)
    alone: Mapping[str, float] = field(default_factory=dict)
    caller: float = 0.0
    graph: nx.DiGraph[Any] = field(init=False, repr=False, compare=False)
    devices: tuple[str, ...] = field(init=False, repr=False, compare=False)
    resources: tuple[str, ...] = field(init=False, repr=False, compare=False)

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
        named = (name for pair in permutations(self.devices, 2) for name in self.crossing[pair].on)
        object.__setattr__(self, "resources", tuple(dict.fromkeys([*self.devices, *named])))

    def __hash__(self) -> int:
        """So that what is expensive to find out about a problem can be remembered beside it."""
        return hash((tuple(self.costs), self.tensors))

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
        moves += [move(problem, tensor, source, target) for target in targets if target != source]
    return moves


def move(problem: Problem, tensor: Tensor, source: str, target: str) -> Move:
    """What it takes to bring a tensor from one device to another."""
    crossing = problem.crossing[source, target]
    on = crossing.on or (source, target)
    return Move(tensor.name, source, target, tensor.nbytes, crossing.seconds(tensor.nbytes), on)


def loads(problem: Problem, placement: Placement) -> dict[str, float]:
    """Seconds per frame that each resource is kept busy: operators, crossings, stages.

    Raises ProblemError where the placement leaves an operator out or puts it where it cannot run.
    """
    load = dict.fromkeys(problem.resources, 0.0)
    for operator, cost in problem.costs.items():
        device = placement.get(operator)
        if device is None:
            raise ProblemError(f"the placement leaves out {operator!r}")
        if device not in cost:
            raise ProblemError(f"{operator!r} cannot run on {device!r}; it can on {', '.join(cost)}")
        load[device] += cost[device]
    for crossing in crossings(problem, placement):
        for resource in crossing.on:
            load[resource] += crossing.seconds
    if any(problem.overhead.values()):
        for cut in stages(problem.graph, placement):
            load[cut.device] += problem.overhead.get(cut.device, 0.0)
    return load


def paces(problem: Problem) -> dict[str, dict[str, float]]:
    """What the seconds per frame of each resource are made of: shares of loads, one in all.

    A device is slowed down by the others as long as they work. Beside one that works for a part u of the time it takes
    load * (alone + (1 - alone) * u), and where its own load is the largest, u is the other's load over its own: so this
    is a weighted mean of both loads. Among more devices the others count alike.
    """
    found = {}
    for resource in problem.resources:
        others = [device for device in problem.devices if device != resource]
        alone = problem.alone.get(resource, 1.0) if others else 1.0
        found[resource] = {resource: alone, **{device: (1 - alone) / len(others) for device in others if alone != 1}}
    return found


def demands(problem: Problem, placement: Placement) -> dict[str, float]:
    """Seconds per frame that each resource needs for a placement, beside the others: its pace."""
    load = loads(problem, placement)
    return {
        resource: sum(share * load[name] for name, share in pace.items()) for resource, pace in paces(problem).items()
    }


def period(problem: Problem, placements: Sequence[Placement], schedule: Sequence[int] = (0,)) -> float:
    """Predicted seconds per frame: the largest demand, averaged over the schedule, or the caller's if that is more.

    With enough frames in flight every resource always has work, so the busiest sets the pace.
    """
    return max(problem.caller, *_mean([demands(problem, placement) for placement in placements], schedule).values())


def relieved(problem: Problem, placements: Sequence[Placement], schedule: Sequence[int] = (0,)) -> Problem:
    """The problem as these placements meet it: a device's times are less where the others have less to do."""
    load = _mean([loads(problem, placement) for placement in placements], schedule)
    need = _mean([demands(problem, placement) for placement in placements], schedule)
    factors = {device: min(1.0, need[device] / load[device]) for device in problem.devices if load[device]}
    return replace(scaled(problem, factors), alone={})


def _mean(each: Sequence[Mapping[str, float]], schedule: Sequence[int]) -> dict[str, float]:
    """Seconds of every resource, averaged over the schedule."""
    return {name: sum(each[entry][name] for entry in schedule) / len(schedule) for name in each[0]}


def kept(problem: Problem, placements: Sequence[Placement]) -> dict[str, int]:
    """Bytes that operators keep on each device: once, however many of the placements put them there."""
    homes = {(operator, device) for placement in placements for operator, device in placement.items()}
    total = dict.fromkeys(problem.devices, 0)
    for operator, device in homes:
        total[device] += problem.keeps.get(operator, 0)
    return total


def fits(problem: Problem, placements: Sequence[Placement]) -> bool:
    """Whether what operators keep on each device is within its memory."""
    return all(nbytes <= problem.memory.get(device, nbytes) for device, nbytes in kept(problem, placements).items())


def scaled(problem: Problem, factors: Mapping[str, float]) -> Problem:
    """The problem with times multiplied: by device, and under the name "bus" those of crossings.

    {"gpu": 0.5} is a GPU twice as fast. Raises ProblemError for a name that is neither, or a factor that is not
    above zero.
    """
    for name, factor in factors.items():
        if name not in (*problem.devices, BUS):
            raise ProblemError(f"nothing is called {name!r} to scale: expected {', '.join((*problem.devices, BUS))}")
        if not 0 < factor < math.inf:
            raise ProblemError(f"{name} cannot take {factor} times as long: expected a factor above 0")
    bus = factors.get(BUS, 1.0)
    return replace(
        problem,
        costs={
            operator: {device: seconds * factors.get(device, 1.0) for device, seconds in cost.items()}
            for operator, cost in problem.costs.items()
        },
        crossing={
            pair: replace(each, fixed=each.fixed * bus, per_byte=each.per_byte * bus)
            for pair, each in problem.crossing.items()
        },
        overhead={device: seconds * factors.get(device, 1.0) for device, seconds in problem.overhead.items()},
    )
