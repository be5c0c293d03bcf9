"""Stream: frames through a network on all its devices at once, results in order."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hetero.decisions import Shapes
from hetero.follow import Follower
from hetero.frames import InputError, Kind, kind
from hetero.pipeline.batches import Batches
from hetero.pipeline.pipeline import OnFull, Pipeline, PipelineClosed
from hetero.pipeline.result import Result
from hetero.plan import Plan
from hetero.planner import Streams
from hetero.session import Session
from hetero.statistics import Recorder, Statistics
from hetero.trial import pipeline

Frame = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]


class Stream:
    """Streams frames: frame n + 1 on one device while frame n is on the other.

    model      what a Session takes, or a Session; the other words are the Session's too
    depth      frames, or batches of them, in flight at most; None: as many as keep every device busy
    on_full    "wait" for room, "drop-oldest" frame that has not begun, or "drop-newest"

    All frames of a stream have the same shapes; the first settles what the model leaves open.
    Results are bit for bit those of running frame by frame with the same plan. A plan that was not given changes
    between two frames when the devices' times drift from what was measured, and another would be faster.
    """

    def __init__(
        self,
        model: Session | str | Path | Any,
        device: str = "auto",
        threads: int | None = None,
        strategy: str = "auto",
        plan: Plan | str | Path | None = None,
        depth: int | None = None,
        on_full: OnFull = "wait",
        streams: Streams = "auto",
        debug: bool | None = None,
        batch: int = 1,
    ) -> None:
        if depth is not None and (not isinstance(depth, int) or depth < 1):
            raise ValueError(f"depth={depth!r}; expected a whole number from 1 up, or None to have it chosen")
        if on_full not in ("wait", "drop-oldest", "drop-newest"):
            raise ValueError(f"on_full={on_full!r}; expected wait, drop-oldest or drop-newest")
        if not isinstance(model, Session):
            model = Session(model, device, threads, strategy, plan, streams, debug, batch)
        self.session = model
        self._depth, self._on_full = depth, on_full
        self._first = self.session.inputs[0].name if len(self.session.inputs) == 1 else ""
        self._lock = threading.Lock()
        self._ready: tuple[Shapes, Pipeline | Batches] | None = None
        self._usual: Kind | None = None  # of the latest frame that was looked at closely
        self._follower: Follower | None = None
        self._closed = False
        if self.session.settled:
            self._pipeline({})

    def map(self, frames: Iterable[Frame]) -> Iterator[Result]:
        """Results in the frames' order, which are pulled only as there is room. Dropped frames are skipped.

        Raises what a frame raised, at its place in the order.
        """
        source = iter(frames)
        for first in source:
            checked = self._checked(first)
            running = self._pipeline(checked)
            yield from running.map(self._chain(checked, source))

    def _chain(self, first: Mapping[str, Any], rest: Iterator[Frame]) -> Iterator[Mapping[str, Any]]:
        yield first
        for frame in rest:
            yield self._checked(frame)

    def submit(self, frame: Frame) -> Future[Result]:
        """Let one frame in; the future gives its Result, or raises Dropped or what went wrong."""
        checked = self._checked(frame)
        return self._pipeline(checked).submit(checked)

    def statistics(self) -> Statistics:
        """What the stream has done so far."""
        return self._ready[1].statistics() if self._ready else Recorder({}).statistics()

    def _checked(self, frame: Frame) -> Mapping[str, Any]:
        if self._follower is not None:
            self._follower.look()
        named = frame if isinstance(frame, Mapping) else {self._first: frame}
        if self._usual is not None and kind(named) == self._usual:
            return named
        feeds = self.session.feeds(frame)
        shapes = self.session.shapes(feeds)
        if self._ready is not None and self._ready[0] != shapes:
            raise InputError(
                f"{self.session.model.name}: this stream's frames are {dict(self._ready[0])}, but one is "
                f"{dict(shapes)}; open another stream for it"
            )
        if self._ready is not None:
            self._usual = kind(feeds)
        return feeds

    def _pipeline(self, feeds: Mapping[str, Any]) -> Pipeline | Batches:
        with self._lock:
            if self._closed:
                raise PipelineClosed("the stream is closed")
            if self._ready is None:
                shapes = self.session.shapes(feeds)
                running = pipeline(self.session.deploy(shapes, self._depth), self._on_full)
                if isinstance(running, Pipeline) and self.session.decisions.follows(shapes):
                    self._follower = Follower(self.session, shapes, running, self._depth)
                self._ready = shapes, running
            return self._ready[1]

    def close(self) -> None:
        """End the frames in flight and the threads. Any number of times."""
        with self._lock:
            self._closed = True
        if self._ready is not None:
            self._ready[1].close()
        if self._follower is not None:
            self._follower.wait()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
