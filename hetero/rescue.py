"""Rescue: a frame that a driver failed is run again on the CPU, so that it is not lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import numpy as np

from engine.devices.device import Device
from hetero.memory.slots import Slot

Array = np.ndarray[Any, Any]

_log = logging.getLogger("hetero")


class Spare(Protocol):
    """Frames through the network on the CPU alone."""

    def infer(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of one frame."""


class Rescue:
    """Stands by while devices work on a slot.

    spare     makes the network ready on the CPU, when a driver first fails
    inputs    the frame in a slot, as the host has it: what a device reads it never writes
    count     frames rescued so far
    """

    def __init__(
        self,
        devices: Mapping[str, Device],
        spare: Callable[[], Spare] | None,
        inputs: Callable[[Slot], dict[str, Array]],
    ) -> None:
        self.count = 0
        self._failures = tuple({failure for device in devices.values() for failure in device.failures})
        self._make, self._inputs = spare, inputs
        self._lock = threading.Lock()
        self._spare: Spare | None = None

    @contextmanager
    def standing_by(self, slot: Slot) -> Iterator[None]:
        """Where a driver fails in the block, the slot holds the frame's outputs after it; other errors pass."""
        try:
            yield
        except self._failures as error:
            if not self.rescued(slot, error):
                raise

    def rescued(self, slot: Slot, error: BaseException) -> bool:
        """What a device left of a slot is taken back; whether it holds the frame's outputs now, as a driver failed."""
        with self._lock:
            self.reclaim(slot, all_of_it=True)
            if self._make is None or not isinstance(error, self._failures):
                return False
            if self._spare is None:
                _log.warning("a device failed, so its frames are run again on the CPU: %s", error)
                self._spare = self._make()
            slot.outputs = self._spare.infer(self._inputs(slot))
            self.count += 1
            return True

    def reclaim(self, slot: Slot, all_of_it: bool = False) -> None:
        """Take back what a frame that failed, or never began, left with the device; its bytes are lost.

        All of it, or what the slot knows to be away.
        """
        slot.outputs = None
        for shared in slot.shared.values():
            if all_of_it or shared.away:
                with suppress(*self._failures):  # the host's it is all the same
                    shared.recall()
