"""Record: a problem as plain data for JSON, both ways, so that a solver can be studied without the machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hetero.partition.problem import Crossing, Problem, Tensor


def to_record(problem: Problem) -> dict[str, Any]:
    """Plain data; times in seconds, sizes in bytes."""
    return {
        "costs": {operator: dict(cost) for operator, cost in problem.costs.items()},
        "tensors": [asdict(tensor) for tensor in problem.tensors],
        "crossing": [
            {"source": source, "target": target, **asdict(crossing)}
            for (source, target), crossing in problem.crossing.items()
        ],
        "overhead": dict(problem.overhead),
        "host": problem.host,
        "keeps": dict(problem.keeps),
        "memory": dict(problem.memory),
        "streams": dict(problem.streams),
        "alone": dict(problem.alone),
    }


def from_record(data: dict[str, Any]) -> Problem:
    """The problem again. Raises KeyError or TypeError for what `to_record` did not make, ProblemError as ever."""
    return Problem(
        data["costs"],
        tuple(Tensor(**{**each, "consumers": tuple(each["consumers"])}) for each in data["tensors"]),
        {
            (each["source"], each["target"]): Crossing(each["fixed"], each["per_byte"], tuple(each["on"]))
            for each in data["crossing"]
        },
        data["overhead"],
        data["host"],
        data["keeps"],
        data["memory"],
        data["streams"],
        data["alone"],
    )
