"""Worker: a thread that serves one device."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from contextlib import suppress

from hetero.pipeline.channel import Channel, Seat


class Worker(threading.Thread):
    """Serves the frames of its device's channel in their order, until the channel closes."""

    def __init__(self, device: str, channel: Channel, cores: Collection[int]) -> None:
        # a daemon: a program that forgets to close its stream must still be able to end
        super().__init__(name=f"hetero-{device}", daemon=True)
        self._channel, self._seat, self._cores = channel, Seat(channel.ahead), cores

    def run(self) -> None:
        """The thread's life."""
        if self._cores:
            with suppress(OSError):  # cores may be taken away at any moment
                os.sched_setaffinity(0, self._cores)
        self._channel.serve(self._seat)
