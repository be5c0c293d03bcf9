"""Flight: one frame on its way through the stages."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from hetero.pipeline.line import Line
from hetero.pipeline.result import Result
from hetero.pipeline.route import Route


@dataclass(slots=True, eq=False)
class Flight:
    """A frame in flight: which it is, the slot it holds, the line it goes along in one of its variants, by a route."""

    index: int
    line: Line
    slot: Any
    variant: int
    submitted: float
    future: Future[Result]
    route: Route
