"""OpenClRecording: a stage's launches, made ready and replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.devices.command import Command
from engine.devices.device import Bound, DriverError, Recording
from engine.devices.lane import Lane
from engine.devices.launch import Launch

if TYPE_CHECKING:
    import pyopencl as cl

    from engine.devices.opencl import OpenClDevice


class OpenClRecording(Recording):
    """Kernels with their arguments set, enqueued by one call that runs no Python in between.

    Neighbouring steps of one wave that take a table are one launch.
    """

    def __init__(self, device: OpenClDevice, steps: Sequence[Bound], lane: Lane) -> None:
        self._device, self._lane = device, lane
        self._launches = launches = [Launch(device, list(group)) for group in _together(steps)]
        self._groups = np.array([launch.group for launch in self._launches], np.uint64)
        self._begin = lane.launches(
            np.array([launch.kernel.int_ptr for launch in self._launches], np.int64),
            np.array([launch.size for launch in self._launches], np.uint64),
            self._groups,
            lambda code: _error(launches, code // 65536 - 1, -(code % 65536)),
            lambda: _enqueue_each(launches, lane.queue),
            *launches,
        )

    @property
    def launches(self) -> int:
        """Kernels enqueued by one run."""
        return len(self._launches)

    def commands(self) -> tuple[Sequence[Command], Sequence[Command]]:
        """Enqueue every launch, and wait for the slot's lane to be empty."""
        return (self._begin,), (self._lane.finish,)

    def start(self) -> None:
        """Enqueue every launch and return."""
        self._begin.run()

    def wait(self) -> None:
        """Return when the slot's lane is empty."""
        self._lane.finish.run()

    def profile(self) -> list[float]:
        """Run once and return the seconds of each step, by the device's own clock.

        A launch's time goes to its steps in proportion to their work-groups.
        """
        self.wait()
        events = _enqueue_each(self._launches, self._device.profiling_queue)
        self._device.profiling_queue.finish()
        return [
            (event.profile.end - event.profile.start) * 1e-9 * share
            for event, launch in zip(events, self._launches, strict=True)
            for share in launch.shares
        ]


def _enqueue_each(launches: Sequence[Launch], queue: cl.CommandQueue) -> list[cl.Event]:
    import pyopencl as cl

    events = []
    for index, launch in enumerate(launches):
        try:
            events.append(cl.enqueue_nd_range_kernel(queue, launch.kernel, launch.size, launch.group))
        except cl.Error as error:
            raise _error(launches, index, error.code) from error
    queue.flush()
    return events


def _error(launches: Sequence[Launch], index: int, code: int) -> DriverError:
    launch = launches[index]
    return DriverError(
        f"{launch.device}: enqueueing kernel {launch.name!r} (launch {index} of "
        f"{len(launches)}, global size {launch.size}, local size {launch.group}) "
        f"failed with OpenCL error {code}"
    )


def _together(steps: Sequence[Bound]) -> list[list[Bound]]:
    """Steps by launch."""
    found: list[list[Bound]] = []
    for bound in steps:
        if found and bound.wave is not None and bound.wave == found[-1][0].wave:
            found[-1].append(bound)
        else:
            found.append([bound])
    return found
