"""Stage: what one device does to a frame without interruption."""

from __future__ import annotations

from typing import Any, Protocol


class Stage(Protocol):
    """A piece of a network on one device, run on the slot that holds a frame's memory.

    `start` may return while the device works on by itself, `finish` returns when it has ended; neither should hold the
    interpreter's lock meanwhile. An exception of either fails the frame, not the pipeline. A device of several streams
    has both called from as many threads at once, on slots that differ.
    """

    @property
    def device(self) -> str:
        """Key of the device, such as "cpu" or "gpu"."""

    def start(self, slot: Any) -> None:
        """Begin to compute on the slot."""

    def finish(self, slot: Any) -> None:
        """End what was begun on the slot."""
