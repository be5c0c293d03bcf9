"""Flight: one frame on its way through the stages."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from hetero.pipeline.result import Result
from hetero.pipeline.stage import Stage


@dataclass(slots=True, eq=False)
class Flight:
    """A frame in flight: which it is, the slot it holds, the stages before and behind it.

    `devices` names the device of every stage, and once more the last one, which unloads. `position`
    is the entry of it that is due. A flight is one thread's at a time: who hands it over lets go.
    """

    index: int
    slot: Any
    variant: int
    stages: tuple[Stage, ...]
    devices: tuple[str, ...]
    submitted: float
    future: Future[Result]
    position: int = 0
    begun: bool = False

    def __lt__(self, other: Flight) -> bool:
        return self.index < other.index
