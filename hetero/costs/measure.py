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


class Samples:
    """Runs of one program under one condition; `wholes` are seconds of the whole, one a round."""

    def __init__(self, program: Program, recording: Recording) -> None:
        self._program, self._recording = program, recording
        self._shares: list[list[float]] = []
        self.wholes: list[float] = []

    def take(self) -> None:
        """One run step by step, between two as a whole."""
        before = self._run()
        steps = self._recording.profile()
        self._shares.append([seconds / (sum(steps) or 1.0) for seconds in steps])
        self.wholes.append((before + self._run()) / 2)

    def _run(self) -> float:
        start = time.perf_counter()
        run(self._recording)
        return time.perf_counter() - start

    def seconds(self, whole: float) -> dict[str, float]:
        """Node -> seconds: the whole divided as in runs step by step, whose own pace does not matter."""
        return by_node(self._program, [middle(each) for each in zip(*self._shares, strict=True)], whole)


def measure(graph: Graph, devices: Mapping[str, Device]) -> Costs:
    """All of it, round by round: what drifts from round to round, such as a clock, is told by what ran alone in it.

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
    return combined(graph, alone, busy, rehearsal)


def combined(
    graph: Graph, alone: Mapping[str, Samples], busy: Mapping[str, Samples], rehearsal: Rehearsal | None
) -> Costs:
    """Costs from what each device took alone and beside others, and from a rehearsal where there was one.

    Only what was measured in the same round is set against each other.
    """
    usual = {key: middle(each.wholes) for key, each in alone.items()}
    slower = {
        key: middle(both / single for both, single in zip(each.wholes, alone[key].wholes, strict=True))
        for key, each in busy.items()
    }
    by_itself = _table(graph, {key: each.seconds(usual[key]) for key, each in alone.items()})
    beside = _table(graph, {key: each.seconds(slower[key] * usual[key]) for key, each in busy.items()})
    if rehearsal is None:
        return Costs(by_itself, beside, {}, {})
    drifts = [
        {key: (each.wholes[i] + busy[key].wholes[i] / slower[key]) / (2 * usual[key]) for key, each in alone.items()}
        for i in range(rehearsal.count)
    ]
    crossing: dict[tuple[str, str], Crossing] = {}
    for key, fit in rehearsal.fits(beside, drifts).items():
        for cost in beside.values():
            if key in cost:
                cost[key] *= fit.factor
        crossing |= {(other, key): Crossing(fit.fixed, fit.per_byte, (key,)) for other in alone if other != key}
    return Costs(by_itself, beside, crossing, rehearsal.unloading())


def _table(graph: Graph, times: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Device -> node -> seconds, the other way round."""
    names = [node.name for node in graph.nodes]
    return {name: {key: each[name] for key, each in times.items() if name in each} for name in names}


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
