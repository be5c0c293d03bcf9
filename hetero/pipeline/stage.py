"""Stage: what one device does to a frame without interruption."""

from __future__ import annotations

from typing import Any, Protocol


class Stage(Protocol):
    """A piece of a network on one device, run on the slot that holds a frame's memory.

    `run` returns when the device has ended, and should not hold the interpreter's lock meanwhile.
    A device of several streams calls it from as many threads at once, on slots that differ.
    """

    @property
    def device(self) -> str:
        """Key of the device, such as "cpu" or "gpu"."""

    def run(self, slot: Any) -> None:
        """Compute on the slot; an exception fails the frame, not the pipeline."""
