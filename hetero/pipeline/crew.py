"""Crew: the workers of all devices, who take flights from stage to stage, and the thread that unloads them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hetero.pipeline.channel import Channel, Seat
from hetero.pipeline.clock import Clock
from hetero.pipeline.flight import Flight
from hetero.pipeline.line import Line
from hetero.pipeline.post import Post
from hetero.pipeline.result import Result
from hetero.pipeline.route import Route
from hetero.pipeline.worker import Worker
from hetero.statistics import Recorder

_log = logging.getLogger("hetero")


class Crew:
    """A channel a device, and as many workers as its post says.

    posts      device -> how it is served; as usual where it is absent
    clock      seconds, monotonic
    recorder   is told what was done
    left       is told of every flight that has come to its end, and its outcome
    """

    def __init__(
        self,
        posts: Mapping[str, Post],
        clock: Callable[[], float],
        recorder: Recorder,
        left: Callable[[Flight, Result | BaseException], None],
    ) -> None:
        self._posts = posts
        self._clock, self._recorder, self._left = clock, recorder, left
        self._ticks = Clock(clock)
        self._channels: dict[str, Channel] = {}
        self._landing, self._seat = Channel(), Seat()
        self._flying: dict[int, Flight] = {}  # by their routes' addresses
        self._threads: list[threading.Thread] = [
            threading.Thread(target=self._receive, name="hetero-results", daemon=True)
        ]
        self._threads[0].start()

    def employ(self, devices: Iterable[str]) -> None:
        """Workers for those of the devices that have none."""
        for device in dict.fromkeys(devices):
            if device in self._channels:
                continue
            post = self._posts.get(device, Post())
            self._recorder.know(device, post.streams)
            channel = self._channels[device] = Channel(post.ahead, self._ticks)
            for _ in range(post.streams):
                self._threads.append(Worker(device, channel, post.cores))
                self._threads[-1].start()

    def route(self, line: Line, variant: int, slot: Any) -> Route:
        """A line's variant on one of its slots, for flights that follow each other."""
        channels = {device: channel.address for device, channel in self._channels.items()}
        return Route(line.variants[variant], slot, channels, self._landing.address)

    def hand(self, flight: Flight) -> None:
        """Let a flight begin."""
        flight.route.depart(flight.index)
        self._flying[flight.route.address] = flight
        self._channels[flight.route.devices[0]].put(flight.route)

    def withdraw(self, flight: Flight) -> bool:
        """Take a flight back, unless it has begun."""
        if not self._channels[flight.route.devices[0]].withdraw(flight.route):
            return False
        del self._flying[flight.route.address]
        return True

    def dismiss(self) -> None:
        """Let the workers go as soon as there is nothing left to do."""
        for channel in (*self._channels.values(), self._landing):
            channel.close()

    def join(self) -> None:
        """Return when all threads have gone."""
        for thread in self._threads:
            thread.join()

    def serving(self) -> bool:
        """Whether this thread is one of the crew's."""
        return threading.current_thread() in self._threads

    def _receive(self) -> None:
        """The life of the thread that unloads."""
        while address := self._landing.take(self._seat):
            try:
                self._land(self._flying.pop(address))
            except BaseException:  # a future passes on what a callback raises, unless it is an Exception
                _log.exception("a callback of a frame's result raised")

    def _land(self, flight: Flight) -> None:
        """Tell what became of a flight that has been through its stages, or failed."""
        executions = list(flight.route.executions())
        for each in executions:
            self._recorder.worked(each)
        undone = flight.route.devices[len(executions) :]
        outcome: Result | BaseException
        try:
            outputs = self._unloaded(flight)
        except BaseException as raised:
            self._recorder.fail(flight.submitted, self._clock(), undone)
            outcome = raised
        else:
            now = self._clock()
            self._recorder.finish(flight.submitted, now, undone)
            outcome = Result(outputs, flight.index, now - flight.submitted, now)
        self._left(flight, outcome)

    def _unloaded(self, flight: Flight) -> Any:
        """A flight's outputs, where it did not fail or can be rescued."""
        error = flight.route.error()
        if error is not None and not flight.line.rescue(flight.slot, error):
            raise error
        return flight.line.unload(flight.slot)
