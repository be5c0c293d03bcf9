"""Pipeline: frames through stages on several devices at once, a worker thread per device and stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Literal, get_args

from hetero.pipeline.crew import Crew
from hetero.pipeline.entry import Entry
from hetero.pipeline.flight import Flight
from hetero.pipeline.landing import Landing
from hetero.pipeline.line import Line
from hetero.pipeline.order import WINDOW, in_order
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
        self._lock = threading.Lock()  # guards all that follows
        self._flying: dict[int, Flight] = {}  # handed to the workers and not yet received, by their routes' addresses
        self._submitted = self._admitted = self._changes = 0
        self._closed = self._draining = False
        self._counters: list[tuple[Callable[[], int], int]] = []  # and what to add: bytes moved, frames rescued
        self._recorder = Recorder({})
        self._landing = Landing(self._lock, self._land, lambda: bool(self._flying))
        self._crew = Crew(posts, clock, self._recorder, self._landing.address)
        self._use(line)

    def submit(self, frame: Any) -> Future[Result]:
        """Let a frame in. The future gives its Result, or raises what load, a stage or unload raised.

        The future raises Dropped where the policy chose the frame to go. It cannot be cancelled. Any
        thread may submit, but for a future's callback: all of them run in the one thread that gives results, which
        must wait for no other frame. Raises PipelineClosed.
        """
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if not self._closed:
                self._landing.attend()
        self._enter(frame, future)
        return future

    def change(self, line: Line) -> None:
        """Go on with other stages, between two frames; returns when the frames that are in have left.

        Until then the stream is full for frames that want to enter. Results keep their order, and numbers go on. Not to
        be called from a future's callback. Raises PipelineClosed.
        """

        def changed() -> bool:
            self._draining = True
            if self._closed:
                raise PipelineClosed("the pipeline was closed before its plan was changed")
            if len(self._free) < len(self._line.slots):
                return False
            self._use(line)
            self._changes += 1
            return True

        try:
            self._landing.wait(changed)
        finally:
            with self._lock:
                self._draining = False
                self._landing.tell()

    def map(self, frames: Iterable[Any]) -> Iterator[Result]:
        """Results of the frames in order, frames pulled only as slots come free.

        At most as many frames are in flight as there are slots. Results that wait for a slower frame before them hold
        no slot, so no device waits for the other's frame; with those, `WINDOW` times as many frames are submitted and
        not given back. Dropped frames are skipped, a failed frame raises in its place. Closing the iterator early waits
        for its frames in flight.
        """
        return in_order(frames, self._enter, self._may_enter, self._landing.wait, WINDOW * len(self._line.slots))

    def statistics(self) -> Statistics:
        """What the pipeline has done so far."""
        with self._lock:
            (moved, rescued), changes = self._counted(), self._changes
        return self._recorder.statistics(moved, rescued, changes)

    def executions(self) -> tuple[Execution, ...]:
        """The latest stage executions, a bounded number, in the order they ended."""
        return self._recorder.executions()

    def close(self) -> None:
        """Refuse new frames, end those in flight, end the threads. Any number of times, from anywhere.

        Called from a future's callback, which runs in a thread of the pipeline's, it does not wait.
        """
        serving = self.serving()
        with self._lock:
            self._closed = True
            self._end_if_empty()
            self._landing.tell()
        if not serving:
            self._landing.wait(lambda: not self._flying)
            self._crew.join()
            self._landing.join()

    def serving(self) -> bool:
        """Whether this is one of its own threads, such as a future's callback runs in."""
        return self._crew.serving() or self._landing.serving()

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

    def _may_enter(self) -> bool:
        """Whether a frame would not have to wait."""
        return self._on_full != "wait" or self._has_room()

    def _enter(self, frame: Any, future: Future[Result] | None = None) -> Entry:
        """Let a frame in, as `submit` does."""
        submitted = self._clock()
        entry, victim = self._landing.wait(lambda: self._admit(submitted, future))
        try:
            if victim is not None:
                self._drop(victim, victim.route.devices, "for a newer one")
            if isinstance(entry, Flight):
                entry.line.load(entry.slot, frame, entry.variant)
                ready = self._clock()
                self._launch(entry)
                self._recorder.admit(submitted, ready, entry.route.devices)
            else:
                self._drop(entry, (), "since those in flight go on")
        except BaseException as error:
            interrupted = not isinstance(error, Exception)
            if isinstance(entry, Flight):
                if not self._launched(entry):
                    self._recorder.fail(submitted, self._clock(), ())
                    self._leave(entry, error)
                elif interrupted:  # nobody knows of the frame to wait for it
                    self._landing.wait(lambda: entry.outcome is not None)
            if interrupted:
                raise
        return entry

    def _admit(self, submitted: float, future: Future[Result] | None) -> tuple[Entry, Flight | None] | None:
        """A flight with a slot, or an entry without, and the flight that had to go for it, or none.

        None where the frame has to wait; the lock is held.
        """
        if self._closed:
            raise PipelineClosed("the pipeline is closed")
        if not self._may_enter():
            return None
        index, victim = self._submitted, None
        self._submitted += 1
        if self._has_room():
            slot = self._free.pop()
            variant = self._line.schedule[self._admitted % len(self._line.schedule)]
            self._admitted += 1
        elif self._on_full == "drop-oldest" and (victim := self._oldest()) is not None:
            slot, variant = victim.slot, victim.variant
        else:
            return Entry(index, submitted, future), None
        return Flight(index, submitted, future, self._line, slot, variant, self._routes[variant, id(slot)]), victim

    def _oldest(self) -> Flight | None:
        """The oldest flight that has not begun, and now never will; the lock is held."""
        for flight in sorted(self._flying.values(), key=lambda each: each.index):
            if self._crew.withdraw(flight.route):
                return self._flying.pop(flight.route.address)
        return None

    def _drop(self, entry: Entry, work: Iterable[str], why: str) -> None:
        """Let a frame know that it had to go, with the work it had been admitted for."""
        self._recorder.drop(entry.submitted, self._clock(), work)
        with self._lock:
            entry.outcome = Dropped(f"the frame was dropped {why}: the stream is full")
            self._landing.tell()
        entry.tell()

    def _launch(self, flight: Flight) -> None:
        """Hand a loaded flight to its first worker. Raises PipelineClosed where the pipeline closed meanwhile."""
        with self._lock:
            if self._closed:
                raise PipelineClosed("the pipeline was closed while the frame was loaded")
            flight.route.depart(flight.index)
            self._landing.forget(flight.route.address)
            self._flying[flight.route.address] = flight
            self._crew.hand(flight.route)

    def _launched(self, flight: Flight) -> bool:
        """Whether a flight is the workers' affair, or was: an interrupt does not say how far its launch has come."""
        with self._lock:
            flying = self._flying.get(flight.route.address) is flight
            return flight.outcome is not None or (flying and flight.route.gone)

    def _land(self, address: int) -> None:
        """Receive a flight that has been through its stages, or failed."""
        with self._lock:
            flight = self._flying.get(address)
        if flight is None:  # it has left, but an interrupt kept that from being noted
            return
        executions = list(flight.route.executions())
        for each in executions:
            self._recorder.worked(each)
        undone = flight.route.devices[len(executions) :]
        begin = self._clock()
        outputs, error = flight.unloaded()
        # When they could have been had: the frame may have lain here for a while until somebody came for it.
        now = executions[-1].end + self._clock() - begin
        if error is None:
            self._recorder.finish(flight.submitted, now, undone)
            self._leave(flight, Result(outputs, flight.index, now - flight.submitted, now))
        else:
            self._recorder.fail(flight.submitted, now, undone)
            self._leave(flight, error)

    def _leave(self, flight: Flight, outcome: Result | BaseException) -> None:
        """Take the slot home, and settle the entry: who sees a result can submit the next frame.

        In this order an interrupt in between leaves nobody waiting, and no slot to two frames.
        """
        with self._lock:
            flight.outcome = outcome
            self._flying.pop(flight.route.address, None)
            self._free.append(flight.slot)
            self._end_if_empty()
            self._landing.tell()
        flight.tell()

    def _end_if_empty(self) -> None:
        """Let the workers end once the pipeline is closed and nothing flies; the lock is held."""
        if self._closed and not self._flying:
            self._crew.dismiss()
            self._landing.close()
