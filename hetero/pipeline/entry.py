"""Entry: a frame that was let in, and what became of it."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass, field

from hetero.pipeline.result import Dropped, Result

_log = logging.getLogger("hetero")


@dataclass(slots=True, eq=False)
class Entry:
    """A frame by its number, when it was submitted, and its outcome once there is one.

    future    told of the outcome, for whom that was promised to
    """

    index: int
    submitted: float
    future: Future[Result] | None
    outcome: Result | BaseException | None = field(default=None, init=False)

    @property
    def dropped(self) -> bool:
        """Whether the frame had to go."""
        return isinstance(self.outcome, Dropped)

    def result(self) -> Result:
        """The result, or raises what became of the frame; LookupError before anything has."""
        outcome = self.outcome
        if isinstance(outcome, Result):
            return outcome
        try:
            raise outcome or LookupError("the frame is still on its way")
        finally:
            del outcome  # which would know this call, and the call it, and neither would be let go

    def tell(self) -> None:
        """Let the future have the outcome, and its callbacks run."""
        if self.future is None:
            return
        try:
            if isinstance(self.outcome, BaseException):
                self.future.set_exception(self.outcome)
            elif self.outcome is not None:
                self.future.set_result(self.outcome)
        except BaseException:  # a future passes on what a callback raises, unless it is an Exception
            _log.exception("a callback of a frame's result raised")
