"""What a launch costs the host: our replay of a network's recording, and bare loops of empty kernels, by turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from engine.devices.device import DriverError
from engine.devices.lane import Lane
from engine.devices.opencl import OpenClDevice

ROUNDS = 30
POINTERS = 5  # arguments of a kernel that works: what it reads, what it writes, its constants and its table


class EmptyKernels:
    """So many launches of a kernel that does nothing and takes so many pointers, by the same entry points.

    `start` enqueues all and flushes, `wait` returns when all have run.
    """

    def __init__(self, device: OpenClDevice, count: int, pointers: int = 0) -> None:
        import pyopencl as cl

        taken = ", ".join(f"__global float *x{i}" for i in range(pointers))
        self._program = cl.Program(device.context, f"__kernel void nothing({taken}) {{}}").build(cache_dir=False)
        self._kernel = cl.Kernel(self._program, "nothing")
        self._buffers = [device.allocate(64) for _ in range(pointers)]  # which the kernel does not keep
        self._kernel.set_args(*self._buffers)
        ones, lane = np.ones((count, 3), np.uint64), Lane(device.queue)
        handles = np.full(count, self._kernel.int_ptr, np.int64)
        self.start = lane.launches(handles, ones, ones, DriverError, self._unknown, self._kernel, *self._buffers).run
        self.wait = lane.finish.run

    def _unknown(self) -> None:
        raise DriverError("OpenCL's loader was not found in this process")


def launch_microseconds(device: OpenClDevice, recording: Any) -> dict[str, float]:
    """Host time of one launch in microseconds: `ours`, the `driver`'s own, and the median of the rounds' ratios.

    A driver asks for time for every argument: `driver_pointers` and `ratio_pointers` are of empty kernels that take as
    many as ours. Only the enqueueing is timed; the queue is empty when it begins.
    """
    loops = (recording, *(EmptyKernels(device, recording.launches, pointers) for pointers in (0, POINTERS)))
    rounds = [[_seconds(each.start, each.wait) / recording.launches for each in loops] for _ in range(ROUNDS)]
    ours, driver, pointers = (1e6 * median(times) for times in zip(*rounds, strict=True))
    return {
        "ours": ours,
        "driver": driver,
        "driver_pointers": pointers,
        "ratio": median(mine / bare for mine, bare, _ in rounds),
        "ratio_pointers": median(mine / bare for mine, _, bare in rounds),
    }


def _seconds(start: Callable[[], None], wait: Callable[[], None]) -> float:
    begin = time.perf_counter()
    start()
    taken = time.perf_counter() - begin
    wait()
    return taken
