"""Relay: frames handed from worker to worker without the interpreter, so that no device waits for its lock.

A post is a device's queue, oldest frame first, and the workers who sleep there. A frame is a record of words that goes
from post to post as its legs say; a leg is a stage, as commands. Locks are held for a few instructions, by threads that
wait for nothing meanwhile. A worker sleeps on a lock of its own, one of Python's, which anybody may open.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from engine.devices.native import PATIENCE, call, native, rest, swap
from hetero.pipeline.bell import ring, sleep
from hetero.pipeline.clock import now
from kernels.cpu.compiler import njit
from kernels.cpu.record import integers

# Words of a post
LOCK, CLOSED, FIRST, SLEEPER, AHEAD, CLOCK, POST_WORDS = range(7)
# Words of a worker; after them a ring of frames begun, one more than it begins ahead
NEXT, MAIL, BELL, RING = range(4)
# Words of a frame: NEXT, then these; CODE and COMMAND say which command of a leg failed, and how
INDEX, LEG, LEGS, TIMES, LANDING, DONE, CODE, COMMAND, STARTED, TAKEN, FRAME_WORDS = range(1, 12)
# Words of a leg
AT, STARTS, START_COUNT, FINISHES, FINISH_COUNT, LEG_WORDS = range(6)
TIME_WORDS = 3  # of a leg in nanoseconds: start, end, and what it took beyond those
WORD = 8  # bytes


@njit
def _lock(post):
    patience = PATIENCE
    while swap(post, 1) != 0:
        patience = rest(patience)


@njit
def _unlock(post):
    swap(post, 0)


@njit
def _put(post, frame):
    """Hand a frame to a post: to a sleeper, or among those that wait."""
    p = integers(post)
    _lock(post)
    worker = p[SLEEPER]
    if worker != 0:
        w = integers(worker)
        p[SLEEPER] = w[NEXT]
        w[MAIL] = frame
        bell = w[BELL]
        _unlock(post)
        ring(bell)
        return
    f = integers(frame)
    before = 0
    after = p[FIRST]
    while after != 0 and integers(after)[INDEX] < f[INDEX]:
        before = after
        after = integers(after)[NEXT]
    f[NEXT] = after
    if before != 0:
        integers(before)[NEXT] = frame
    else:
        p[FIRST] = frame
    _unlock(post)


@njit
def _take(post, worker, wait):
    """The oldest frame; 0 where there is none and the worker will not wait, or the post is closed."""
    p = integers(post)
    _lock(post)
    frame = p[FIRST]
    if frame != 0:
        p[FIRST] = integers(frame)[NEXT]
        _unlock(post)
        return frame
    if wait == 0 or p[CLOSED] != 0:
        _unlock(post)
        return 0
    w = integers(worker)
    w[NEXT] = p[SLEEPER]
    w[MAIL] = 0
    p[SLEEPER] = worker
    _unlock(post)
    sleep(w[BELL])
    return w[MAIL]


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
        _put(f[LANDING], frame)
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
        _put(integers(f[LEG])[AT], frame)
    else:
        _put(f[LANDING], frame)
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
            frame = _take(post, worker, 1 if count == 0 else 0)
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


@native("int64(int64, int64, int64)")
def take(post, worker, wait):
    """The oldest frame of a post, as soon as there is one; 0 when it is closed and empty, or nobody waits."""
    return _take(post, worker, wait)


@native("void(int64, int64)")
def put(post, frame):
    """Hand a frame to a post."""
    _put(post, frame)


@native("int64(int64, int64)")
def withdraw(post, frame):
    """Take a frame away that waits at a post for its first leg; 1, or 0 where it has begun."""
    p = integers(post)
    _lock(post)
    found = 0
    before = 0
    after = p[FIRST]
    while after != 0:
        if after == frame:
            if integers(frame)[DONE] == 0:
                found = 1
                if before != 0:
                    integers(before)[NEXT] = integers(frame)[NEXT]
                else:
                    p[FIRST] = integers(frame)[NEXT]
            break
        before = after
        after = integers(after)[NEXT]
    _unlock(post)
    return found


@native("void(int64)")
def close(post):
    """Let the workers of a post go once nothing waits there."""
    p = integers(post)
    _lock(post)
    p[CLOSED] = 1
    worker = p[SLEEPER]
    p[SLEEPER] = 0
    _unlock(post)
    while worker != 0:
        w = integers(worker)
        following = w[NEXT]
        ring(w[BELL])
        worker = following
