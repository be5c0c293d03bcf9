"""Rehearsal: streams of whole frames and of hand-overs, and what those take, found from how long stages took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from statistics import fmean
from typing import NamedTuple

import numpy as np

from engine.devices.device import Device
from engine.graph import Graph
from hetero.compiled import Compiled, placed
from hetero.costs.costs import Seconds, tensors
from hetero.partition.itinerary import Leg, itinerary
from hetero.partition.problem import Crossing, Placement, Problem
from hetero.partition.schedule import spread
from hetero.plan import Plan
from hetero.profile import middle
from hetero.statistics import Execution
from hetero.trial import Trial

TURNS = 12  # times that a frame changes devices, where the network has as many operators
LONGEST = 16  # whole frames that a device runs for two of the slowest
SECONDS = 0.1  # of a measurement: a fast device is slow for the first milliseconds of every stream
HANDFUL = 30e-6  # seconds that any stage may take longer or shorter
DOUBT = 0.1  # weight, beside a stage's 1, of operators taking as long as alone


class Fit(NamedTuple):
    """A device in a stream: how many times as long its operators take, and what every tensor that arrives costs."""

    factor: float
    fixed: float
    per_byte: float


class Observed(NamedTuple):
    """A stage as it was measured: seconds, a mean of so many, and what they are made of."""

    seconds: float
    times: int
    operators: float  # seconds, by themselves
    arrivals: int  # tensors
    nbytes: int  # of those


class Rehearsal:
    """Streams of whole frames on all devices, of frames among them that take turns, and of whole ones on one device.

    Those that take turns have two placements, each the other's mirror, so that each device runs all it can in short
    stages too. They say what hand-overs cost. What whole frames take is asked of the stream that has nothing else: many
    hand-overs may keep a device waiting that has none of them. In the stream of turns no device is given stages ahead,
    or one would be seen to take the time of others. On one device, what a frame takes while the others rest is not what
    it takes that is alone: of several on their way, one is begun while another is at work.
    `seconds` is what a whole frame takes each device, by which as many are dealt as keep all of them busy.
    """

    def __init__(self, graph: Graph, devices: Mapping[str, Device], seconds: Mapping[str, float]) -> None:
        turns = mirrored(graph, devices)
        wholes = [placed(graph, devices, repeat(key)) for key in devices]
        counts = dealt([seconds[key] for key in devices])
        beside = [count - 1 for count in counts]  # two that take turns give every device one more frame's work
        self._turns = _Stream(graph, devices, (*turns, *wholes), (1, 1, *beside), len(turns), ahead=False)
        self._wholes = _Stream(graph, devices, wholes, counts, len(wholes))
        self._own = {key: _Stream(graph, devices, [whole], [1], 1) for key, whole in zip(devices, wholes, strict=True)}

    def measure(self) -> None:
        """Stream a few frames of each."""
        for stream in (self._turns, self._wholes, *self._own.values()):
            stream.trial.measure()

    def fits(self, alone: Seconds) -> dict[str, Fit]:
        """What was measured, for each device, held against what its operators take alone."""
        rows: dict[str, list[Observed]] = defaultdict(list)
        for device, row in (*self._turns.rows(alone), *self._wholes.rows(alone)):
            rows[device].append(row)
        return {device: fitted(found) for device, found in rows.items()}

    def own(self) -> dict[str, float]:
        """Seconds that a whole frame takes each device in a stream that it has for itself."""
        return {key: stream.seconds(key) for key, stream in self._own.items()}

    def caller(self) -> float:
        """Seconds that bringing a frame and taking its result take the thread that does it, at the least.

        It takes longer where results of one device wait for another's by the hundred.
        """
        return min(middle(stream.trial.callers) for stream in (self._wholes, *self._own.values()))


class _Stream:
    """Placements, so many frames of each in a round, of which the first few are `asked`."""

    def __init__(
        self,
        graph: Graph,
        devices: Mapping[str, Device],
        placements: Sequence[Placement],
        counts: Sequence[int],
        asked: int,
        ahead: bool = True,
    ) -> None:
        self._placements, self._counts, self._asked = placements, counts, asked
        self._schedule = spread(counts)
        shown = {key: device.name for key, device in devices.items()}
        streams = devices["cpu"].streams
        plan = Plan("rehearsal", "rehearsal", "", shown, None, tuple(placements), self._schedule, streams)
        depth = plan.slots + ahead * sum(device.ahead for device in devices.values())
        compiled = Compiled(graph, replace(plan, depth=depth), devices)
        self.trial = Trial(compiled, SECONDS, ahead)
        self._tensors = tensors(graph)
        self._last = [len(stages) for stages in compiled.variants]

    def rows(self, alone: Seconds) -> Iterator[tuple[str, Observed]]:
        """Every stage's device, and the stage as it was measured."""
        stages = self._stages()
        devices = dict.fromkeys(key for cost in alone.values() for key in cost)
        free = {(a, b): Crossing(0.0, 0.0, (b,)) for a in devices for b in devices if a != b}
        problem = Problem(alone, self._tensors, free)
        sizes = {tensor.name: tensor.nbytes for tensor in self._tensors}
        for variant in range(self._asked):
            for number, leg in enumerate(itinerary(problem, self._placements[variant])):
                if number < self._last[variant]:  # after the last stage outputs may come back
                    arriving = [sizes[piece.name] for piece in leg.pieces if piece.kind == "crossing"]
                    seconds, times = stages[variant, number], self._counts[variant]
                    yield leg.resource, Observed(seconds, times, operators(leg), len(arriving), sum(arriving))

    def seconds(self, device: str) -> float:
        """What a frame of the first placement took a device."""
        stages, own = self._stages(), self.trial.compiled.variants[0]
        return sum(stages[0, number] for number, stage in enumerate(own) if stage.device == device)

    def _stages(self) -> dict[tuple[int, int], float]:
        """What every stage took: (placement, its number) -> seconds.

        Several of a measurement count by their mean: where a device had begun some before it ended the first, what one
        took is seen to take the other's time.
        """
        found: dict[tuple[int, int], list[float]] = defaultdict(list)
        for executions in self.trial.executions:
            each: dict[tuple[int, int], list[float]] = defaultdict(list)
            for execution, seconds in occupied(executions):
                each[self._variant(execution), execution.stage].append(seconds)
            for stage, times in each.items():
                found[stage].append(fmean(times))
        return {stage: middle(times) for stage, times in found.items()}

    def _variant(self, execution: Execution) -> int:
        return self._schedule[execution.frame % len(self._schedule)]


