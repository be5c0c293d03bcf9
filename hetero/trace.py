"""Trace: what happens to a stream's frames and when, on one clock for all devices, in a format that browsers open.

The format is the Chrome trace-event one, which Perfetto and chrome://tracing show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, islice, pairwise
from typing import Any

import numpy as np

from hetero.deployment import Deployment
from hetero.memory.slots import Slot
from hetero.partition.simulate import CALLER, Event
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import Pipeline
from hetero.pipeline.stage import Stage
from hetero.stage import BoundStage, Step
from hetero.trial import posts

Feeds = Mapping[str, np.ndarray[Any, Any]]
_MICROSECONDS = 1e6


def traced(deployment: Deployment, frames: Iterable[Feeds]) -> list[Event]:
    """Stream frames through a deployment, and tell what every thread did, by start; the first frame is sent in at 0.

    `kind` is "load", "stage" or "unload", and within a stage "start", "finish" or "crossing" as a `Step` has them;
    "wait" is a worker between two stages, of the frame it waits for:
    named "no frame" until that frame is loaded, then "dependency". `resource` is the thread's device, with a number
    where it has several streams. Where the plan runs several frames together, what is called a frame is a batch.
    What is told of every step is told by the interpreter, so stages are a little longer here than in a stream.
    """
    tracer = _Tracer(deployment)
    source = iter(frames)
    batches = iter(lambda: list(islice(source, deployment.plan.batch)), [])
    line = Line(tracer.variants, deployment.plan.schedule, deployment.slots, tracer.load, tracer.unload)
    with Pipeline(line, posts=posts(deployment)) as running:
        for _ in running.map(batches):
            pass
    begin = min(event.start for event in tracer.events)
    events = [event._replace(start=event.start - begin, end=event.end - begin) for event in tracer.events]
    return sorted([*events, *_waits(events)], key=lambda event: (event.start, -event.end))


def chrome(processes: Mapping[str, Sequence[Event]]) -> dict[str, Any]:
    """Timelines as one trace, each a process of its own and each resource a thread of it; times in microseconds.

    Arrows lead a frame from stage to stage.
    """
    told: list[dict[str, Any]] = []
    arrows = count()
    for process, (title, events) in enumerate(processes.items()):
        told.append({"ph": "M", "name": "process_name", "pid": process, "args": {"name": title}})
        threads = {name: i for i, name in enumerate(sorted({event.resource for event in events}))}
        for name, thread in threads.items():
            told.append({"ph": "M", "name": "thread_name", "pid": process, "tid": thread, "args": {"name": name}})
        for event in events:
            where = {"pid": process, "tid": threads[event.resource]}
            times = {"ts": event.start * _MICROSECONDS, "dur": (event.end - event.start) * _MICROSECONDS}
            name = event.name or event.kind
            told.append({"ph": "X", "name": name, "cat": event.kind, **where, **times, "args": {"frame": event.frame}})
        for before, after in _hops(events):
            arrow = {"name": "frame", "cat": "frame", "id": next(arrows), "pid": process}
            left = {"tid": threads[before.resource], "ts": before.end * _MICROSECONDS}
            arrived = {"tid": threads[after.resource], "ts": after.start * _MICROSECONDS}
            told += [arrow | left | {"ph": "s"}, arrow | arrived | {"ph": "f", "bp": "e"}]
    return {"traceEvents": told, "displayTimeUnit": "ms"}


def laned(events: Iterable[Event]) -> list[Event]:
    """Events of a simulation, those of one resource that overlap on resources of their own: its streams."""
    lanes: dict[str, list[Event]] = {}
    found = []
    for event in sorted(events, key=lambda event: (event.start, event.end)):
        mine = lanes.setdefault(event.resource, [])
        free = [i for i, last in enumerate(mine) if last.end <= event.start]
        lane = min(free, key=lambda i: (mine[i].frame != event.frame, i), default=len(mine))
        mine[lane : lane + 1] = [event]
        found.append(event._replace(resource=_lane(event.resource, lane)))
    return found


class _Tracer:
    """Stands between a pipeline and a deployment, and notes what passes."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.variants = [
            [_Stage(stage.watched(self._around), f"stage {i}", self) for i, stage in enumerate(stages)]
            for stages in deployment.variants
        ]
        self.events: list[Event] = []
        self._numbers = count()
        self._frames: dict[int, int] = {}  # slot's id -> the frame in it
        self._here = threading.local()  # the frame that a thread works on
        self._started: dict[int, float] = {}  # slot's id -> when its stage was started
        self._free: dict[str, float] = {}  # resource -> when it ended a stage
        self._lanes: dict[int, str] = {}  # thread -> resource
        self._lock = threading.Lock()

    def load(self, slot: Slot, batch: Sequence[Feeds], variant: int) -> None:
        """Load a batch; batches are numbered as they come."""
        self._frames[id(slot)] = self._here.frame = next(self._numbers)
        self._note(self._lane(CALLER), "load", "load", lambda: self._deployment.load_all(slot, batch, variant))

    def unload(self, slot: Slot) -> Any:
        """Unload a batch."""
        self._here.frame, size = self._frames[id(slot)], self._deployment.plan.batch
        return self._note(self._lane(CALLER), "unload", "unload", lambda: self._deployment.unload_all(slot, size))

    def start(self, slot: Slot, stage: BoundStage) -> None:
        """Start a stage, in a worker; it is noted when it ends."""
        self._lane(stage.device)
        self._here.frame, self._started[id(slot)] = self._frames[id(slot)], time.perf_counter()
        stage.start(slot)

    def finish(self, slot: Slot, stage: BoundStage, name: str) -> None:
        """Finish a stage: a worker that has started several is at work on each from the end of that before."""
        lane, self._here.frame = self._lane(stage.device), self._frames[id(slot)]
        stage.finish(slot)
        start, end = max(self._started[id(slot)], self._free.get(lane, 0.0)), time.perf_counter()
        self.events.append(Event(self._here.frame, lane, "stage", name, start, end))
        self._free[lane] = end

    def _around(self, step: Step) -> Callable[[], None]:
        """The same work, noted whenever it is done."""
        return lambda: self._note(self._lane(""), *step)

    def _note(self, resource: str, kind: str, name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = work()
        self.events.append(Event(self._here.frame, resource, kind, name, start, time.perf_counter()))
        return found

    def _lane(self, resource: str) -> str:
        """What this thread is called; a thread's first note says whose it is."""
        thread = threading.get_ident()
        with self._lock:
            if thread not in self._lanes:
                before = sum(lane.split()[0] == resource for lane in self._lanes.values())
                self._lanes[thread] = _lane(resource, before)
            return self._lanes[thread]


class _Stage(Stage):
    """A stage that is noted as a whole; its parts are noted by themselves."""

    def __init__(self, stage: BoundStage, name: str, tracer: _Tracer) -> None:
        self.device, self._stage, self._name, self._tracer = stage.device, stage, name, tracer

    def start(self, slot: Slot) -> None:
        """Start the stage."""
        self._tracer.start(slot, self._stage)

    def finish(self, slot: Slot) -> None:
        """Finish the stage."""
        self._tracer.finish(slot, self._stage, self._name)


def _lane(resource: str, number: int) -> str:
    return f"{resource} {number + 1}" if number else resource


def _waits(events: Sequence[Event]) -> list[Event]:
    """What every worker waited for between its stages, and before its first."""
    loaded = {event.frame: event.end for event in events if event.kind == "load"}
    free: dict[str, float] = {}
    found = []
    for event in sorted(events, key=lambda event: event.start):
        if event.kind != "stage":
            continue
        since = free.get(event.resource, 0.0)
        there = min(max(since, loaded[event.frame]), event.start)
        for name, start, end in (("no frame", since, there), ("dependency", there, event.start)):
            if end > start:
                found.append(Event(event.frame, event.resource, "wait", name, start, end))
        free[event.resource] = event.end
    return found


def _hops(events: Sequence[Event]) -> list[tuple[Event, Event]]:
    """Each frame's neighbouring pieces of work that are on different resources."""
    frames: dict[int, list[Event]] = {}
    for event in sorted(events, key=lambda event: event.start):
        if event.kind in ("load", "stage", "operator"):
            frames.setdefault(event.frame, []).append(event)
    return [
        (before, after)
        for each in frames.values()
        for before, after in pairwise(each)
        if before.resource != after.resource
    ]
