"""Result: what became of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """The outputs of one frame, which stay as they are while anybody holds them, or views of them.

    `index` counts submitted frames, dropped ones included. `latency` is in seconds, from the call
    of submit to the outputs being ready, and `finished` when they were, by the stream's clock (time.perf_counter).
    """

    outputs: Any
    index: int
    latency: float
    finished: float


class Dropped(RuntimeError):  # noqa: N818 - what happened, not a fault
    """The stream was full, and its policy chose this frame to go."""
