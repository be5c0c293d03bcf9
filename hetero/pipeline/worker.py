"""Worker: the thread that serves one device."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight


class Worker(threading.Thread):
    """Serves the flights of its channel, one after the other, until the channel closes."""

    def __init__(self, device: str, serve: Callable[[Flight], None]) -> None:
        # a daemon: a program that forgets to close its stream must still be able to end
        super().__init__(name=f"hetero-{device}", daemon=True)
        self.channel = Channel()
        self._serve = serve

    def run(self) -> None:
        """The thread's life."""
        while (flight := self.channel.get()) is not None:
            self._serve(flight)
            del flight  # or its outputs would live on until the next frame comes
