"""Flight: one frame on its way through the stages."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from hetero.pipeline.line import Line
from hetero.pipeline.result import Result
from hetero.pipeline.stage import Stage


@dataclass(slots=True, eq=False)
class Flight:
    """A frame in flight: which it is, the slot it holds, the line it goes along in one of its variants.

    `position` is the stage that is due, or one past the last to be unloaded, `started` when that was begun, and
    `starting` the seconds which that took. A flight is one thread's at a time: who hands it over lets go.
    """

    index: int
    line: Line
    slot: Any
    variant: int
    submitted: float
    future: Future[Result]
    position: int = 0
    begun: bool = False
    started: float = 0.0
    starting: float = 0.0

    @property
    def stages(self) -> Sequence[Stage]:
        """All stages of its variant."""
        return self.line.variants[self.variant]

    @property
    def devices(self) -> tuple[str, ...]:
        """The device of every stage, and once more the last one, which unloads."""
        return self.line.devices[self.variant]

    def __lt__(self, other: Flight) -> bool:
        return self.index < other.index
