"""Trial: a compiled plan streamed for a moment at a time, on seeded noise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from hetero.deployment import Deployment
from hetero.machine import apart
from hetero.pace import pace
from hetero.pipeline.batches import Batches
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import OnFull, Pipeline
from hetero.pipeline.post import Post
from hetero.profile import middle

if TYPE_CHECKING:
    from hetero.compiled import Compiled
    from hetero.statistics import Execution

SECONDS = 0.25  # of frames per measurement, at least FEWEST frames, and several times the longest stage
FEWEST = 6
SEVERAL = 4


class Trial:
    """One plan, streamed for so many seconds at a time; how many frames that takes is tried out beforehand.

    periods      seconds per frame, a measurement each
    callers      seconds per frame that the thread worked which brought frames and took results, a measurement each
    executions   the stages that the frames of every measurement, or its batches, went through, a sequence each

    With `ahead` False a device that would be given stages ahead ends each before it begins the next.
    """

    def __init__(self, compiled: Compiled, seconds: float = SECONDS, ahead: bool = True) -> None:
        self.compiled, self._ahead = compiled, ahead
        self.periods: list[float] = []
        self.callers: list[float] = []
        self.executions: list[list[Execution]] = []
        self._deployment = Deployment(compiled, compiled.plan.slots)
        # Frames may end several at a time, so what is measured is to be no less than what is in flight.
        least = max(FEWEST, compiled.plan.slots * compiled.plan.batch)
        self._frames = compiled.plan.rounds(least)
        self.measure()
        # A device that has just woken up is slow, and so few frames say little: this measurement does not count.
        longest = max(each.end - each.start for each in self.executions[-1])
        self._frames = compiled.plan.rounds(max(least, round(max(seconds, SEVERAL * longest) / self.periods.pop())))
        self.callers.clear()
        self.executions.clear()

    @property
    def period(self) -> float:
        """Seconds per frame: the mean of the middle half of what was measured."""
        return middle(self.periods)

    def measure(self) -> None:
        """Stream some frames; what counts lies between the first that fill the pipeline and the last."""
        feed = self._deployment.noise()
        fill = self.compiled.plan.slots * self.compiled.plan.batch
        with closing(pipeline(self._deployment, ahead=self._ahead)) as stream:
            begin = time.thread_time()
            ends = [each.finished for each in stream.map(islice(repeat(feed), self._frames + 2 * fill))]
            self.callers.append((time.thread_time() - begin) / len(ends))
            executions = stream.executions()
        self.periods.append(pace(ends, fill))
        within = range(fill // self.compiled.plan.batch, (fill + self._frames) // self.compiled.plan.batch)
        self.executions.append([each for each in executions if each.frame in within])


def pipeline(deployment: Deployment, on_full: OnFull = "wait", ahead: bool = True) -> Pipeline | Batches:
    """A pipeline over a deployment's stages and slots, of batches where the plan runs several frames together."""
    size, served = deployment.plan.batch, posts(deployment)
    served = served if ahead else {key: replace(post, ahead=0) for key, post in served.items()}
    running = Pipeline(line(deployment), on_full if size == 1 else "wait", posts=served)
    return running if size == 1 else Batches(running, size, len(deployment.slots), _own, on_full)


def posts(deployment: Deployment) -> dict[str, Post]:
    """How a pipeline serves each device."""
    devices = {key: device for key, device in deployment.devices.items() if key in deployment.plan.used}
    cores = apart(devices)
    return {key: Post(each.streams, each.ahead, cores.get(key, ())) for key, each in devices.items()}


def line(deployment: Deployment) -> Line:
    """A deployment's stages and slots, for a pipeline of frames, or of batches where the plan runs several together."""
    return Line(
        deployment.variants,
        deployment.plan.schedule,
        deployment.slots,
        partial(_load, deployment),
        partial(_unload, deployment),
        deployment.bytes_moved,
        deployment.rescue,
        lambda: deployment.rescued,
    )


def _load(deployment: Deployment, slot: Any, frame: Any, variant: int) -> None:
    """Put a frame, or a batch of them, into a slot; where ownership is checked, it changes hands."""
    frames = (frame,) if deployment.plan.batch == 1 else frame
    if deployment.checked:
        deployment.load_all(slot, frames, variant)
    else:
        deployment.hand_in(slot, frames, variant)


def _unload(deployment: Deployment, slot: Any) -> Any:
    """The outputs of a slot's frame, or of its batch."""
    size = deployment.plan.batch
    found = deployment.unload_all(slot, size) if deployment.checked else deployment.hand_out(slot)
    return found[0] if size == 1 else found


def _own(feeds: Mapping[str, Any]) -> dict[str, Any]:
    return {name: array.copy() for name, array in feeds.items()}
