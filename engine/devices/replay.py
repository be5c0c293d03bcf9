"""Replay: a list of commands run by any number of threads, and the board on which a caller posts it to helpers.

All of it runs without the GIL, and waits by looking: a hand-over costs less than a microsecond.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from kernels.cpu.compiler import intrinsic, ir, njit, types
from kernels.cpu.machine_code import Kernel
from kernels.cpu.record import integers
from kernels.cpu.vector import call_ir, i64, pointer_ir

LINE = 64  # bytes of a cache line, and of the widest vector
PATIENCE = 2000  # looks before a waiting thread offers its core to others

# The board's words, each on a cache line of its own.
SEQUENCE = 0  # jobs opened and closed so far: odd while one is open
ACTIVE = LINE  # helpers that may be at work on a job
ASLEEP = 2 * LINE  # helpers that wait to be woken
JOB = 3 * LINE  # commands, how many, counters
BOARD_WORDS = 4 * LINE // 8


@intrinsic
def _call(typing, address, args, task):
    """Call the kernel at an address."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [i64().as_pointer(), i64()])
        builder.call(pointer_ir(builder, arguments[0], kind), [pointer_ir(builder, arguments[1], i64()), arguments[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def _fetch_add(typing, address, amount):
    """Add to the integer at an address; returns what it was."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("add", pointer_ir(builder, arguments[0], i64()), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _look(typing, address):
    """The integer at an address, as other threads left it; many may look without taking it from each other."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(pointer_ir(builder, arguments[0], i64()), "seq_cst", 8)

    return types.int64(types.int64), codegen


@intrinsic
def _breathe(typing):
    """Tell the core that this thread only waits, where there is a word for it."""

    def codegen(context, builder, signature, arguments):
        machine = platform.machine().lower()
        if machine in ("x86_64", "amd64"):
            call_ir(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        elif machine in ("arm64", "aarch64"):
            call_ir(builder, "llvm.aarch64.hint", ir.VoidType(), [ir.Constant(ir.IntType(32), 1)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _offer_core(typing):
    """Let another thread run on this core."""

    def codegen(context, builder, signature, arguments):
        call_ir(builder, "SwitchToThread" if sys.platform == "win32" else "sched_yield", ir.IntType(32), [])
        return context.get_dummy_value()

    return types.void(), codegen


def native(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of int64, and of int64 or nothing for a result, machine code that runs without the GIL."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @cache
        def code() -> Callable[..., Any]:
            result = ctypes.c_int64 if signature.startswith("int64") else None
            words = [ctypes.c_int64] * signature.partition("(")[2].count("int64")
            return ctypes.CFUNCTYPE(result, *words)(Kernel(function, signature).address)

        @wraps(function)
        def call(*words: int) -> Any:
            return code()(*words)

        return call

    return decorate


@njit
def _rest(patience):
    """Wait for a moment, for longer when patience ends; returns what is left of it."""
    _breathe()
    if patience > 1:
        return patience - 1
    _offer_core()
    return PATIENCE


@njit
def _replay(commands, count, counters, worker):
    """See `replay`."""
    rows = integers(commands)
    for i in range(count):
        taken = counters + 2 * i * LINE
        done = taken + LINE
        kernel, record, tasks = rows[4 * i], rows[4 * i + 1] + worker * rows[4 * i + 2], rows[4 * i + 3]
        if _look(done) >= tasks:
            continue
        mine = 0
        while True:
            task = _fetch_add(taken, 1)
            if task >= tasks:
                break
            _call(kernel, record, task)
            mine += 1
        finished = _fetch_add(done, mine) + mine
        patience = PATIENCE
        while finished < tasks:
            patience = _rest(patience)
            finished = _look(done)


@native("void(int64, int64, int64)")
def replay(commands, count, counters):
    """Run commands in order, together with whatever other threads run the same list.

    commands: address of int64 (count, 4): kernel, the first worker's record, bytes to the next worker's (0: all
    share one), tasks. counters: address of int64 (2 * count, LINE / 8), zero at first: tasks taken and tasks done,
    each on a cache line of its own. A thread goes on to the next command when all tasks of this one are done, so one
    thread alone is enough, and one that comes late passes by. The caller is the first worker.
    """
    _replay(commands, count, counters, 0)


@native("int64(int64, int64, int64, int64)")
def post(board, commands, count, counters):
    """Open a job on the board; returns how many helpers must be woken. One caller at a time."""
    job = integers(board + JOB)
    job[0], job[1], job[2] = commands, count, counters
    _fetch_add(board + SEQUENCE, 1)
    asleep = _look(board + ASLEEP)
    _fetch_add(board + ASLEEP, -asleep)
    return asleep


@native("void(int64)")
def lead(board):
    """Run the job that was posted, close it, and wait for the helpers that have joined to let go of it."""
    job = integers(board + JOB)
    _replay(job[0], job[1], job[2], 0)
    _fetch_add(board + SEQUENCE, 1)
    patience = PATIENCE
    while _look(board + ACTIVE) != 0:
        patience = _rest(patience)


@native("int64(int64, int64, int64, int64)")
def serve(board, worker, seen, looks):
    """Help with every job that is posted, until none has come for so many looks; then count as asleep.

    `worker` is the helper's number, from one up; `seen` the sequence of the latest job joined. Returns that to be given
    again after waking.
    """
    left = looks
    while left > 0:
        sequence = _look(board + SEQUENCE)
        if sequence == seen or sequence % 2 == 0:
            _breathe()
            left -= 1
            continue
        _fetch_add(board + ACTIVE, 1)
        # From here on a caller waits for this thread, so the job stays what it is, if it is still open.
        if _look(board + SEQUENCE) == sequence:
            job = integers(board + JOB)
            _replay(job[0], job[1], job[2], worker)
        _fetch_add(board + ACTIVE, -1)
        seen = sequence
        left = looks
    _fetch_add(board + ASLEEP, 1)
    return seen
