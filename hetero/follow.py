"""Follow: a stream's plan made again when its devices have drifted from their costs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hetero.drift import REST, Watch, worked
from hetero.pipeline.pipeline import Pipeline, PipelineClosed
from hetero.trial import line

if TYPE_CHECKING:
    from hetero.decisions import Shapes
    from hetero.session import Session

_log = logging.getLogger("hetero")


class Follower:
    """Looks at a running pipeline, and when it has drifted has its session plan again, and the pipeline changed.

    Costs are scaled by what was seen, and kept for the next start. All of that is done in a thread of its own while
    the stream goes on; it stands still only between the last frame of the old plan and the first of the new one.
    """

    def __init__(
        self,
        session: Session,
        shapes: Shapes,
        running: Pipeline,
        depth: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._shapes, self._running, self._depth = session, shapes, running, depth
        self._watch = Watch(clock)
        self._since = 0  # the first frame of the plan that runs now
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """To be called for every frame: sees to it that a look is taken when one is due."""
        if self._watch.due() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._follow, name="hetero-follow", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Return when no look is being taken."""
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        decisions, shapes = self._session.decisions, self._shapes
        if not self._watch.expecting:
            self._watch.expect(decisions.expected(shapes))
        factors = self._watch.look(worked(self._running.executions(), self._since))
        if factors is None:
            return
        shown = ", ".join(f"{key} {factor:.2f}" for key, factor in factors.items())
        _log.info("the stream drifted from its costs, to which its times are now: %s", shown)
        if decisions.replanned(shapes, factors):
            try:
                self._running.change(line(self._session.deploy(shapes, self._depth)))
            except PipelineClosed:
                return
            self._since = 1 + max((each.frame for each in self._running.executions()), default=-1)
        self._watch.expect(decisions.expected(shapes), REST)
