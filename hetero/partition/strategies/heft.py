"""heft: every operator where it would end earliest, the most urgent first."""

from __future__ import annotations

from statistics import fmean

from hetero.partition.draft import Draft, draft
from hetero.partition.problem import Problem, Tensor, move


def solve(problem: Problem) -> Draft:
    """Heterogeneous Earliest Finish Time: made for one frame's end-to-end time, kept as it is to compare.

    After Topcuoglu, Hariri and Wu, "Performance-effective and low-complexity task scheduling for heterogeneous
    computing", 2002: an operator's rank is the length of the longest way from it to the end, costs and crossings
    averaged over devices; by falling rank each goes to the device where it ends first, gaps between operators used.
    """
    made: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
    read: dict[str, list[Tensor]] = {operator: [] for operator in problem.costs}
    for tensor in problem.tensors:
        if tensor.producer is not None:
            made[tensor.producer].append(tensor)
        for consumer in dict.fromkeys(tensor.consumers):
            read[consumer].append(tensor)

    def crossing(tensor: Tensor, source: str, target: str) -> float:
        return 0.0 if source == target else move(problem, tensor, source, target).seconds

    def mean_crossing(tensor: Tensor) -> float:
        return fmean(crossing(tensor, a, b) for a in problem.devices for b in problem.devices)

    rank: dict[str, float] = {}
    for operator in reversed(list(problem.costs)):
        ways = [mean_crossing(tensor) + rank[c] for tensor in made[operator] for c in tensor.consumers]
        rank[operator] = fmean(problem.costs[operator].values()) + max(ways, default=0.0)

    placement: dict[str, str] = {}
    ends: dict[str, float] = {}
    busy: dict[str, list[tuple[float, float]]] = {device: [] for device in problem.devices}
    order = {operator: i for i, operator in enumerate(problem.costs)}
    for operator in sorted(problem.costs, key=lambda each: (-rank[each], order[each])):
        begins = {}
        for device, seconds in problem.costs[operator].items():
            ready = 0.0
            for tensor in read[operator]:
                home = problem.host if tensor.producer is None else placement[tensor.producer]
                made_at = 0.0 if tensor.producer is None else ends[tensor.producer]
                ready = max(ready, made_at + crossing(tensor, home, device))
            begins[device] = _gap(busy[device], ready, seconds)
        device = min(begins, key=lambda each: begins[each] + problem.costs[operator][each])
        end = begins[device] + problem.costs[operator][device]
        placement[operator], ends[operator] = device, end
        busy[device].append((begins[device], end))
        busy[device].sort()
    return draft(problem, {operator: placement[operator] for operator in problem.costs})


def _gap(busy: list[tuple[float, float]], ready: float, seconds: float) -> float:
    """The earliest begin, not before `ready`, at which so many seconds are free."""
    begin = ready
    for start, end in busy:
        if begin + seconds <= start:
            break
        begin = max(begin, end)
    return begin
