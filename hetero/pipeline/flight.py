"""Flight: one frame on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hetero.pipeline.entry import Entry
from hetero.pipeline.line import Line
from hetero.pipeline.route import Route


@dataclass(slots=True, eq=False)
class Flight(Entry):
    """A frame in flight: the slot it holds, the line it goes along in one of its variants, by a route."""

    line: Line
    slot: Any
    variant: int
    route: Route

    def unloaded(self) -> tuple[Any, BaseException | None]:
        """Its outputs, where it did not fail or could be rescued; what made it fail, where it could not."""
        try:
            error = self.route.error()
            if error is None or self.line.rescue(self.slot, error):
                return self.line.unload(self.slot), None
        except Exception as raised:
            return None, raised
        return None, error
