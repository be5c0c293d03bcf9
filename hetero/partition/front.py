"""Front: operators placed one after the other in network order, and what of that the rest of the network can see."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

from hetero.partition.problem import Problem, Tensor, move

Held = tuple[str, tuple[str, ...]]  # a tensor, and where it lies: its home, then the devices it was brought to


class Front(NamedTuple):
    """A placement of the first operators: each resource's load so far, where the tensors lie that others still need.

    `last` is the last operator's device, `before` the front without it, None before any.
    """

    loads: tuple[float, ...]
    held: tuple[Held, ...]
    last: str = ""
    before: Front | None = None

    def placement(self, problem: Problem) -> dict[str, str]:
        """The placement, operators in network order."""
        devices = []
        front = self
        while front.before is not None:
            devices.append(front.last)
            front = front.before
        return dict(zip(problem.costs, reversed(devices), strict=True))


class Walk:
    """How a front grows, operator by operator in network order."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._index = {resource: i for i, resource in enumerate(problem.resources)}
        self._moves = {
            (tensor.name, *pair): move(problem, tensor, *pair)
            for tensor in problem.tensors
            for pair in permutations(problem.devices, 2)
        }
        self._made: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
        self._read: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
        self._last: dict[str, str] = {}  # tensor -> the last operator that reads it
        order = {operator: i for i, operator in enumerate(problem.costs)}
        for tensor in problem.tensors:
            if tensor.producer is not None:
                self._made[tensor.producer].append(tensor)
            for consumer in dict.fromkeys(tensor.consumers):
                self._read[consumer].append(tensor)
            if tensor.consumers:
                self._last[tensor.name] = max(tensor.consumers, key=order.__getitem__)

    def start(self) -> Front:
        """The front before any operator, when the network's inputs lie on the host."""
        inputs = [tensor.name for tensor in self._problem.tensors if tensor.producer is None and tensor.consumers]
        return Front((0.0,) * len(self._index), tuple((name, (self._problem.host,)) for name in inputs))

    def grown(self, front: Front, operator: str, device: str) -> Front:
        """The front with the next operator placed on a device that can run it."""
        loads, held = list(front.loads), dict(front.held)

        def bring(tensor: Tensor, target: str) -> None:
            homes = held[tensor.name]
            if target not in homes:
                crossing = self._moves[tensor.name, homes[0], target]
                for resource in crossing.on:
                    loads[self._index[resource]] += crossing.seconds
                held[tensor.name] = (*homes, target)

        loads[self._index[device]] += self._problem.costs[operator][device]
        for tensor in self._read[operator]:
            bring(tensor, device)
            if self._last[tensor.name] == operator:
                del held[tensor.name]
        for tensor in self._made[operator]:
            held[tensor.name] = (device,)
            if tensor.output:
                bring(tensor, self._problem.host)
            if not tensor.consumers:
                del held[tensor.name]
        return Front(tuple(loads), tuple(held.items()), device, front)
