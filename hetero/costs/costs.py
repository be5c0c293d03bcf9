"""Costs: seconds of operators, alone and beside busy neighbours, and of crossings, as a record and as a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.graph import Graph
from hetero.partition.problem import Crossing, Problem, Tensor

Seconds = Mapping[str, Mapping[str, float]]  # operator -> device key -> seconds


@dataclass(frozen=True)
class Costs:
    """What was measured of one network on one set of devices.

    alone     operator -> device -> seconds while the other devices are idle; a device that is absent cannot run it
    busy      likewise, in a stream that keeps every device busy: so many times as long on each device
    crossing  (from, to) -> what it costs the device at which a tensor arrives
    caller    seconds that the thread works at least which brings a frame and takes its result
    part      device -> what part of its time in such a stream is left in one that it has for itself; 1 where none says

    A device of several streams does so many frames at once, and these are the seconds of one.
    """

    alone: Seconds
    busy: Seconds
    crossing: Mapping[tuple[str, str], Crossing]
    caller: float = 0.0
    part: Mapping[str, float] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Plain data; times in seconds, sizes in bytes."""
        return {
            "alone": {operator: dict(cost) for operator, cost in self.alone.items()},
            "busy": {operator: dict(cost) for operator, cost in self.busy.items()},
            "crossing": [
                {"source": source, "target": target, "fixed": each.fixed, "per_byte": each.per_byte}
                for (source, target), each in self.crossing.items()
            ],
            "caller": self.caller,
            "part": dict(self.part),
        }

    @classmethod
    def from_record(cls, data: Mapping[str, Any]) -> Costs:
        """The costs again. Raises LookupError, TypeError, ValueError or AttributeError for other data."""
        crossing = {
            (str(each["source"]), str(each["target"])): Crossing(
                _seconds(each["fixed"]), _seconds(each["per_byte"]), (str(each["target"]),)
            )
            for each in data["crossing"]
        }
        part = {str(key): _seconds(each) for key, each in data["part"].items()}
        return cls(_table(data["alone"]), _table(data["busy"]), crossing, _seconds(data["caller"]), part)

    def scaled(self, factors: Mapping[str, float]) -> Costs:
        """The costs of devices that take so many times as long."""

        def times(costs: Seconds) -> Seconds:
            return {
                name: {key: seconds * factors.get(key, 1.0) for key, seconds in cost.items()}
                for name, cost in costs.items()
            }

        crossing = {
            (source, target): Crossing(
                each.fixed * factors.get(target, 1.0), each.per_byte * factors.get(target, 1.0), each.on
            )
            for (source, target), each in self.crossing.items()
        }
        return replace(self, alone=times(self.alone), busy=times(self.busy), crossing=crossing)

    def problem(self, graph: Graph, streams: Mapping[str, int]) -> Problem:
        """The network and its devices as numbers: a device of several streams takes so much less time per frame."""
        busy = {
            node.name: {key: seconds / streams[key] for key, seconds in self.busy[node.name].items()}
            for node in graph.nodes
        }
        crossing = {
            (source, target): Crossing(each.fixed / streams[target], each.per_byte / streams[target], each.on)
            for (source, target), each in self.crossing.items()
        }
        alone = {key: self.part.get(key, 1.0) for key in streams}
        return Problem(
            busy, tensors(graph), crossing, keeps=weights(graph), streams=streams, alone=alone, caller=self.caller
        )


def tensors(graph: Graph) -> tuple[Tensor, ...]:
    """What passes between the operators of a network, its inputs and its outputs; no constants."""
    made = {name: node.name for node in graph.nodes for name in node.outputs}
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            if name and graph.value(name) is None:
                readers.setdefault(name, []).append(node.name)
    names = (name for name in dict.fromkeys((*graph.inputs, *made)) if name)
    return tuple(
        Tensor(name, graph.spec(name).nbytes, made.get(name), tuple(readers.get(name, ())), name in graph.outputs)
        for name in names
    )


def weights(graph: Graph) -> dict[str, int]:
    """Bytes of constants that each operator reads."""
    return {
        node.name: sum(value.nbytes for name in node.inputs if (value := graph.value(name)) is not None)
        for node in graph.nodes
    }


def _table(data: Any) -> dict[str, dict[str, float]]:
    return {str(name): {str(key): _seconds(taken) for key, taken in cost.items()} for name, cost in data.items()}


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{value!r} is no time")
    return seconds
