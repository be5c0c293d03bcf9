"""Batches: frames gathered while the devices are busy, and run together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hetero.pipeline.entry import Entry
from hetero.pipeline.order import WINDOW, in_order
from hetero.pipeline.pipeline import OnFull, Pipeline, PipelineClosed
from hetero.pipeline.result import Dropped, Result
from hetero.statistics import LATEST, Execution, Statistics, percentile


@dataclass(slots=True, eq=False)
class _Frame(Entry):
    """A frame that waits for its batch, or is in it."""

    frame: Any


class Batches:
    """Gives a pipeline up to `size` frames at once, and itself looks like a pipeline of single frames.

    pipeline   takes sequences of at most `size` frames and gives a sequence of outputs; nobody else submits to it
    depth      slots of the pipeline: so many batches are in flight at most
    copied     makes of a frame what stays as it is after submit has returned
    on_full    what submit does when `depth` batches are in flight and the next is full, as in `Pipeline`; the frames
               of that next batch are those that have not begun
    clock      seconds, monotonic

    A batch goes when it is full; where nothing is in flight, as it is. So a frame never waits for others while the
    devices are idle, and waits for at most `size` - 1 while they work.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        size: int,
        depth: int,
        copied: Callable[[Any], Any],
        on_full: OnFull = "wait",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pipeline, self._size, self._depth = pipeline, size, depth
        self._copied, self._on_full, self._clock = copied, on_full, clock
        # guards all that follows; told whenever frames leave or have their outcomes
        self._changed = threading.Condition(threading.Lock())
        self._gathered: deque[_Frame] = deque()
        self._flying = 0  # batches
        self._submitted = self._finished = self._dropped = self._failed = 0
        self._latencies: deque[float] = deque(maxlen=LATEST)
        self._closed = False
        self._sender = threading.Thread(target=self._send, name="hetero-batches", daemon=True)
        self._sender.start()

    def submit(self, frame: Any) -> Future[Result]:
        """Let a frame in, as `Pipeline.submit` does. A batch that fails, fails all its frames."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        self._enter(frame, future)
        return future

    def map(self, frames: Iterable[Any]) -> Iterator[Result]:
        """Results of the frames in order, as `Pipeline.map` gives them."""
        return in_order(frames, self._enter, self._may_enter, self._wait, WINDOW * self._depth * self._size)

    def statistics(self) -> Statistics:
        """What was done so far, counted in frames; a batch that was rescued counts as a full one."""
        batches = self._pipeline.statistics()
        with self._changed:
            latencies = sorted(self._latencies)
            frames, dropped, failed = self._finished, self._dropped, self._failed
        return replace(
            batches,
            frames=frames,
            dropped=dropped,
            failed=failed,
            rescued=min(frames, batches.rescued * self._size),
            fps=frames / batches.seconds if batches.seconds else 0.0,
            latency_p50=percentile(latencies, 0.50),
            latency_p95=percentile(latencies, 0.95),
            latency_p99=percentile(latencies, 0.99),
            bytes_moved=batches.bytes_moved * batches.frames / max(1, frames),
        )

    def executions(self) -> tuple[Execution, ...]:
        """The latest stage executions; what they call a frame is a batch."""
        return self._pipeline.executions()

    def close(self) -> None:
        """Refuse new frames, end those that are in, end the threads. Any number of times, from anywhere."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if not self._pipeline.serving():
            self._sender.join()

    def _has_room(self) -> bool:
        return self._closed or len(self._gathered) < self._size

    def _may_enter(self) -> bool:
        """Whether a frame would not have to wait."""
        return self._on_full != "wait" or self._has_room()

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(until)

    def _enter(self, frame: Any, future: Future[Result] | None = None) -> Entry:
        """Let a frame in, as `submit` does."""
        submitted, own = self._clock(), self._copied(frame)
        victim: _Frame | None = None
        with self._changed:
            self._changed.wait_for(self._may_enter)
            if self._closed:
                raise PipelineClosed("the pipeline is closed")
            entering = _Frame(self._submitted, submitted, future, own)
            self._submitted += 1
            if not self._has_room():
                self._dropped += 1
                victim = entering if self._on_full == "drop-newest" else self._gathered.popleft()
            if victim is not entering:
                self._gathered.append(entering)
            self._changed.notify_all()
        if victim is not None:
            self._settle({victim: Dropped("the frame was dropped: the stream is full")})
        return entering

    def _send(self) -> None:
        """The sender's life: batches into the pipeline, which has a slot for each; last of all its end."""
        while batch := self._next():
            running = self._pipeline.submit([each.frame for each in batch])
            running.add_done_callback(partial(self._ended, batch))
            del batch, running  # or its frames would live on until the next batch goes
        self._pipeline.close()

    def _next(self) -> list[_Frame]:
        """The batch that is due, as soon as one is; empty when there will be none."""
        with self._changed:
            self._changed.wait_for(self._due)
            count = min(len(self._gathered), self._size)
            self._flying += bool(count)
            batch = [self._gathered.popleft() for _ in range(count)]
            self._changed.notify_all()
        return batch

    def _due(self) -> bool:
        if not self._gathered:
            return self._closed
        full = self._closed or len(self._gathered) == self._size
        return self._flying == 0 or (full and self._flying < self._depth)

    def _ended(self, batch: list[_Frame], running: Future[Result]) -> None:
        """A batch has left the pipeline; this runs in the thread that gives results."""
        now, error = self._clock(), running.exception()
        with self._changed:
            self._flying -= 1
            if error is None:
                self._finished += len(batch)
                self._latencies.extend(now - each.submitted for each in batch)
            else:
                self._failed += len(batch)
            self._changed.notify_all()
        if error is not None:
            self._settle(dict.fromkeys(batch, error))
            return
        shares = zip(batch, running.result().outputs, strict=False)  # a part of a batch has more rows
        self._settle({each: Result(outputs, each.index, now - each.submitted, now) for each, outputs in shares})

    def _settle(self, outcomes: Mapping[_Frame, Result | BaseException]) -> None:
        with self._changed:
            for entry, outcome in outcomes.items():
                entry.outcome = outcome
            self._changed.notify_all()
        for entry in outcomes:
            entry.tell()
