"""Measure: every operator on every device, alone and beside busy neighbours, and crossings within a stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from engine.devices.device import Device, Recording
from engine.graph import Graph
from engine.program import Program
from hetero.costs.costs import Costs
from hetero.costs.rehearsal import Rehearsal
from hetero.partition.problem import Crossing
from hetero.profile import by_node, middle, recorded, run

FEWEST, MOST = 3, 20  # rounds
ENOUGH = 4.0  # seconds after which there is no further round
RUNS = 2  # as a whole in each round


class Samples:
    """Runs of one program under one condition."""

    def __init__(self, program: Program, recording: Recording) -> None:
        self._program, self._recording = program, recording
        self._shares: list[list[float]] = []
        self._wholes: list[float] = []

    def take(self) -> None:
        """One run step by step, between runs as a whole."""
        for _ in range(RUNS // 2):
            self._run()
        steps = self._recording.profile()
        self._shares.append([seconds / (sum(steps) or 1.0) for seconds in steps])
        for _ in range(RUNS // 2):
            self._run()

    def _run(self) -> None:
        start = time.perf_counter()
        run(self._recording)
        self._wholes.append(time.perf_counter() - start)

    def seconds(self) -> dict[str, float]:
        """Node -> seconds: what whole runs took, divided as in runs step by step, whose own pace does not matter."""
        shares = [middle(each) for each in zip(*self._shares, strict=True)]
        return by_node(self._program, shares, middle(self._wholes))


def measure(graph: Graph, devices: Mapping[str, Device]) -> Costs:
    """All of it, round by round, so that a machine whose clock drifts is the same for all.

    What works beside a device are the other streams of its own, and in the second half of what is measured the other
    devices too, each with all that it can run.
    """
    crew = [(key, *recorded(graph, device)) for key, device in devices.items() for _ in range(device.streams)]
    for _, _, recording in crew:
        run(recording)
    first = {key: [each[0] for each in crew].index(key) for key in devices}
    alone = {key: Samples(*crew[number][1:]) for key, number in first.items()}
    busy = {key: Samples(*crew[number][1:]) for key, number in first.items()}
    rehearsal = Rehearsal(graph, devices) if len(devices) > 1 else None
    rounds, begin = 0, time.perf_counter()
    while rounds < FEWEST or (rounds < MOST and time.perf_counter() - begin < ENOUGH):
        for key, number in first.items():
            others = [(each, recording) for i, (each, _, recording) in enumerate(crew) if i != number]
            with working([recording for each, recording in others if each == key]):
                alone[key].take()
            with working([recording for _, recording in others]):
                busy[key].take()
        if rehearsal is not None:
            rehearsal.measure()
        rounds += 1
    beside = _table(graph, busy)
    if rehearsal is None:
        return Costs(_table(graph, alone), beside, {}, {})
    crossing: dict[tuple[str, str], Crossing] = {}
    for key, fit in rehearsal.fits(beside).items():
        for cost in beside.values():
            if key in cost:
                cost[key] *= fit.factor
        crossing |= {(other, key): Crossing(fit.fixed, fit.per_byte, (key,)) for other in devices if other != key}
    return Costs(_table(graph, alone), beside, crossing, rehearsal.unloading())


def _table(graph: Graph, samples: Mapping[str, Samples]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {node.name: {} for node in graph.nodes}
    for key, each in samples.items():
        for name, seconds in each.seconds().items():
            found[name][key] = seconds
    return found


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
