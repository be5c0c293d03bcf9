"""Pace: seconds per frame of a stream that is under way."""

from __future__ import annotations

from collections.abc import Sequence


def pace(ends: Sequence[float], lead: int) -> float:
    """Seconds per frame from the end of `lead` frames to that of all but `lead`.

    `ends` are when frames were finished, in any order: results that wait for an older one come many at a time, and
    would say little about so short a while. With `lead` the number of frames in flight, those that count neither fill
    the pipeline nor find it running dry: a short stream would lose a tenth of its rate and more to that, and most where
    a device takes long for each of many frames at once. Raises ValueError where no frame is left to count.
    """
    counted = len(ends) - 2 * lead
    if lead < 1 or counted < 1:
        raise ValueError(f"{len(ends)} frames leave none to count with {lead} before and behind; expected more frames")
    ends = sorted(ends)
    return (ends[lead + counted - 1] - ends[lead - 1]) / counted