def occupied(executions: Sequence[Execution]) -> Iterator[tuple[Execution, float]]:
    """Executions in the order they ended, with the seconds that they kept their device from other work.

    That is more than the stage's own where the frame waited while the device came from its last one. Of a device that
    begins several before it ends the first, it is what its worker did for the stage.
    """
    free: dict[str, float] = {}
    ready: dict[int, float] = {}
    for each in executions:
        waited = ready.get(each.frame, each.start) <= free.get(each.device, each.start) <= each.start
        yield each, each.seconds + (each.start - free[each.device] if waited and each.device in free else 0.0)
        free[each.device] = ready[each.frame] = each.end


def mirrored(graph: Graph, devices: Mapping[str, Device]) -> tuple[Placement, Placement]:
    """Two placements that change devices at the same places, `TURNS` times; what a device cannot run is the CPU's."""
    keys = tuple(devices)
    count = len(graph.nodes)
    parts = min(count, TURNS + 1)

    def placement(first: int) -> Placement:
        turns = [keys[(first + i * parts // count) % len(keys)] for i in range(count)]
        return placed(graph, devices, turns)

    return placement(0), placement(1)


def dealt(seconds: Sequence[float]) -> list[int]:
    """Whole frames for each device, so that all are equally busy.

    The slowest device gets two, none more than `LONGEST`.
    """
    slowest = max(seconds)
    return [min(LONGEST, round(2 * slowest / each)) for each in seconds]


def operators(leg: Leg) -> float:
    """Seconds of a leg's operators."""
    return sum(piece.seconds for piece in leg.pieces if piece.kind == "operator")


def fitted(stages: Sequence[Observed]) -> Fit:
    """The fit to stages of one device.

    Least squares without negative numbers, of errors that grow with the root of a stage's time, as sums of operators'
    do, and shrink with the root of how many were measured, as means' do; the factor is 1 as far as nothing speaks
    against it.
    """
    from scipy.optimize import nnls  # SciPy takes half a second to import

    table = np.array(stages, float)
    seconds, times, parts = table[:, 0], table[:, 1], table[:, 2:]
    scale = np.maximum(np.abs(parts).max(axis=0), 1e-12)  # the solver wants numbers of one size
    weights = np.sqrt(times / (np.maximum(seconds, parts[:, 0]) + HANDFUL))
    doubt = DOUBT * np.sqrt(scale[0])
    rows = np.vstack([parts / scale * weights[:, None], [doubt / scale[0], 0.0, 0.0]])
    found, _ = nnls(rows, np.append(seconds * weights, doubt))
    return Fit(*(found / scale).tolist())
