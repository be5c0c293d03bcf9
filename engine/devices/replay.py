"""Replay: a list of commands run by any number of threads, and the board on which a caller posts it to helpers.

All of it runs without the GIL, and waits by looking: a hand-over costs less than a microsecond.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from engine.devices.native import PATIENCE, breathe, call_kernel, fetch_add, look, native, rest
from kernels.cpu.compiler import njit
from kernels.cpu.record import integers

LINE = 64  # bytes of a cache line, and of the widest vector

# The board's words, each on a cache line of its own.
SEQUENCE = 0  # jobs opened and closed so far: odd while one is open
ACTIVE = LINE  # helpers that may be at work on a job
ASLEEP = 2 * LINE  # helpers that wait to be woken
JOB = 3 * LINE  # commands, how many, counters
BOARD_WORDS = 4 * LINE // 8


@njit
def _together(commands, count, counters, worker):
    """Run commands in order, together with whatever other threads run the same list.

    commands: address of int64 (count, 4): kernel, the first worker's record, bytes to the next worker's (0: all
    share one), tasks. counters: address of int64 (2 * count, LINE / 8), zero at first: tasks taken and tasks done,
    each on a cache line of its own. A thread goes on to the next command when all tasks of this one are done, so one
    thread alone is enough, and one that comes late passes by. The caller is the first worker.
    """
    rows = integers(commands)
    for i in range(count):
        taken = counters + 2 * i * LINE
        done = taken + LINE
        kernel, record, tasks = rows[4 * i], rows[4 * i + 1] + worker * rows[4 * i + 2], rows[4 * i + 3]
        if look(done) >= tasks:
            continue
        mine = 0
        while True:
            task = fetch_add(taken, 1)
            if task >= tasks:
                break
            call_kernel(kernel, record, task)
            mine += 1
        finished = fetch_add(done, mine) + mine
        patience = PATIENCE
        while finished < tasks:
            patience = rest(patience)
            finished = look(done)


@native("int64(int64)")
def alone(words):
    """Run commands in order in one thread. words: their address and how many, as in `_together`."""
    job = integers(words)
    rows = integers(job[0])
    for i in range(job[1]):
        for task in range(rows[4 * i + 3]):
            call_kernel(rows[4 * i], rows[4 * i + 1], task)
    return 0


@native("int64(int64, int64, int64, int64)")
def post(board, commands, count, counters):
    """Open a job on the board; returns how many helpers must be woken. One caller at a time."""
    job = integers(board + JOB)
    job[0], job[1], job[2] = commands, count, counters
    fetch_add(board + SEQUENCE, 1)
    asleep = look(board + ASLEEP)
    fetch_add(board + ASLEEP, -asleep)
    return asleep


@native("void(int64)")
def lead(board):
    """Run the job that was posted, close it, and wait for the helpers that have joined to let go of it."""
    job = integers(board + JOB)
    _together(job[0], job[1], job[2], 0)
    fetch_add(board + SEQUENCE, 1)
    patience = PATIENCE
    while look(board + ACTIVE) != 0:
        patience = rest(patience)


@native("int64(int64, int64, int64, int64)")
def serve(board, worker, seen, looks):
    """Help with every job that is posted, until none has come for so many looks; then count as asleep.

    `worker` is the helper's number, from one up; `seen` the sequence of the latest job joined. Returns that to be given
    again after waking.
    """
    left = looks
    while left > 0:
        sequence = look(board + SEQUENCE)
        if sequence == seen or sequence % 2 == 0:
            breathe()
            left -= 1
            continue
        fetch_add(board + ACTIVE, 1)
        # From here on a caller waits for this thread, so the job stays what it is, if it is still open.
        if look(board + SEQUENCE) == sequence:
            job = integers(board + JOB)
            _together(job[0], job[1], job[2], worker)
        fetch_add(board + ACTIVE, -1)
        seen = sequence
        left = looks
    fetch_add(board + ASLEEP, 1)
    return seen
