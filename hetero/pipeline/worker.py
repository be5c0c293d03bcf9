"""Worker: a thread that serves one device."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight


class Worker(threading.Thread):
    """Serves the flights of its device's channel, one after the other, until the channel closes."""

    def __init__(self, device: str, channel: Channel, serve: Callable[[Flight], None]) -> None:
        # a daemon: a program that forgets to close its stream must still be able to end
        super().__init__(name=f"hetero-{device}", daemon=True)
        self._channel, self._serve = channel, serve

    def run(self) -> None:
        """The thread's life."""
        while (flight := self._channel.get()) is not None:
            self._serve(flight)
            del flight  # or its outputs would live on until the next frame comes
