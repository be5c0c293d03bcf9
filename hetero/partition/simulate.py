"""Simulate: what a pipeline would do, as a timeline, with neither devices nor threads."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import ceil
from statistics import fmean
from typing import NamedTuple

from hetero.partition.itinerary import Leg, Piece, itinerary
from hetero.partition.problem import Placement, Problem, period, relieved
from hetero.pipeline.order import WINDOW

SETTLED, LONG = 32, 512  # frames after which a stream counts as steady, at least and at most
SLACK = 0.01  # of the busiest resource's time
DEEPEST = 96
NO_STREAMS: Mapping[str, int] = {}
CALLER = "caller"  # the thread that brings frames and takes their results


class Span(NamedTuple):
    """One stage of one frame on its device, from start to end in seconds."""

    frame: int
    stage: int
    device: str
    start: float
    end: float


def simulate(
    variants: Sequence[Sequence[tuple[str, float]]],
    schedule: Sequence[int],
    depth: int,
    frames: int,
    streams: Mapping[str, int] = NO_STREAMS,
) -> list[Span]:
    """The timeline of so many frames, by start; of equal starts the older frame first.

    Each variant is a sequence of stages (device, seconds). The rules are the pipeline's: frame i
    uses variants[schedule[i % len(schedule)]]; `depth` frames are in flight at most, and `WINDOW`
    times as many are submitted and not yet given back in order; a device serves the oldest frame
    that is ready, as many at once as it has `streams` (one if it is not named there), and never
    stops half way. Frames are always at hand, and results are taken at once.
    """
    plans = [variants[schedule[frame % len(schedule)]] for frame in range(frames)]
    ready: dict[str, list[tuple[int, int]]] = {device: [] for stages in variants for device, _ in stages}
    idle = {device: streams.get(device, 1) for device in ready}
    running: list[tuple[float, int, int]] = []  # (end, frame, stage)
    done = [False] * frames
    admitted = given = flying = 0
    now = 0.0
    timeline: list[Span] = []
    while True:
        while admitted < frames and flying < depth and admitted < given + WINDOW * depth:
            heapq.heappush(ready[plans[admitted][0][0]], (admitted, 0))
            admitted, flying = admitted + 1, flying + 1
        for device in sorted(idle):
            while ready[device] and idle[device]:
                frame, stage = heapq.heappop(ready[device])
                end = now + plans[frame][stage][1]
                timeline.append(Span(frame, stage, device, now, end))
                heapq.heappush(running, (end, frame, stage))
                idle[device] -= 1
        if not running:
            return sorted(timeline, key=lambda span: (span.start, span.frame, span.stage))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end now, before anybody begins
            _, frame, stage = heapq.heappop(running)
            idle[plans[frame][stage][0]] += 1
            if stage + 1 < len(plans[frame]):
                heapq.heappush(ready[plans[frame][stage + 1][0]], (frame, stage + 1))
            else:
                flying -= 1
                done[frame] = True
        while given < frames and done[given]:
            given += 1


class Event(NamedTuple):
    """What a resource does from start to end, in seconds: kind "load", "operator", "crossing", "overhead", or "wait".

    `name` is an operator, a tensor or a stage; a wait has none, and its frame is the one that is waited for.
    """

    frame: int
    resource: str
    kind: str
    name: str
    start: float
    end: float


class Forecast(NamedTuple):
    """A stream in its steady state: seconds per frame, a frame's seconds from its slot to its result, busy shares."""

    period: float
    latency: float
    busy: dict[str, float]


def timeline(
    problem: Problem, placements: Sequence[Placement], schedule: Sequence[int], depth: int, frames: int
) -> list[Event]:
    """Every operator, crossing and wait of so many frames, by start; the placements' legs under `simulate`'s rules.

    A device waits while none of its streams works.
    """
    problem = relieved(problem, placements, schedule)
    legs = [_legs(problem, placement) for placement in placements]
    free = dict.fromkeys((CALLER, *problem.resources), 0.0)
    events = []
    for span in simulate(_variants(legs), schedule, depth, frames, problem.streams):
        if span.start > free[span.device]:
            events.append(Event(span.frame, span.device, "wait", "", free[span.device], span.start))
        free[span.device], now = max(span.end, free[span.device]), span.start
        for kind, name, seconds in legs[schedule[span.frame % len(schedule)]][span.stage].pieces:
            events.append(Event(span.frame, span.device, kind, name, now, now + seconds))
            now += seconds
    return sorted(events, key=lambda event: (event.start, event.end, event.frame))


