"""What a launch costs the host: our replay of a network's recording, and a bare loop of empty kernels, by turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from engine.devices import entry
from engine.devices.opencl import OpenClDevice

ROUNDS = 30


class EmptyKernels:
    """So many launches of a kernel that does nothing and takes no argument, by the same entry points."""

    def __init__(self, device: OpenClDevice, count: int) -> None:
        import pyopencl as cl

        self._queue = device.queue
        self._program = cl.Program(device.context, "__kernel void nothing() {}").build(cache_dir=False)
        self._kernel = cl.Kernel(self._program, "nothing")
        self._handles = np.full(count, self._kernel.int_ptr, np.int64)
        self._sizes = np.ones((count, 3), np.uint64)
        self._entries = entry.address("clEnqueueNDRangeKernel"), entry.address("clFlush")

    def start(self) -> None:
        """Enqueue all and flush."""
        sizes = self._sizes.ctypes.data
        handles = self._handles.ctypes.data
        entry.replay(*self._entries, self._queue.int_ptr, handles, len(self._handles), sizes, sizes)

    def wait(self) -> None:
        """Return when all have run."""
        self._queue.finish()


def launch_microseconds(device: OpenClDevice, recording: Any) -> dict[str, float]:
    """Host time of one launch in microseconds: `ours`, the `driver`'s own, and the median of the rounds' ratios.

    Only the enqueueing is timed; the queue is empty when it begins.
    """
    empty = EmptyKernels(device, recording.launches)
    rounds = [
        [_seconds(each.start, each.wait) / recording.launches for each in (recording, empty)] for _ in range(ROUNDS)
    ]
    ours, driver = (1e6 * median(times) for times in zip(*rounds, strict=True))
    return {"ours": ours, "driver": driver, "ratio": median(a / b for a, b in rounds)}


def _seconds(start: Callable[[], None], wait: Callable[[], None]) -> float:
    begin = time.perf_counter()
    start()
    taken = time.perf_counter() - begin
    wait()
    return taken
