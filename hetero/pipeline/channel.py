"""Channel: flights waiting for one device, the oldest frame first."""

from __future__ import annotations

import heapq
import threading
from queue import Empty, SimpleQueue

from hetero.pipeline.flight import Flight


class Channel:
    """Many threads put, a device's workers get.

    There is a token for every flight, and one that closing leaves behind. Workers sleep for a token
    in a SimpleQueue, which sleeps and wakes in C; the lock is held for a few comparisons.
    """

    def __init__(self) -> None:
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._waiting: list[Flight] = []
        self._lock = threading.Lock()

    def put(self, flight: Flight) -> None:
        """Hand a flight over."""
        with self._lock:
            heapq.heappush(self._waiting, flight)
        self._tokens.put(None)

    def close(self) -> None:
        """Let `get` return None to everybody once everything that waits is taken."""
        self._tokens.put(None)

    def get(self, wait: bool = True) -> Flight | None:
        """The oldest flight, as soon as there is one; None when the channel is closed and empty.

        Where the caller will not wait, None as well when there is no flight now.
        """
        try:
            self._tokens.get(wait)
        except Empty:
            return None
        with self._lock:
            if self._waiting:
                return heapq.heappop(self._waiting)
        self._tokens.put(None)  # for whoever else waits
        return None
