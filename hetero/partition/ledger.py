"""Ledger: a placement and its loads, kept up to date as operators move one by one."""

from __future__ import annotations

from hetero.partition.problem import Placement, Problem, Tensor, move
from hetero.partition.stages import stages

Change = dict[str, float]
Score = tuple[float, float]


class Ledger:
    """A placement that can change; a move costs time in proportion to the operator's neighbours, not the network.

    `loads` are those of `problem.loads`, but for the stages' overhead, which `score` adds.
    """

    def __init__(self, problem: Problem, placement: Placement) -> None:
        self.problem = problem
        self.placement = dict(placement)
        self.loads = dict.fromkeys(problem.resources, 0.0)
        self._makes: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
        self._reads: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
        self._wanted: dict[str, Change] = {}  # tensor -> device -> consumers there
        self._moves = {
            (tensor.name, source, target): move(problem, tensor, source, target)
            for tensor in problem.tensors
            for source in problem.devices
            for target in problem.devices
            if source != target
        }
        for operator, device in self.placement.items():
            self.loads[device] += problem.costs[operator][device]
        for tensor in problem.tensors:
            if tensor.producer is not None:
                self._makes[tensor.producer].append(tensor)
            wanted = self._wanted[tensor.name] = dict.fromkeys(problem.devices, 0.0)
            for consumer in dict.fromkeys(tensor.consumers):
                self._reads[consumer].append(tensor)
                wanted[self.placement[consumer]] += 1
            if tensor.output:
                wanted[problem.host] += 1
            for target, count in wanted.items():
                if count:
                    self._cross(self.loads, tensor, self._home(tensor), target, 1)

    def change(self, operator: str, device: str) -> Change:
        """What moving an operator to a device it can run on would add to every load."""
        before, cost = self.placement[operator], self.problem.costs[operator]
        change = dict.fromkeys(self.loads, 0.0)
        if device == before:
            return change
        change[before] -= cost[before]
        change[device] += cost[device]
        for tensor in self._makes[operator]:
            for target, count in self._wanted[tensor.name].items():
                if count:
                    self._cross(change, tensor, before, target, -1)
                    self._cross(change, tensor, device, target, 1)
        for tensor in self._reads[operator]:
            wanted, home = self._wanted[tensor.name], self._home(tensor)
            if wanted[before] == 1:
                self._cross(change, tensor, home, before, -1)
            if not wanted[device]:
                self._cross(change, tensor, home, device, 1)
        return change

    def move(self, operator: str, device: str) -> None:
        """Move an operator to a device it can run on."""
        for resource, seconds in self.change(operator, device).items():
            self.loads[resource] += seconds
        for tensor in self._reads[operator]:
            self._wanted[tensor.name][self.placement[operator]] -= 1
            self._wanted[tensor.name][device] += 1
        self.placement[operator] = device

    def score(self) -> Score:
        """The largest load, and of equals the sum: less is better."""
        return self._score(self.loads, self.placement)

    def score_after(self, operator: str, device: str) -> Score:
        """The score that a move would lead to."""
        change = self.change(operator, device)
        after = {resource: load + change[resource] for resource, load in self.loads.items()}
        return self._score(after, {**self.placement, operator: device} if self.problem.overhead else self.placement)

    def choices(self, operator: str) -> list[str]:
        """The devices that an operator could move to."""
        return [device for device in self.problem.costs[operator] if device != self.placement[operator]]

    def _home(self, tensor: Tensor) -> str:
        return self.problem.host if tensor.producer is None else self.placement[tensor.producer]

    def _cross(self, loads: Change, tensor: Tensor, source: str, target: str, sign: int) -> None:
        if source != target:
            crossing = self._moves[tensor.name, source, target]
            for resource in crossing.on:
                loads[resource] += sign * crossing.seconds

    def _score(self, loads: Change, placement: Placement) -> Score:
        if self.problem.overhead:
            loads = dict(loads)
            for cut in stages(self.problem.graph, placement):
                loads[cut.device] += self.problem.overhead.get(cut.device, 0.0)
        return max(loads.values()), sum(loads.values())
