"""Pipeline: frames through stages on several devices at once, a worker thread per device and stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Literal, get_args

from hetero.pipeline.crew import Crew
from hetero.pipeline.flight import Flight
from hetero.pipeline.line import Line
from hetero.pipeline.order import WINDOW, in_order, room_or_result
from hetero.pipeline.post import Post
from hetero.pipeline.result import Dropped, Result
from hetero.statistics import Execution, Recorder, Statistics

OnFull = Literal["wait", "drop-oldest", "drop-newest"]
USUAL: Mapping[str, Post] = {}


class PipelineClosed(RuntimeError):  # noqa: N818
    """A frame was submitted to a pipeline that is closed."""


class Pipeline:
    """Runs frames through the stages of their variant, several frames at once.

    line         its stages and slots
    on_full      what submit does when no slot is free. "wait": waits for one. "drop-newest": drops
                 the frame submitted. "drop-oldest": drops the oldest frame that waits for its first
                 stage and takes its place, slot and variant; where every frame has begun, drops the
                 frame submitted, since work that is done is not thrown away
    clock        seconds, monotonic
    posts        device -> how it is served; by one worker, a stage at a time, where it is absent

    A device serves the oldest frame first. Each frame holds one slot from load to unload and stages
    wait for nothing, so there is nothing to deadlock on. A stage that fails, fails its frame alone.
    Raises ValueError for an unknown policy.
    """

    def __init__(
        self,
        line: Line,
        on_full: OnFull = "wait",
        clock: Callable[[], float] = time.perf_counter,
        posts: Mapping[str, Post] = USUAL,
    ) -> None:
        if on_full not in get_args(OnFull):
            raise ValueError(f"on_full is {on_full!r}, expected one of {', '.join(get_args(OnFull))}")
        self._on_full, self._clock = on_full, clock
        # guards all that follows; told whenever a slot comes home or a frame's future is resolved
        self._changed = threading.Condition(threading.Lock())
        self._flying: dict[int, Flight] = {}  # handed to the workers, not yet resolved
        self._submitted = self._admitted = self._changes = 0
        self._closed = self._draining = False
        self._counters: list[tuple[Callable[[], int], int]] = []  # and what to add: bytes moved, frames rescued
        self._recorder = Recorder({})
        self._crew = Crew(posts, clock, self._recorder, self._leave)
        self._use(line)

    def submit(self, frame: Any) -> Future[Result]:
        """Let a frame in. The future gives its Result, or raises what load, a stage or unload raised.

        The future raises Dropped where the policy chose the frame to go. It cannot be cancelled. Any
        thread may submit, but for a future's callback: all of them run in the one thread that gives results, which
        must wait for no other frame. Raises PipelineClosed.
        """
        submitted = self._clock()
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        flight, victim = self._enter(submitted, future)
        if victim is not None:
            self._recorder.drop(victim.submitted, self._clock(), victim.route.devices)
            self._resolve(victim.future, Dropped("the frame was dropped for a newer one: the stream is full"))
        if flight is None:
            self._recorder.drop(submitted, self._clock())
            future.set_exception(Dropped("the frame was dropped: the stream is full"))
            return future
        try:
            flight.line.load(flight.slot, frame, flight.variant)
        except BaseException as error:
            self._recorder.fail(submitted, self._clock(), ())
            self._leave(flight, error)
            if not isinstance(error, Exception):
                raise  # the caller was interrupted
            return future
        self._recorder.admit(submitted, self._clock(), flight.route.devices)
        if not self._launch(flight):
            self._recorder.fail(submitted, self._clock(), flight.route.devices)
            self._leave(flight, PipelineClosed("the pipeline was closed while the frame was loaded"))
        return future

    def change(self, line: Line) -> None:
        """Go on with other stages, between two frames; returns when the frames that are in have left.

        Until then the stream is full for frames that want to enter. Results keep their order, and numbers go on. Not to
        be called from a future's callback. Raises PipelineClosed.
        """
        with self._changed:
            self._draining = True
            try:
                self._changed.wait_for(lambda: len(self._free) == len(self._line.slots) or self._closed)
                if self._closed:
                    raise PipelineClosed("the pipeline was closed before its plan was changed")
                self._use(line)
                self._changes += 1
            finally:
                self._draining = False
                self._changed.notify_all()

    def map(self, frames: Iterable[Any]) -> Iterator[Result]:
        """Results of the frames in order, frames pulled only as slots come free.

        At most as many frames are in flight as there are slots. Results that wait for a slower frame before them hold
        no slot, so no device waits for the other's frame; with those, `WINDOW` times as many frames are submitted and
        not given back. Dropped frames are skipped, a failed frame raises in its place. Closing the iterator early waits
        for its frames in flight.
        """
        return in_order(frames, self.submit, self._room, WINDOW * len(self._line.slots))

    def statistics(self) -> Statistics:
        """What the pipeline has done so far."""
        with self._changed:
            (moved, rescued), changes = self._counted(), self._changes
        return self._recorder.statistics(moved, rescued, changes)

    def executions(self) -> tuple[Execution, ...]:
        """The latest stage executions, a bounded number, in the order they ended."""
        return self._recorder.executions()

    def close(self) -> None:
        """Refuse new frames, end those in flight, end the threads. Any number of times, from anywhere.

        Called from a future's callback, which runs in a thread of the pipeline's, it does not wait.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._end_if_empty()
        if not self.serving():
            self._crew.join()

    def serving(self) -> bool:
        """Whether this is one of its own threads, such as a future's callback runs in."""
        return self._crew.serving()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _use(self, line: Line) -> None:
        """Let the next frames go through these stages, none being in flight."""
        moved, saved = self._counted()
        self._counters = [(line.bytes_moved, moved - line.bytes_moved()), (line.rescued, saved - line.rescued())]
        self._crew.employ(device for devices in line.devices for device in devices)
        variants = range(len(line.variants))
        self._routes = {(v, id(slot)): self._crew.route(line, v, slot) for v in variants for slot in line.slots}
        self._line = line
        self._free = list(reversed(line.slots))  # a stack: the slot used last is the one still in the cache

    def _counted(self) -> tuple[int, int]:
        """Bytes moved and frames rescued so far."""
        moved, rescued = [counter() + added for counter, added in self._counters] or (0, 0)
        return moved, rescued

    def _has_room(self) -> bool:
        return self._closed or (bool(self._free) and not self._draining)

    def _enter(self, submitted: float, future: Future[Result]) -> tuple[Flight | None, Flight | None]:
        """A flight with a slot, or none; and the flight that had to go for it, or none."""
        with self._changed:
            if self._on_full == "wait":
                self._changed.wait_for(self._has_room)
            if self._closed:
                raise PipelineClosed("the pipeline is closed")
            index, victim = self._submitted, None
            self._submitted += 1
            if self._has_room():
                slot = self._free.pop()
                variant = self._line.schedule[self._admitted % len(self._line.schedule)]
                self._admitted += 1
            elif self._on_full == "drop-oldest" and (victim := self._oldest()) is not None:
                slot, variant = victim.slot, victim.variant
            else:
                return None, None
        return Flight(index, self._line, slot, variant, submitted, future, self._routes[variant, id(slot)]), victim

    def _oldest(self) -> Flight | None:
        """The oldest flight that has not begun, and now never will; the lock is held."""
        for index in sorted(self._flying):
            if self._crew.withdraw(self._flying[index]):
                return self._flying.pop(index)
        return None

    def _launch(self, flight: Flight) -> bool:
        """Hand a loaded flight to its first worker; False where the pipeline closed meanwhile."""
        with self._changed:
            if self._closed:
                return False
            # in this order an interrupt in between cannot leave a flight that close would wait for
            self._crew.hand(flight)
            self._flying[flight.index] = flight
        return True

    def _leave(self, flight: Flight, outcome: Result | BaseException) -> None:
        """Take the slot home, then resolve the future: who sees a result can submit the next frame."""
        with self._changed:
            self._free.append(flight.slot)
            self._flying.pop(flight.index, None)
            self._end_if_empty()
        self._resolve(flight.future, outcome)

    def _resolve(self, future: Future[Result], outcome: Result | BaseException) -> None:
        try:  # a callback may raise
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        finally:
            with self._changed:
                self._changed.notify_all()

    def _room(self, head: Future[Result] | None) -> bool:
        """Wait until submit would not wait (True) or a future is done (False)."""
        return self._on_full != "wait" or room_or_result(self._changed, self._has_room, head)

    def _end_if_empty(self) -> None:
        """Let the workers end once the pipeline is closed and nothing flies; the lock is held."""
        if self._closed and not self._flying:
            self._crew.dismiss()
