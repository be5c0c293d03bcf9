"""Statistics: what a stream has done so far, as a frozen record, and the recorder behind it."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

WINDOW = 4096  # latest frames and stage executions kept; sums cover everything


@dataclass(frozen=True)
class Statistics:
    """What a stream has done so far.

    frames       frames that gave a result
    dropped      frames dropped because the stream was full
    failed       frames that ended in an error
    seconds      from the first frame's submission to the latest event
    fps          frames per second over that time
    latency_p50  seconds from submission to result that half the frames stay within; p95 and p99
                 likewise; over the latest `WINDOW` frames, 0 before the first
    busy         device -> share of `seconds` it worked
    idle         device -> {cause: share}; "dependency": a frame in flight had work for it, but was
                 still on another device or being handed over; "no-frame": none in flight had any.
                 A stage is booked when it ends: only then do busy and idle add up to 1
    bytes_moved  bytes copied between devices per frame
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


class Execution(NamedTuple):
    """One stage of one frame: `stage` counts within the frame's variant, the last is unloading."""

    device: str
    frame: int
    stage: int
    start: float
    end: float


class _Account:
    """How one device spent its time. While it works, or has work, `work` is not 0."""

    __slots__ = ("busy", "dependency", "no_frame", "until", "work")

    def __init__(self) -> None:
        self.busy = self.dependency = self.no_frame = 0.0
        self.until = 0.0  # the time up to which all is booked
        self.work = 0  # stages on this device that frames in flight have yet to end

    def idle(self, now: float) -> None:
        """Book idle time up to now. Threads may report slightly out of order: never negative."""
        passed = now - self.until
        if passed <= 0:
            return
        self.until = now
        if self.work:
            self.dependency += passed
        else:
            self.no_frame += passed

    def more(self, now: float) -> None:
        """One more stage to do. Where there were some already, nothing changes that must be booked."""
        if not self.work:
            self.idle(now)
        self.work += 1

    def less(self, now: float) -> None:
        """One stage less to do, none of it done."""
        if self.work == 1:
            self.idle(now)
        self.work -= 1

    def worked(self, start: float, end: float) -> None:
        """One stage done, from start to end."""
        self.idle(start)
        self.busy += max(0.0, end - self.until)
        self.until = max(self.until, end)
        self.work -= 1


class Recorder:
    """Running sums behind `Statistics`, told of every event by the pipeline; any thread may tell.

    Every time is a reading in seconds of the one clock that the pipeline uses.
    """

    def __init__(self, devices: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._accounts = {device: _Account() for device in devices}
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._executions: deque[Execution] = deque(maxlen=WINDOW)
        self._frames = self._dropped = self._failed = 0
        self._first: float | None = None
        self._latest = 0.0

    def admit(self, submitted: float, now: float, work: Iterable[str]) -> None:
        """A frame that was submitted at one time is ready now; `work` holds a device per stage."""
        with self._lock:
            self._see(submitted, now)
            for device in work:
                self._accounts[device].more(now)

    def worked(self, execution: Execution) -> None:
        """A device has ended a stage, well or not."""
        with self._lock:
            self._work(execution)

    def finish(self, submitted: float, unloading: Execution) -> None:
        """A frame was unloaded and has given its result."""
        with self._lock:
            self._work(unloading)
            self._frames += 1
            self._latencies.append(unloading.end - submitted)

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
        """The latest stage executions, at most `WINDOW`, in the order they ended."""
        with self._lock:
            return tuple(self._executions)

    def statistics(self, bytes_moved: int = 0) -> Statistics:
        """The record up to the latest event; `bytes_moved` counts all bytes copied so far."""
        with self._lock:
            for account in self._accounts.values():
                if not account.work:
                    account.idle(self._latest)
            seconds = 0.0 if self._first is None else self._latest - self._first
            latencies = sorted(self._latencies)
            whole = seconds or math.inf
            return Statistics(
                frames=self._frames,
                dropped=self._dropped,
                failed=self._failed,
                seconds=seconds,
                fps=self._frames / whole,
                latency_p50=_percentile(latencies, 0.50),
                latency_p95=_percentile(latencies, 0.95),
                latency_p99=_percentile(latencies, 0.99),
                busy={device: account.busy / whole for device, account in self._accounts.items()},
                idle={
                    device: {"no-frame": account.no_frame / whole, "dependency": account.dependency / whole}
                    for device, account in self._accounts.items()
                },
                bytes_moved=bytes_moved / max(1, self._frames),
            )

    def _see(self, submitted: float, now: float) -> None:
        if self._first is None:
            self._first = self._latest = submitted
            for account in self._accounts.values():
                account.until = submitted
        self._latest = max(self._latest, now)

    def _work(self, execution: Execution) -> None:
        self._accounts[execution.device].worked(execution.start, execution.end)
        self._executions.append(execution)
        self._latest = max(self._latest, execution.end)

    def _abandon(self, submitted: float, now: float, work: Iterable[str]) -> None:
        self._see(submitted, now)
        for device in work:
            self._accounts[device].less(now)


def _percentile(ordered: list[float], share: float) -> float:
    """The smallest value that at least such a share of values does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0
