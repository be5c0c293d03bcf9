"""Duty: what a worker does with the frames of its post, as machine code: the commands of the leg that is due."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from engine.devices.native import call, native
from hetero.pipeline.clock import now
from hetero.pipeline.relay import (
    AHEAD,
    AT,
    CLOCK,
    CODE,
    COMMAND,
    DONE,
    FINISH_COUNT,
    FINISHES,
    LANDING,
    LEG,
    LEG_WORDS,
    LEGS,
    RING,
    START_COUNT,
    STARTED,
    STARTS,
    TAKEN,
    TIME_WORDS,
    TIMES,
    WORD,
    handed,
    taken,
)
from kernels.cpu.compiler import njit
from kernels.cpu.record import integers


@njit
def _perform(frame, commands, count):
    """Run commands until one fails; whether none did."""
    rows = integers(commands)
    for i in range(count):
        code = call(rows[2 * i], rows[2 * i + 1])
        if code != 0:
            f = integers(frame)
            f[CODE] = code
            f[COMMAND] = i
            return False
    return True


@njit
def _book(frame, start, end, more):
    """Note when a leg was run."""
    f = integers(frame)
    times = integers(f[TIMES] + f[DONE] * TIME_WORDS * WORD)
    times[0] = start
    times[1] = end
    times[2] = more
    f[DONE] += 1


@njit
def _begin(frame, clock):
    """Start the leg that is due; where that fails the frame has landed, and False."""
    f = integers(frame)
    leg = integers(f[LEG])
    start = now(clock)
    f[STARTED] = start
    good = _perform(frame, leg[STARTS], leg[START_COUNT])
    end = now(clock)
    f[TAKEN] = end - start
    if not good:
        _book(frame, start, end, 0)
        handed(f[LANDING], frame)
    return good


@njit
def _end(frame, clock, free):
    """Finish the leg and hand the frame on; when the worker, free since then, is free again.

    A worker that has begun several is at work on one after the other: on each from the end of that before.
    """
    f = integers(frame)
    leg = integers(f[LEG])
    start = max(free, f[STARTED])
    again = now(clock)
    good = _perform(frame, leg[FINISHES], leg[FINISH_COUNT])
    end = now(clock)
    if good:
        _book(frame, start, end, f[TAKEN] + start - again)
    else:
        f[COMMAND] += leg[START_COUNT]
        _book(frame, start, end, 0)
    if good and f[DONE] < f[LEGS]:
        f[LEG] += LEG_WORDS * WORD
        handed(integers(f[LEG])[AT], frame)
    else:
        handed(f[LANDING], frame)
    return end


@native("void(int64, int64)")
def serve(post, worker):
    """A worker's life: the frames of its post, until that closes and none is left."""
    p = integers(post)
    room = p[AHEAD] + 1
    ring = integers(worker + RING * WORD)
    first = 0
    count = 0
    free = 0
    while True:
        frame = 0
        if count < room:
            frame = taken(post, worker, 1 if count == 0 else 0, 0)
        if frame != 0:
            if _begin(frame, p[CLOCK]):
                ring[(first + count) % room] = frame
                count += 1
        elif count > 0:
            frame = ring[first]
            first = (first + 1) % room
            count -= 1
            free = _end(frame, p[CLOCK], free)
        else:
            return
