"""Statistics: what a stream has done so far, as a frozen record, and the recorder behind it."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

LATEST = 4096  # latest frames and stage executions kept; sums cover everything


@dataclass(frozen=True)
class Statistics:
    """What a stream has done so far.

    frames       frames that gave a result
    dropped      frames dropped because the stream was full
    failed       frames that ended in an error
    seconds      from the first frame's submission to the latest event
    fps          frames per second over that time
    latency_p50  seconds from submission to result that half the frames stay within; p95 and p99
                 likewise; over the latest `LATEST` frames, 0 before the first
    busy         device -> share of `seconds` it worked; of a device of several streams their mean
    idle         device -> {cause: share}; "dependency": a frame in flight had work for it, but was
                 still on another device or being handed over; "no-frame": none in flight had any.
                 Busy and idle add up to 1. A stage is booked when its frame has left, and is no work done until then
    bytes_moved  bytes copied between devices per frame
    rescued      frames, of those that gave a result, that a device's driver failed and the CPU ran again
    changes      times that the stream went on with another plan, because devices had drifted from their costs
    """

    frames: int
    dropped: int
    failed: int
    seconds: float
    fps: float
    latency_p50: float
    latency_p95: float
    latency_p99: float
    busy: Mapping[str, float]
    idle: Mapping[str, Mapping[str, float]]
    bytes_moved: float
    rescued: int = 0
    changes: int = 0


class Execution(NamedTuple):
    """One stage of one frame: `stage` counts within the frame's variant.

    A worker that has begun several is said to be at each from the end of that before; it may have begun this one
    earlier, and others meanwhile: `more` is the seconds that this one took it beyond those from `start` to `end`.
    """

    device: str
    frame: int
    stage: int
    start: float
    end: float
    more: float = 0.0

    @property
    def seconds(self) -> float:
        """What the stage took its worker."""
        return self.end - self.start + self.more


class _Account:
    """How one device spent its time: what it worked, and what it could have, with all it ever had to do at hand."""

    __slots__ = ("_events", "busy", "demand", "streams", "until", "work")

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.busy = self.demand = 0.0  # seconds, of all streams together
        self.until = 0.0  # the time up to which demand is booked
        self.work = 0  # stages on this device that frames in flight have yet to end
        self._events: list[tuple[float, int]] = []  # when, and how many stages more to do

    def change(self, now: float, work: int) -> None:
        """So many stages more to do. What a frame did is told when it has left, so events come out of order."""
        self._events.append((now, work))
        if len(self._events) > LATEST:
            self._book(LATEST // 2)

    def _book(self, left: int) -> None:
        """Add up all but so many of the latest events; what comes later than its turn counts from then on."""
        events = sorted(self._events)
        due = len(events) - left
        for now, work in events[:due]:
            if now > self.until:
                self.demand += min(self.work, self.streams) * (now - self.until)
                self.until = now
            self.work += work
        self._events = events[due:]

    def shares(self, now: float, since: float) -> tuple[float, float, float]:
        """Busy, waiting for another device, and without a frame: shares of the time from `since` to `now`."""
        asked = copy(self)  # events from before now may still be told
        asked._events = [*self._events, (now, 0)]
        asked._book(0)
        whole = self.streams * (now - since)
        if whole <= 0:
            return 0.0, 0.0, 0.0
        busy = min(self.busy / whole, 1.0)
        demand = min(max(asked.demand / whole, busy), 1.0)
        return busy, demand - busy, 1.0 - demand


class Recorder:
    """Running sums behind `Statistics`, told of every event by the pipeline; any thread may tell.

    `devices` says how many stages each device runs at once.
    Every time is a reading in seconds of the one clock that the pipeline uses.
    """

    def __init__(self, devices: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._accounts = {device: _Account(streams) for device, streams in devices.items()}
        self._latencies: deque[float] = deque(maxlen=LATEST)
        self._executions: deque[Execution] = deque(maxlen=LATEST)
        self._frames = self._dropped = self._failed = 0
        self._first: float | None = None
        self._latest = 0.0

    def know(self, device: str, streams: int) -> None:
        """One more device, which runs so many stages at once."""
        with self._lock:
            account = self._accounts[device] = _Account(streams)
            account.until = self._latest

    def admit(self, submitted: float, now: float, work: Iterable[str]) -> None:
        """A frame that was submitted at one time is ready now; `work` holds a device per stage."""
        with self._lock:
            self._see(submitted, now)
            for device in work:
                self._accounts[device].change(now, 1)

    def worked(self, execution: Execution) -> None:
        """A device has ended a stage, well or not."""
        with self._lock:
            self._work(execution)

    def finish(self, submitted: float, now: float, work: Iterable[str] = ()) -> None:
        """A frame was unloaded and has given its result, without the `work` it had left."""
        with self._lock:
            self._frames += 1
            self._latencies.append(now - submitted)
            self._abandon(submitted, now, work)

    def fail(self, submitted: float, now: float, work: Iterable[str]) -> None:
        """A frame has failed and will not do the `work` it had left."""
        with self._lock:
            self._failed += 1
            self._abandon(submitted, now, work)

    def drop(self, submitted: float, now: float, work: Iterable[str] = ()) -> None:
        """A frame was dropped and will not do the `work` it was admitted for."""
        with self._lock:
            self._dropped += 1
            self._abandon(submitted, now, work)

    def executions(self) -> tuple[Execution, ...]:
        """The latest stage executions, at most `LATEST`, in the order they ended."""
        with self._lock:
            return tuple(sorted(self._executions, key=lambda each: each.end))

    def statistics(self, bytes_moved: int = 0, rescued: int = 0, changes: int = 0) -> Statistics:
        """The record up to the latest event; the rest is given: all bytes copied so far, frames rescued, changes."""
        with self._lock:
            first = self._latest if self._first is None else self._first
            seconds = self._latest - first
            shares = {device: account.shares(self._latest, first) for device, account in self._accounts.items()}
            latencies = sorted(self._latencies)
            whole = seconds or math.inf
            return Statistics(
                frames=self._frames,
                dropped=self._dropped,
                failed=self._failed,
                seconds=seconds,
                fps=self._frames / whole,
                latency_p50=percentile(latencies, 0.50),
                latency_p95=percentile(latencies, 0.95),
                latency_p99=percentile(latencies, 0.99),
                busy={device: busy for device, (busy, _, _) in shares.items()},
                idle={
                    device: {"no-frame": no_frame, "dependency": dependency}
                    for device, (_, dependency, no_frame) in shares.items()
                },
                bytes_moved=bytes_moved / max(1, self._frames),
                rescued=rescued,
                changes=changes,
            )

    def _see(self, submitted: float, now: float) -> None:
        if self._first is None:
            self._first = self._latest = submitted
            for account in self._accounts.values():
                account.until = submitted
        self._latest = max(self._latest, now)

    def _work(self, execution: Execution) -> None:
        account = self._accounts[execution.device]
        account.busy += execution.end - execution.start
        account.change(execution.end, -1)
        self._executions.append(execution)
        self._latest = max(self._latest, execution.end)

    def _abandon(self, submitted: float, now: float, work: Iterable[str]) -> None:
        self._see(submitted, now)
        for device in work:
            self._accounts[device].change(now, -1)


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that at least such a share of values does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0
