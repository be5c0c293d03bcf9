"""Drift: a stream's stages held against what their costs predict, and when they have gone apart for long enough."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from hetero.statistics import Execution

EVERY = 5.0  # seconds between two looks at a stream
TOLERANCE = 0.15  # by what part a device may take longer, or less long, than expected
PATIENCE = 3  # looks in a row that must find more than that
REST = 60.0  # seconds after new expectations in which nothing counts as drift
FEWEST = 16  # frames that a look needs
BUSY = 0.75  # part of the time that the busiest device must work for a look to tell something


class Watch:
    """Looks at a stream every now and then, and takes no single moment for a drift.

    `clock` gives seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expected: dict[str, float] = {}
        self._next = clock() + EVERY
        self._rest = clock()
        self._off = 0

    def expect(self, expected: Mapping[str, float], rest: float = 0.0) -> None:
        """Hold what comes against these: device -> seconds per frame that it works. For so long nothing is drift."""
        self._expected = dict(expected)
        self._off, self._rest = 0, self._clock() + rest

    @property
    def expecting(self) -> bool:
        """Whether anything is expected."""
        return bool(self._expected)

    def due(self) -> bool:
        """Whether it is time for another look."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + EVERY
        return True

    def look(self, seconds: Mapping[str, float]) -> dict[str, float] | None:
        """By what to multiply each device's expected time, once one has drifted; None as long as none has.

        `seconds` is what each device works per frame now; one that it leaves out is not judged.
        """
        factors = {key: seconds[key] / hoped for key, hoped in self._expected.items() if hoped and key in seconds}
        off = any(abs(factor - 1) > TOLERANCE for factor in factors.values())
        self._off = self._off + 1 if off else 0
        return factors if self._off >= PATIENCE and self._clock() >= self._rest else None


def worked(executions: Sequence[Execution], since: int = 0) -> dict[str, float]:
    """Seconds per frame that each device worked, over frames of which no stage is missing.

    `executions` are a stream's latest; frames before `since` do not count, nor do those that may lack a stage: begun
    before the first of these ended, or so late that they may have stages to come. Empty where fewer than `FEWEST`
    frames count, and where not the devices set the pace but who brings the frames: such frames have
    the machine to themselves, and take other times than the costs, which are those of a stream.
    """
    if not executions:
        return {}
    begins = {each.frame: each.start for each in executions if each.stage == 0 and each.frame >= since}
    ends: dict[int, float] = {}
    for each in executions:
        ends[each.frame] = max(each.end, ends.get(each.frame, each.end))
    longest = max((ends[frame] - begin for frame, begin in begins.items()), default=0.0)
    earliest, latest = min(each.end for each in executions), max(ends.values()) - longest
    whole = {frame for frame, begin in begins.items() if earliest <= begin <= latest}
    if len(whole) < FEWEST:
        return {}
    found: dict[str, float] = defaultdict(float)
    at_work: dict[str, float] = defaultdict(float)  # the same without what streams of one device do at once
    free: dict[str, float] = {}
    counted = [each for each in executions if each.frame in whole]
    for each in counted:
        found[each.device] += (each.end - each.start) / len(whole)
        begin = max(each.start, free.get(each.device, each.start))
        at_work[each.device] += max(0.0, each.end - begin)
        free[each.device] = max(each.end, begin)
    span = max(each.end for each in counted) - min(each.start for each in counted)
    return dict(found) if max(at_work.values()) >= BUSY * span else {}
