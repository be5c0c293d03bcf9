"""Worker: a thread that serves one device."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from contextlib import suppress

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight


class Worker(threading.Thread):
    """Serves the flights of its device's channel, one after the other, until the channel closes.

    It stays on `cores` where they are given.
    """

    def __init__(
        self, device: str, channel: Channel, serve: Callable[[Flight], None], cores: Collection[int] | None = None
    ) -> None:
        # a daemon: a program that forgets to close its stream must still be able to end
        super().__init__(name=f"hetero-{device}", daemon=True)
        self._channel, self._serve, self._cores = channel, serve, cores

    def run(self) -> None:
        """The thread's life."""
        if self._cores:
            with suppress(OSError):  # cores may be taken away at any moment
                os.sched_setaffinity(0, self._cores)
        while (flight := self._channel.get()) is not None:
            self._serve(flight)
            del flight  # or its outputs would live on until the next frame comes
