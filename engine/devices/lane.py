"""Lane: an in-order queue, what is enqueued in it, and whether anything is left to wait for."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.devices import entry

if TYPE_CHECKING:
    import pyopencl as cl


class Lane:
    """A queue that counts, so that waiting for one that has ended is no call to the driver.

    Such a call costs little, but letting go of the interpreter's lock for it may cost a turn of every other thread.
    Any thread may enqueue and wait: what is enqueued draws its number afterwards, so whoever waits from a number on
    waits for all that have lower ones.
    """

    def __init__(self, queue: cl.CommandQueue) -> None:
        self.queue = queue
        self._numbers = count(1)
        self._enqueued = self._ended = 0

    @property
    def entries(self) -> tuple[int, int, int]:
        """What `entry.replay` takes first: two entry points, the first 0 where there is no loader, and the queue."""
        return entry.address("clEnqueueNDRangeKernel"), entry.address("clFlush"), self.queue.int_ptr

    def replay(self, words: tuple[int, ...]) -> int:
        """Enqueue kernels: `entry.replay` of these words, which begin with the lane's `entries`."""
        failed = entry.replay(*words)
        self._enqueued = next(self._numbers)
        return int(failed)

    def launch(self, kernel: cl.Kernel, size: tuple[int, ...], group: tuple[int, ...]) -> cl.Event:
        """Enqueue a kernel; its event. Raises pyopencl.Error."""
        import pyopencl as cl

        event = cl.enqueue_nd_range_kernel(self.queue, kernel, size, group)
        self._enqueued = next(self._numbers)
        return event

    def copy(self, buffer: cl.Buffer, array: np.ndarray[Any, Any], name: entry.CopyName) -> None:
        """Enqueue a copy, as `entry.copy` does."""
        entry.copy(self.queue, buffer, array, name)
        self._enqueued = next(self._numbers)

    def map(self, buffer: cl.Buffer) -> tuple[Any, cl.Event]:
        """Enqueue a buffer's mapping: its bytes, valid once the event has happened; `.base` is the mapping."""
        import pyopencl as cl

        access: Any = cl.map_flags.READ | cl.map_flags.WRITE
        where, kind = (buffer.size,), np.dtype(np.uint8)
        mapped, event = cl.enqueue_map_buffer(self.queue, buffer, access, 0, where, kind, is_blocking=False)
        self.queue.flush()
        self._enqueued = next(self._numbers)
        return mapped, event

    def unmap(self, mapped: Any) -> None:
        """Enqueue the end of a mapping."""
        mapped.base.release(self.queue)
        self._enqueued = next(self._numbers)

    def finish(self) -> None:
        """Return when all that is enqueued has ended. Raises pyopencl.Error."""
        now = self._enqueued
        if self._ended < now:
            self.queue.finish()
            self._ended = max(self._ended, now)
