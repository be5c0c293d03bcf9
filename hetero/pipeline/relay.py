"""Relay: frames handed from worker to worker without the interpreter, so that no device waits for its lock.

A post is a device's queue, oldest frame first, and the workers who sleep there. A frame is a record of words that goes
from post to post as its legs say; a leg is a stage, as commands. Locks are held for a few instructions, by threads that
wait for nothing meanwhile. A worker sleeps on a lock of its own, one of Python's, which anybody may open.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import ctypes
import sys

from engine.devices.native import PATIENCE, call, native, rest, swap
from kernels.cpu.compiler import intrinsic, ir, njit, types
from kernels.cpu.record import integers
from kernels.cpu.vector import call_ir, i64, room_ir

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

NATIVE_CLOCK = sys.platform == "linux"  # where time.perf_counter is clock_gettime's
_MONOTONIC = 1


def bell() -> int:
    """A lock for one worker to sleep on, which it finds closed."""
    made = ctypes.pythonapi.PyThread_allocate_lock
    made.restype = ctypes.c_void_p
    taken = ctypes.pythonapi.PyThread_acquire_lock
    taken.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lock = made()
    if not lock:
        raise MemoryError("no lock for a worker")
    taken(lock, 1)
    return int(lock)


def melt(lock: int) -> None:
    """Give a bell back."""
    freed = ctypes.pythonapi.PyThread_free_lock
    freed.argtypes = [ctypes.c_void_p]
    ctypes.pythonapi.PyThread_release_lock(ctypes.c_void_p(lock))
    freed(lock)


def _pointer(builder, word):
    return builder.inttoptr(word, ir.IntType(8).as_pointer())


@intrinsic
def _sleep(typing, lock):
    """Wait until the bell is rung, and close it."""

    def codegen(context, builder, signature, arguments):
        forever, deaf = ir.Constant(i64(), -1), ir.Constant(ir.IntType(32), 0)
        name = "PyThread_acquire_lock_timed"
        call_ir(builder, name, ir.IntType(32), [_pointer(builder, arguments[0]), forever, deaf])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def _ring(typing, lock):
    """Wake who sleeps on the bell, or will."""

    def codegen(context, builder, signature, arguments):
        call_ir(builder, "PyThread_release_lock", ir.VoidType(), [_pointer(builder, arguments[0])])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def _monotonic(typing):
    """The system's clock in nanoseconds; 0 where that is not what Python's reads."""

    def codegen(context, builder, signature, arguments):
        if not NATIVE_CLOCK:
            return ir.Constant(i64(), 0)
        words = builder.bitcast(room_ir(builder, ir.ArrayType(i64(), 2)), i64().as_pointer())
        call_ir(builder, "clock_gettime", ir.IntType(32), [ir.Constant(ir.IntType(32), _MONOTONIC), words])
        seconds = builder.load(words)
        nanoseconds = builder.load(builder.gep(words, [ir.Constant(i64(), 1)]))
        return builder.add(builder.mul(seconds, ir.Constant(i64(), 1_000_000_000)), nanoseconds)

    return types.int64(), codegen


@njit
def _now(clock):
    """Nanoseconds, by the function at an address; 0 means the system's clock."""
    if clock != 0:
        return call(clock, 0)
    return _monotonic()


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
        _ring(bell)
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
    _sleep(w[BELL])
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
    start = _now(clock)
    f[STARTED] = start
    good = _perform(frame, leg[STARTS], leg[START_COUNT])
    end = _now(clock)
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
    again = _now(clock)
    good = _perform(frame, leg[FINISHES], leg[FINISH_COUNT])
    end = _now(clock)
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
        _ring(w[BELL])
        worker = following
