"""Measure: every operator on every device alone, and what a stream that uses all devices adds to that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from engine.devices.device import Device, Recording
from engine.graph import Graph
from engine.program import Program
from hetero.costs.costs import Costs
from hetero.costs.rehearsal import Rehearsal
from hetero.partition.problem import Crossing, loads
from hetero.profile import by_node, middle, recorded, run

FEWEST, MOST = 3, 20  # rounds
ENOUGH = 6.0  # seconds after which there is no further round


class Samples:
    """Runs of one program; `wholes` are seconds of the whole, one a round."""

    def __init__(self, program: Program, recording: Recording) -> None:
        self._program, self._recording = program, recording
        self._shares: list[list[float]] = []
        self._sums: list[float] = []
        self.wholes: list[float] = []

    def take(self) -> None:
        """One run step by step, between two as a whole, and before all of them one for caches that others have used."""
        self._run()
        before = self._run()
        steps = self._recording.profile()
        self._sums.append(sum(steps))
        self._shares.append([seconds / (sum(steps) or 1.0) for seconds in steps])
        self.wholes.append((before + self._run()) / 2)

    def _run(self) -> float:
        start = time.perf_counter()
        run(self._recording)
        return time.perf_counter() - start

    def seconds(self) -> dict[str, float]:
        """Node -> seconds: the whole divided as in runs step by step, whose own pace does not matter."""
        usual = middle(self._sums)
        steps = [usual * middle(shares) for shares in zip(*self._shares, strict=True)]
        return by_node(self._program, steps, middle(self.wholes))


def measure(graph: Graph, devices: Mapping[str, Device]) -> Costs:
    """All of it, round by round, so that what drifts, such as a clock, falls on all alike.

    A device is alone while the others are idle: its own streams all work. What the others slow it down by is told by a
    rehearsal, where all do what they do in a stream.
    """
    crew = {key: [recorded(graph, device) for _ in range(device.streams)] for key, device in devices.items()}
    for _, recording in (each for streams in crew.values() for each in streams):
        run(recording)
    alone = {key: Samples(*streams[0]) for key, streams in crew.items()}

    def take() -> None:
        for key, samples in alone.items():
            with working([recording for _, recording in crew[key][1:]]):
                samples.take()

    begin = time.perf_counter()
    take()
    rehearsal = None
    if len(devices) > 1:
        rehearsal = Rehearsal(
            graph, devices, {key: alone[key].wholes[0] / each.streams for key, each in devices.items()}
        )
    rounds = 0
    while rounds < FEWEST or (rounds < MOST and time.perf_counter() - begin < ENOUGH):
        take()
        if rehearsal is not None:
            rehearsal.measure()
        rounds += 1
    times = {key: samples.seconds() for key, samples in alone.items()}
    names = [node.name for node in graph.nodes]
    found = combined(
        {name: {key: each[name] for key, each in times.items() if name in each} for name in names}, rehearsal
    )
    return found if rehearsal is None else eased(found, graph, devices, rehearsal.own())


def combined(alone: Mapping[str, Mapping[str, float]], rehearsal: Rehearsal | None) -> Costs:
    """Costs from what operators take alone, and from a rehearsal where there was one."""
    if rehearsal is None:
        return Costs(alone, alone, {})
    fits = rehearsal.fits(alone)
    busy = {name: {key: seconds * fits[key].factor for key, seconds in cost.items()} for name, cost in alone.items()}
    crossing = {
        (other, key): Crossing(fit.fixed, fit.per_byte, (key,))
        for key, fit in fits.items()
        for other in fits
        if other != key
    }
    return Costs(alone, busy, crossing, rehearsal.caller())


def eased(costs: Costs, graph: Graph, devices: Mapping[str, Device], own: Mapping[str, float]) -> Costs:
    """With the part of a device's time that is left in a stream that it has for itself, where a frame takes it `own`.

    That is held against what the same frame takes by these costs, so that what is predicted of it is what it takes.
    """
    problem = costs.problem(graph, {key: device.streams for key, device in devices.items()})
    beside = {key: devices[key].streams * loads(problem, problem.prefer(key))[key] for key in problem.devices}
    return replace(costs, part={key: min(1.0, own[key] / load) if load else 1.0 for key, load in beside.items()})


@contextmanager
def working(recordings: Sequence[Recording]) -> Iterator[None]:
    """While the block runs, so does each of these, over and over, in a thread of its own."""
    stop = threading.Event()
    started = threading.Barrier(len(recordings) + 1)

    def work(recording: Recording) -> None:
        started.wait()
        while not stop.is_set():
            run(recording)

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in recordings]
    for thread in threads:
        thread.start()
    started.wait()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
