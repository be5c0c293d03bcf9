"""Worker: a thread that serves one device."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight
from hetero.pipeline.post import Post


class Worker(threading.Thread):
    """Serves the flights of its device's channel in their order, until the channel closes.

    begin   starts a flight's stage; False where there is none to end
    end     ends it; is told when the worker was free for it, and tells when it is free again
    """

    def __init__(
        self,
        device: str,
        channel: Channel,
        begin: Callable[[Flight], bool],
        end: Callable[[Flight, float], float],
        post: Post,
    ) -> None:
        # a daemon: a program that forgets to close its stream must still be able to end
        super().__init__(name=f"hetero-{device}", daemon=True)
        self._channel, self._begin, self._end, self._post = channel, begin, end, post

    def run(self) -> None:
        """The thread's life."""
        if self._post.cores:
            with suppress(OSError):  # cores may be taken away at any moment
                os.sched_setaffinity(0, self._post.cores)
        begun: deque[Flight] = deque()
        free = 0.0
        while True:
            flight = self._channel.get(wait=not begun) if len(begun) <= self._post.ahead else None
            if flight is not None:
                if self._begin(flight):
                    begun.append(flight)
            elif begun:
                free = self._end(begun.popleft(), free)
            else:
                return
            del flight  # or its outputs would live on until the next frame comes
