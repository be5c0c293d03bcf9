"""Crew: the workers of all devices, who take flights from stage to stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hetero.pipeline.channel import Channel
from hetero.pipeline.clock import Clock
from hetero.pipeline.line import Line
from hetero.pipeline.post import Post
from hetero.pipeline.route import Route
from hetero.pipeline.worker import Worker
from hetero.statistics import Recorder


class Crew:
    """A channel a device, and as many workers as its post says.

    posts      device -> how it is served; as usual where it is absent
    clock      seconds, monotonic
    recorder   is told what devices there are
    landing    address of the post where flights arrive after their last stage, or one that failed
    """

    def __init__(self, posts: Mapping[str, Post], clock: Callable[[], float], recorder: Recorder, landing: int) -> None:
        self._posts, self._recorder, self._landing = posts, recorder, landing
        self._ticks = Clock(clock)
        self._channels: dict[str, Channel] = {}
        self._threads: list[threading.Thread] = []

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
        return Route(line.variants[variant], slot, channels, self._landing)

    def hand(self, route: Route) -> None:
        """Let a flight begin that is ready to depart."""
        self._channels[route.devices[0]].put(route)

    def withdraw(self, route: Route) -> bool:
        """Take a flight back, unless it has begun."""
        return self._channels[route.devices[0]].withdraw(route)

    def dismiss(self) -> None:
        """Let the workers go as soon as there is nothing left to do."""
        for channel in self._channels.values():
            channel.close()

    def join(self) -> None:
        """Return when all threads have gone."""
        for thread in self._threads:
            thread.join()

    def serving(self) -> bool:
        """Whether this thread is one of the crew's."""
        return threading.current_thread() in self._threads
