"""Pool: threads that help the caller run a list of commands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Pool:
    """`threads` - 1 helpers, started when first needed; the caller is the other thread.

    A helper may come late or not at all: the work is handed out by counters, so the caller never
    waits for anyone but those who took a task. So any number of callers may share the helpers.
    """

    def __init__(self, threads: int) -> None:
        self._count = threads - 1
        self._queue: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._started = False
        self._lock = threading.Lock()

    def run(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run the work here and on every helper that is free; it ends when its counters say so."""
        if self._count:
            if not self._started:
                self._start()
            for _ in range(self._count):
                self._queue.put((work, arguments))
        work(*arguments)

    def _start(self) -> None:
        with self._lock:
            if not self._started:
                for i in range(self._count):
                    threading.Thread(target=self._help, name=f"hetero-cpu-{i + 1}", daemon=True).start()
                self._started = True

    def _help(self) -> None:
        while True:
            work, arguments = self._queue.get()
            work(*arguments)
