"""Pool: threads that help the caller run a list of commands."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import numpy as np

from engine.devices.replay import BOARD_WORDS, LINE, alone, lead, post, serve

LOOKS = 50_000  # at the board before a helper goes to sleep: about 1 ms, longer than a stream pauses between frames
_current_core = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


class Pool:
    """`threads` - 1 helpers, started when first needed; the caller is the other thread.

    A helper may come late or not at all: the work is handed out by counters, so a caller waits for
    none but those who took a task. Of several callers at once the first gets the helpers.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._words = np.zeros(BOARD_WORDS + LINE // 8, np.int64)
        self._board = self._words.ctypes.data + -self._words.ctypes.data % LINE
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._helpers: list[threading.Thread] = []
        self._core = -1  # where the caller was when the helpers' cores were chosen
        self._taken = threading.Lock()

    @property
    def taken(self) -> bool:
        """Whether the helpers are at work for somebody."""
        return self._taken.locked()

    def run(self, commands: np.ndarray[Any, Any]) -> None:
        """Run commands, int64 (n, 4) as `engine.devices.replay` has them, here and on every helper that is free."""
        if self.threads == 1 or not self._taken.acquire(blocking=False):
            words = np.array([commands.ctypes.data, len(commands)], np.int64)
            alone(words.ctypes.data)
            return
        counters = np.zeros((2 * len(commands), LINE // 8), np.int64)
        job = commands.ctypes.data, len(commands), counters.ctypes.data
        try:
            if not self._helpers:
                self._start()
            self._keep_apart()
            for _ in range(post(self._board, *job)):
                self._bell.put(None)
            lead(self._board)
        finally:
            self._taken.release()

    def _keep_apart(self) -> None:
        """Keep the helpers off the caller's core.

        In a virtual machine Linux may take a sleeping core for a busy one, and wake a helper on the
        caller's own core, where one waits for the other for milliseconds.
        """
        core = _current_core() if _current_core else self._core
        others = os.sched_getaffinity(0) - {core} if core != self._core else None
        if not others:
            return
        self._core = core
        for helper in self._helpers:
            with suppress(OSError):  # cores may be taken away at any moment
                os.sched_setaffinity(helper.native_id or 0, others)

    def _start(self) -> None:
        for worker in range(1, self.threads):
            helper = threading.Thread(target=self._help, args=(worker,), name=f"hetero-cpu-{worker}", daemon=True)
            helper.start()
            self._helpers.append(helper)

    def _help(self, worker: int) -> None:
        seen = 0
        while True:
            seen = serve(self._board, worker, seen, LOOKS)
            self._bell.get()
