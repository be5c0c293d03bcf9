"""Stage: what one device does to a frame without interruption."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

from engine.devices.command import Called, Command


class Stage(ABC):
    """A piece of a network on one device, run on the slot that holds a frame's memory.

    `start` may return while the device works on by itself, `finish` returns when it has ended; neither should hold the
    interpreter's lock meanwhile. An exception of either fails the frame, not the pipeline. A device of several streams
    has both called from as many threads at once, on slots that differ.
    """

    device: str  # key of the device, such as "cpu" or "gpu"

    @abstractmethod
    def start(self, slot: Any) -> None:
        """Begin to compute on the slot."""

    @abstractmethod
    def finish(self, slot: Any) -> None:
        """End what was begun on the slot."""

    def commands(self, slot: Any) -> tuple[Sequence[Command], Sequence[Command]]:
        """What `start` and `finish` do, as commands, which need no interpreter where the stage can do without."""
        return (Called(partial(self.start, slot)),), (Called(partial(self.finish, slot)),)
