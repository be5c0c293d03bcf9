"""OpenClRecording: a stage's launches, made ready and replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

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
        self._launches = [Launch(device, list(group)) for group in _together(steps)]
        self._handles = np.array([launch.kernel.int_ptr for launch in self._launches], np.int64)
        self._sizes = np.array([launch.size for launch in self._launches], np.uint64).reshape(-1, 3)
        self._groups = np.array([launch.group for launch in self._launches], np.uint64).reshape(-1, 3)
        self._words = (
            *lane.entries,
            self._handles.ctypes.data,
            len(self._handles),
            self._sizes.ctypes.data,
            self._groups.ctypes.data,
        )

    @property
    def launches(self) -> int:
        """Kernels enqueued by one run."""
        return len(self._launches)

    def start(self) -> None:
        """Enqueue every launch and return."""
        if not self._words[0]:
            self._enqueue_each(self._lane)
            return
        failed = self._lane.replay(self._words)
        if failed:
            index = failed // 65536 - 1
            raise self._error(index, -(failed % 65536))

    def wait(self) -> None:
        """Return when the slot's lane is empty."""
        self._lane.finish()

    def profile(self) -> list[float]:
        """Run once and return the seconds of each step, by the device's own clock.

        A launch's time goes to its steps in proportion to their work-groups.
        """
        self._lane.finish()
        events = self._enqueue_each(self._device.profiling_lane)
        self._device.profiling_lane.finish()
        return [
            (event.profile.end - event.profile.start) * 1e-9 * share
            for event, launch in zip(events, self._launches, strict=True)
            for share in launch.shares
        ]

    def _enqueue_each(self, lane: Lane) -> list[cl.Event]:
        import pyopencl as cl

        events = []
        for index, launch in enumerate(self._launches):
            try:
                events.append(lane.launch(launch.kernel, launch.size, launch.group))
            except cl.Error as error:
                raise self._error(index, error.code) from error
        lane.queue.flush()
        return events

    def _error(self, index: int, code: int) -> DriverError:
        launch = self._launches[index]
        return DriverError(
            f"{self._device.name}: enqueueing kernel {launch.kernel.function_name!r} (launch {index} of "
            f"{len(self._launches)}, global size {launch.size}, local size {launch.group}) "
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