def forecast(problem: Problem, placements: Sequence[Placement], schedule: Sequence[int], depth: int) -> Forecast:
    """The steady state of a plan at a depth."""
    problem = relieved(problem, placements, schedule)
    return _steady(_variants([_legs(problem, each) for each in placements]), schedule, depth, problem.streams)


def enough(problem: Problem, placements: Sequence[Placement], schedule: Sequence[int]) -> int:
    """The least depth at which the busiest resource is kept busy, all but `SLACK` of its time.

    Where no depth up to `DEEPEST` does that, the least that comes as near to the fastest of them.
    """
    problem = relieved(problem, placements, schedule)
    variants = _variants([_legs(problem, each) for each in placements])
    goal = (1 + SLACK) * period(problem, placements, schedule)
    found: list[float] = []
    while len(found) < DEEPEST and (not found or found[-1] > goal):
        found.append(_steady(variants, schedule, len(found) + 1, problem.streams).period)
    return next(i for i, each in enumerate(found, 1) if each <= (1 + SLACK) * min(found))


def _legs(problem: Problem, placement: Placement) -> list[Leg]:
    """What a frame goes through: first of all the caller's hands, who has one at a time."""
    brought = [Leg(CALLER, (Piece("load", "load", problem.caller),))] if problem.caller else []
    return [*brought, *itinerary(problem, placement)]


def _variants(legs: Sequence[Sequence[Leg]]) -> list[list[tuple[str, float]]]:
    return [[(leg.resource, leg.seconds) for leg in each] for each in legs]


def _steady(
    variants: Sequence[Sequence[tuple[str, float]]], schedule: Sequence[int], depth: int, streams: Mapping[str, int]
) -> Forecast:
    """The middle third of a stream of whole rounds, each long enough for beginning and end not to matter."""
    loads = _loads(variants, schedule, streams)
    settled = min(LONG, max(SETTLED, 2 * depth, 2 * _meanwhile(variants, loads)))
    third = len(schedule) * -(-settled // len(schedule))
    spans = simulate(variants, schedule, depth, 3 * third, streams)
    ends = [0.0] * 3 * third
    for span in spans:
        ends[span.frame] = max(ends[span.frame], span.end)
    given = list(accumulate(ends, max))
    left = sorted(ends)
    middle = range(third, 2 * third)
    brought = {span.frame: span.start for span in spans if span.device == CALLER}
    room = [max(left[i - depth], given[i - WINDOW * depth] if i >= WINDOW * depth else 0.0) for i in middle]
    begins = [brought.get(i, since) for i, since in zip(middle, room, strict=True)]
    first, last = given[third - 1], given[2 * third - 1]
    busy = {device: 0.0 for stages in variants for device, _ in stages}
    for span in spans:
        within = max(0.0, min(span.end, last) - max(span.start, first))
        busy[span.device] += within / (last - first) / streams.get(span.device, 1)
    latency = fmean(ends[i] - begin for i, begin in zip(middle, begins, strict=True))
    busiest = max(loads, key=lambda device: loads[device])
    # Frames end early and late, by more than a period where long and short ones are mixed: counting them tells less
    # than what the busiest did meanwhile.
    return Forecast(loads[busiest] / busy[busiest], latency, busy)


def _meanwhile(variants: Sequence[Sequence[tuple[str, float]]], loads: Mapping[str, float]) -> int:
    """Frames that end while the longest is under way."""
    longest = max(sum(seconds for _, seconds in stages) for stages in variants)
    return ceil(longest / (max(loads.values()) or 1.0))


def _loads(
    variants: Sequence[Sequence[tuple[str, float]]], schedule: Sequence[int], streams: Mapping[str, int]
) -> dict[str, float]:
    """Seconds per frame that a device works, all its streams together."""
    found: dict[str, float] = {}
    for entry in schedule:
        for device, seconds in variants[entry]:
            found[device] = found.get(device, 0.0) + seconds / len(schedule) / streams.get(device, 1)
    return found
