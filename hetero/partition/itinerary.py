"""Itinerary: what a frame goes through under a placement, leg by leg, each on one resource."""

from __future__ import annotations

from itertools import groupby
from typing import Literal, NamedTuple

from hetero.partition.problem import Placement, Problem, crossings
from hetero.partition.stages import stages

Kind = Literal["load", "operator", "crossing", "overhead"]

ARRIVE, WORK, LEAVE, CROSS = range(4)  # what happens in a stage and after it, in order


class Piece(NamedTuple):
    """Part of a leg: a frame's loading, an operator, a tensor that crosses, what the stage costs; `name` says which."""

    kind: Kind
    name: str
    seconds: float


class Leg(NamedTuple):
    """What one resource does to a frame without interruption."""

    resource: str
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(piece.seconds for piece in self.pieces)


def itinerary(problem: Problem, placement: Placement) -> list[Leg]:
    """A placement's stages in the order they run, crossings among them.

    A resource's legs sum to its load, to so many times its load if it is a device of so many streams.

    A tensor that crosses keeps its source busy at the end of the stage that makes it, its target at the beginning of
    the first stage there that needs it, and a resource of its own as soon as it is made. The network's inputs are
    made before all stages, and its outputs needed after them.
    """
    cuts = stages(problem.graph, placement)
    stage_of = {operator: number for number, cut in enumerate(cuts) for operator in cut.operators}
    stops: list[tuple[tuple[int, int, str], Piece]] = []  # (stage, what happens, resource) and what it takes
    for number, cut in enumerate(cuts):
        overhead = problem.overhead.get(cut.device, 0.0)
        if overhead:
            stops.append(((number, ARRIVE, cut.device), Piece("overhead", f"stage {number}", overhead)))
        for operator in cut.operators:
            seconds = problem.costs[operator][cut.device]
            stops.append(((number, WORK, cut.device), Piece("operator", operator, seconds)))
    tensors = {tensor.name: tensor for tensor in problem.tensors}
    for move in crossings(problem, placement):
        tensor = tensors[move.tensor]
        made = -1 if tensor.producer is None else stage_of[tensor.producer]
        readers = (stage_of[reader] for reader in tensor.consumers if placement[reader] == move.target)
        needed = min(readers, default=len(cuts))
        where = {move.source: (made, LEAVE), move.target: (needed, ARRIVE)}
        for resource in move.on:
            stop = (*where.get(resource, (made, CROSS)), resource)
            stops.append((stop, Piece("crossing", move.tensor, move.seconds)))
    stops.sort(key=lambda each: each[0])
    legs = groupby(stops, key=lambda each: each[0][2])
    return [Leg(resource, tuple(_slowed(problem, resource, piece) for _, piece in pieces)) for resource, pieces in legs]


def _slowed(problem: Problem, resource: str, piece: Piece) -> Piece:
    return piece._replace(seconds=piece.seconds * problem.streams.get(resource, 1))
