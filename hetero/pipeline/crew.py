"""Crew: the workers of all devices, who take flights from stage to stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight
from hetero.pipeline.post import Post
from hetero.pipeline.result import Result
from hetero.pipeline.worker import Worker
from hetero.statistics import Execution, Recorder


class Crew:
    """A channel a device, and as many workers as its post says.

    posts      device -> how it is served; as usual where it is absent
    clock      seconds, monotonic
    recorder   is told what was done
    boards     whether a flight that comes to its first stage is still to be flown
    left       is told of every flight that has come to its end, and its outcome
    """

    def __init__(
        self,
        posts: Mapping[str, Post],
        clock: Callable[[], float],
        recorder: Recorder,
        boards: Callable[[Flight], bool],
        left: Callable[[Flight, Result | BaseException], None],
    ) -> None:
        self._posts = posts
        self._clock, self._recorder, self._boards, self._left = clock, recorder, boards, left
        self._channels: dict[str, Channel] = {}
        self._workers: list[Worker] = []

    def employ(self, devices: Iterable[str]) -> None:
        """Workers for those of the devices that have none."""
        for device in dict.fromkeys(devices):
            if device in self._channels:
                continue
            post = self._posts.get(device, Post())
            self._recorder.know(device, post.streams)
            self._channels[device] = Channel()
            for _ in range(post.streams):
                self._workers.append(Worker(device, self._channels[device], self._begin, self._end, post))
                self._workers[-1].start()

    def hand(self, flight: Flight) -> None:
        """Hand a flight to the device of the stage that is due."""
        self._channels[flight.devices[flight.position]].put(flight)

    def dismiss(self) -> None:
        """Let the workers go as soon as there is nothing left to do."""
        for channel in self._channels.values():
            channel.close()

    def join(self) -> None:
        """Return when all workers have gone."""
        for worker in self._workers:
            worker.join()

    def serving(self) -> bool:
        """Whether this thread is one of the workers."""
        return threading.current_thread() in self._workers

    def _begin(self, flight: Flight) -> bool:
        """Start the stage that is due; False where that failed, or the flight is not to be flown."""
        if not self._boards(flight):
            return False
        flight.started = self._clock()
        try:
            flight.stages[flight.position].start(flight.slot)
        except BaseException as error:
            self._fail(flight, flight.started, error)
            return False
        flight.starting = self._clock() - flight.started
        return True

    def _end(self, flight: Flight, free: float) -> float:
        """End the stage, and hand the flight on or unload it.

        A worker that has begun several stages is at work on one after the other: on each from the end of that before.
        """
        stages, start, again = flight.stages, max(free, flight.started), self._clock()
        try:
            stages[flight.position].finish(flight.slot)
            now = self._clock()
            self._recorder.worked(self._execution(flight, start, now, flight.starting + start - again))
            start, flight.position = now, flight.position + 1
            if flight.position < len(stages):
                self.hand(flight)
                return now
            outputs = flight.line.unload(flight.slot)
        except BaseException as error:
            return self._fail(flight, start, error)
        now = self._clock()
        self._recorder.finish(flight.submitted, self._execution(flight, start, now))
        self._left(flight, Result(outputs, flight.index, now - flight.submitted, now))
        return now

    def _fail(self, flight: Flight, start: float, error: BaseException) -> float:
        now = self._clock()
        self._recorder.worked(self._execution(flight, start, now))
        self._recorder.fail(flight.submitted, now, flight.devices[flight.position + 1 :])
        self._left(flight, error)
        return now

    def _execution(self, flight: Flight, start: float, end: float, more: float = 0.0) -> Execution:
        return Execution(flight.devices[flight.position], flight.index, flight.position, start, end, more)
