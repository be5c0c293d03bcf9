"""Relay: frames handed from worker to worker without the interpreter, so that no device waits for its lock.

A post is a device's queue, oldest frame first, and the workers who sleep there. A frame is a record of words that goes
from post to post as its legs say; a leg is a stage, as commands (`duty.py` runs them). Locks are held for a few
instructions, by threads that wait for nothing meanwhile. A worker sleeps on a lock of its own, one of Python's, which
anybody may open.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from engine.devices.native import PATIENCE, native, rest, swap
from hetero.pipeline.bell import ring, sleep
from kernels.cpu.compiler import njit
from kernels.cpu.record import integers

# Words of a post
LOCK, CLOSED, CALLED, FIRST, SLEEPER, AHEAD, CLOCK, POST_WORDS = range(8)
# Words of a worker; after them a ring of frames begun, one more than it begins ahead
NEXT, MAIL, BELL, RING = range(4)
# Words of a frame: NEXT, then these; CODE and COMMAND say which command of a leg failed, and how
INDEX, LEG, LEGS, TIMES, LANDING, DONE, CODE, COMMAND, STARTED, TAKEN, FRAME_WORDS = range(1, 12)
# Words of a leg
AT, STARTS, START_COUNT, FINISHES, FINISH_COUNT, LEG_WORDS = range(6)
TIME_WORDS = 3  # of a leg in nanoseconds: start, end, and what it took beyond those
WORD = 8  # bytes
HERE = -1  # legs done by a frame that is not yet on its way


@njit
def _lock(post):
    patience = PATIENCE
    while swap(post, 1) != 0:
        patience = rest(patience)


@njit
def _unlock(post):
    swap(post, 0)


@njit
def handed(post, frame):
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
def taken(post, worker, wait, alert):
    """The oldest frame; 0 where there is none and the worker will not wait, is called, or the post is closed.

    A worker that is alert also wakes when a signal interrupts its thread.
    """
    p = integers(post)
    w = integers(worker)
    _lock(post)
    frame = p[FIRST]
    w[MAIL] = frame
    if frame != 0:
        p[FIRST] = integers(frame)[NEXT]
        _unlock(post)
        return frame
    if wait == 0 or p[CLOSED] + p[CALLED] != 0:
        p[CALLED] &= 1 - wait
        _unlock(post)
        return 0
    w[NEXT] = p[SLEEPER]
    p[SLEEPER] = worker
    _unlock(post)
    if sleep(w[BELL], alert) != 1 and not _rise(post, worker):
        sleep(w[BELL], 0)
    return w[MAIL]


@njit
def _rise(post, worker):
    """Sleep no longer; False where somebody has rung, or is about to."""
    _lock(post)
    before = 0
    each = integers(post)[SLEEPER]
    while each != 0 and each != worker:
        before = each
        each = integers(each)[NEXT]
    if each != 0:
        following = integers(worker)[NEXT]
        if before != 0:
            integers(before)[NEXT] = following
        else:
            integers(post)[SLEEPER] = following
    _unlock(post)
    return each != 0


@njit
def _wake(post, why):
    """Ring all who sleep at a post, or are about to, because it is closed or they are called."""
    p = integers(post)
    _lock(post)
    p[why] = 1
    worker = p[SLEEPER]
    p[SLEEPER] = 0
    _unlock(post)
    while worker != 0:
        w = integers(worker)
        following = w[NEXT]
        ring(w[BELL])
        worker = following


@native("int64(int64, int64, int64)")
def take(post, worker, wait):
    """The oldest frame of a post, if need be as soon as there is one; 0 where there is none yet, or will be none."""
    return taken(post, worker, wait, 1)


@native("void(int64, int64)")
def put(post, frame):
    """Put a frame that is ready on its way, at its first post."""
    integers(frame)[DONE] = 0
    handed(post, frame)


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
def wake(post):
    """Let those who sleep at a post look at what else there is."""
    _wake(post, CALLED)


@native("void(int64)")
def close(post):
    """Let the workers of a post go once nothing waits there."""
    _wake(post, CLOSED)
