"""Channel: flights waiting for one device, the oldest frame first."""

from __future__ import annotations

import heapq
from queue import SimpleQueue

from hetero.pipeline.flight import Flight


class Channel:
    """Many threads put, one worker gets.

    Flights arrive through a SimpleQueue, which sleeps and wakes in C; the worker sorts them in a
    heap of its own. So nobody takes a Python lock to hand over, and an idle worker sleeps.
    """

    def __init__(self) -> None:
        self._arrivals: SimpleQueue[Flight | None] = SimpleQueue()
        self._waiting: list[Flight] = []
        self._closed = False

    def put(self, flight: Flight) -> None:
        """Hand a flight over."""
        self._arrivals.put(flight)

    def close(self) -> None:
        """Let `get` return None once everything that waits is taken."""
        self._arrivals.put(None)

    def get(self) -> Flight | None:
        """The oldest flight, as soon as there is one; None when the channel is closed and empty."""
        if not self._waiting and not self._closed:
            self._arrive(self._arrivals.get())
        while not self._arrivals.empty():  # only this thread gets, so there is one to get
            self._arrive(self._arrivals.get())
        return heapq.heappop(self._waiting) if self._waiting else None

    def _arrive(self, flight: Flight | None) -> None:
        if flight is None:
            self._closed = True
        else:
            heapq.heappush(self._waiting, flight)
