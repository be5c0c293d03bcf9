"""Integer: the best placement under limits, as a mixed-integer linear programme for HiGHS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from hetero.partition.problem import Problem, Tensor, move, paces, period

Weights = Mapping[str, float]  # resource -> what a second of it counts
Row = Mapping[int, float]  # column -> coefficient


class Limit(NamedTuple):
    """What a placement has to keep: the sum of weight * load at most so much."""

    weights: Weights
    most: float


class Solution(NamedTuple):
    """The best placement found, None where none was, and what no placement can undercut: infinity where none can be."""

    placement: dict[str, str] | None
    dual: float


class Programme:
    """The rows of a problem with any number of devices; overheads of stages are left out.

    Columns: for each operator and device, 1 where it is placed there; for each tensor and ordered pair of devices, 1
    where it crosses, which whole placements make whole; last the time per frame, which no pace exceeds.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._unit = period(problem, [problem.prefer(problem.host)]) or 1.0  # HiGHS's tolerances are absolute
        self._rows: list[tuple[Row, float, float]] = []
        self._loads: dict[str, dict[int, float]] = {resource: {} for resource in problem.resources}
        places = [(operator, device) for operator in problem.costs for device in problem.devices]
        self._column = {place: column for column, place in enumerate(places)}
        self._width = len(places)
        for operator, cost in problem.costs.items():
            self._rows.append(({self._column[operator, device]: 1.0 for device in cost}, 1.0, 1.0))
            for device, seconds in cost.items():
                self._loads[device][self._column[operator, device]] = seconds / self._unit
        for tensor in problem.tensors:
            for source, target in permutations(problem.devices, 2):
                self._cross(tensor, source, target)
        self._time = self._width
        self._width += 1
        for pace in paces(problem).values():
            self._rows.append(({**self._sum(pace), self._time: -1.0}, -np.inf, 0.0))
        largest = max(problem.keeps.values(), default=0) or 1
        for device, most in problem.memory.items():
            kept = {self._column[operator, device]: nbytes / largest for operator, nbytes in problem.keeps.items()}
            self._rows.append((kept, -np.inf, most / largest))

    def solve(
        self,
        weights: Weights | None = None,
        limits: Sequence[Limit] = (),
        *,
        gap: float,
        seconds: float,
    ) -> Solution:
        """The placement with the least sum of weight * load, or with None for weights the least time per frame.

        `gap` is by what part the solution may miss the best, `seconds` how long the search may take. HiGHS counts
        as proven what it cut off for being within the gap, so the gap is taken off its dual bound.
        """
        aim: Row = {self._time: 1.0} if weights is None else self._sum(weights)
        limited = [(self._sum(limit.weights), -np.inf, limit.most / self._unit) for limit in limits]
        rows = [*self._rows, *limited]
        entries = [(number, column, value) for number, (row, _, _) in enumerate(rows) for column, value in row.items()]
        numbers, columns, values = zip(*entries, strict=True)
        matrix = csr_array((values, (numbers, columns)), shape=(len(rows), self._width))
        cost = np.zeros(self._width)
        cost[list(aim)] = list(aim.values())
        whole = np.zeros(self._width)
        whole[list(self._column.values())] = 1
        most = np.ones(self._width)
        most[self._time] = np.inf
        for (operator, device), column in self._column.items():
            most[column] = device in self._problem.costs[operator]
        found = milp(
            cost,
            integrality=whole,
            bounds=Bounds(0.0, most),
            constraints=LinearConstraint(matrix, [low for _, low, _ in rows], [high for _, _, high in rows]),
            options={"mip_rel_gap": gap, "time_limit": seconds},
        )
        if found.status == _INFEASIBLE:
            return Solution(None, np.inf)
        dual = 0.0 if found.mip_dual_bound is None else max(0.0, found.mip_dual_bound) * (1 - gap) * self._unit
        if found.x is None:
            return Solution(None, dual)
        placed = {operator: device for (operator, device), column in self._column.items() if found.x[column] > 0.5}
        return Solution(placed, dual)

    def _cross(self, tensor: Tensor, source: str, target: str) -> None:
        """A tensor crosses if it is made at the source and wanted at the target."""
        made = {} if tensor.producer is None else {self._column[tensor.producer, source]: 1.0}
        if not made and source != self._problem.host:
            return
        wanted = [{self._column[consumer, target]: 1.0} for consumer in tensor.consumers]
        if tensor.output and made and target == self._problem.host:
            wanted = [{}]
        for want in wanted:
            row = {**made, **want}
            self._rows.append(({**row, self._width: -1.0}, -np.inf, len(row) - 1.0))
        crossing = move(self._problem, tensor, source, target)
        for resource in crossing.on:
            self._loads[resource][self._width] = crossing.seconds / self._unit
        self._width += 1

    def _sum(self, weights: Weights) -> Row:
        """The row of the sum of weight * load."""
        total: dict[int, float] = defaultdict(float)
        for resource, weight in weights.items():
            for column, seconds in self._loads[resource].items():
                total[column] += weight * seconds
        return total


_INFEASIBLE = 2  # milp's status
