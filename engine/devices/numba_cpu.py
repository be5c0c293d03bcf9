"""The CPU: kernels compiled by Numba, replayed from a list of commands without Python in between."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

import mmap
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from engine.devices.device import Bound, Device, Memory, Recording
from engine.devices.host import processor_name, usable_cores
from engine.devices.pool import Pool
from kernels.cpu.target import host
from kernels.cpu.vector import I64, call_ir, pointer_ir
from kernels.op import Call, CpuLowering, CpuStep, HostStep, Op

LINE = 64  # bytes of a cache line, and of the widest vector
PATIENCE = 2000  # looks at a counter before a waiting thread offers its core to others


@intrinsic
def _call(typing, address, args, task):
    """Call the kernel at an address."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [I64.as_pointer(), I64])
        builder.call(pointer_ir(builder, arguments[0], kind), [pointer_ir(builder, arguments[1], I64), arguments[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def _fetch_add(typing, address, amount):
    """Add to the integer at an address; returns what it was."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("add", pointer_ir(builder, arguments[0], I64), arguments[1], "acq_rel")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _look(typing, address):
    """The integer at an address, as other threads left it; many may look without taking it from each other."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(pointer_ir(builder, arguments[0], I64), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def _offer_core(typing):
    """Let another thread run on this core."""

    def codegen(context, builder, signature, arguments):
        call_ir(builder, "SwitchToThread" if sys.platform == "win32" else "sched_yield", ir.IntType(32), [])
        return context.get_dummy_value()

    return types.void(), codegen


@numba.njit(nogil=True, cache=True)
def replay(commands, counters):
    """Run commands in order, together with whatever other threads run the same list.

    commands: int64 (n, 3): kernel, record, tasks. counters: int64 (2 * n, LINE / 8), zero at first: tasks
    taken and tasks done, each on a cache line of its own. A thread goes on to the next command when all
    tasks of this one are done, so one thread alone is enough, and one that comes late passes by.
    """
    for i in range(len(commands)):
        taken = counters.ctypes.data + 2 * i * LINE
        done = taken + LINE
        kernel, record, tasks = commands[i, 0], commands[i, 1], commands[i, 2]
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
            finished = _look(done)
            patience -= 1
            if patience == 0:
                _offer_core()
                patience = PATIENCE


def page_aligned(nbytes: int) -> np.ndarray[Any, Any]:
    """Bytes that begin at a page: fresh from the system, zero."""
    return np.frombuffer(mmap.mmap(-1, max(nbytes, 1)), np.uint8)


def word(value: int | float) -> int:
    """A number as a record holds it: floats as the bits of a float64."""
    return struct.unpack("q", struct.pack("d", value))[0] if isinstance(value, float) else int(value)


class CpuRecording(Recording):
    """Runs of kernels, as command lists, and Python functions between them."""

    def __init__(self, steps: Sequence[Bound], pool: Pool) -> None:
        self._pool = pool
        self._keep = steps
        self._parts: list[Any] = []  # arrays of commands, or functions with their arrays
        rows: list[tuple[int, int, int]] = []
        self._records: list[np.ndarray[Any, Any]] = []
        for bound in steps:
            if isinstance(bound.step, HostStep):
                self._flush(rows)
                arrays = [_view(m, s) for m, s in zip(bound.memory, bound.step.specs, strict=True)]
                self._parts.append((bound.step.function, arrays))
            elif isinstance(bound.step, CpuStep):
                record = np.array([*map(_address, bound.memory), *map(word, bound.step.numbers)], np.int64)
                self._records.append(record)
                rows.append((bound.step.kernel, record.ctypes.data, bound.step.tasks))
        self._flush(rows)

    def _flush(self, rows: list[tuple[int, int, int]]) -> None:
        if rows:
            self._parts.append(np.array(rows, np.int64))
            rows.clear()

    def start(self) -> None:
        for part in self._parts:
            self._run(part)

    def _run(self, part: Any) -> None:
        if isinstance(part, tuple):
            part[0](*part[1])
        else:
            self._pool.run(replay, part, np.zeros((2 * len(part), LINE // 8), np.int64))

    def wait(self) -> None:
        """Nothing is left to wait for: the CPU works in `start`."""

    def profile(self) -> list[float]:
        seconds = []
        for part in self._parts:
            for piece in [part] if isinstance(part, tuple) else np.split(part, len(part)):
                begin = time.perf_counter()
                self._run(piece)
                seconds.append(time.perf_counter() - begin)
        return seconds


def _address(memory: Memory) -> int:
    return 0 if memory.base is None else int(memory.base.ctypes.data) + memory.offset


def _view(memory: Memory, spec: Any) -> np.ndarray[Any, Any]:
    part = memory.base.view(np.uint8)[memory.offset : memory.offset + spec.nbytes]
    return np.asarray(part.view(spec.dtype).reshape(spec.shape))


class NumbaDevice(Device):
    """The CPU with a number of threads: the caller's, and a pool's for the rest."""

    kind = "cpu"
    emulated = False
    unified_memory = True

    def __init__(self, threads: int | None = None) -> None:
        cores = usable_cores()
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads}: at least one is needed (this machine has {cores} cores)")
        self.threads = threads or cores
        self.target = host()
        self.compute_units = cores
        self.name = processor_name()
        self.driver = f"numba {numba.__version__}, {self.target.lanes} lanes"
        self._pool = Pool(self.threads)

    def lower(self, op: Op, call: Call) -> CpuLowering | None:
        return op.cpu(call, self.target)

    def allocate(self, nbytes: int) -> np.ndarray[Any, Any]:
        return page_aligned(nbytes)

    def upload(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        memory = np.empty(array.nbytes + LINE, np.uint8)
        memory = memory[-memory.ctypes.data % LINE :][: array.nbytes]
        memory[:] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        return memory

    def record(self, steps: Sequence[Bound]) -> CpuRecording:
        return CpuRecording(steps, self._pool)
