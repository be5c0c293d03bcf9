"""The CPU: kernels compiled by Numba, replayed from a list of commands without Python in between."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.devices.command import Called, Command, DriverError
from engine.devices.device import Bound, Device, Memory, Recording
from engine.devices.host import cache_bytes, page_aligned, processor_name, usable_cores
from engine.devices.interned import Interned
from engine.devices.pool import Pool
from engine.devices.replay import LINE, alone
from engine.tuning.store import Key, tunings
from kernels.cpu.compiler import versions
from kernels.cpu.target import host
from kernels.op import Call, CpuLowering, CpuStep, HostStep, Op
from kernels.space import Choice

_CONSTANTS: Interned[np.ndarray[Any, Any]] = Interned()  # of all CPU devices: they differ in threads alone


def word(value: int | float) -> int:
    """A number as a record holds it: floats as the bits of a float64."""
    return struct.unpack("q", struct.pack("d", value))[0] if isinstance(value, float) else int(value)


class CpuRecording(Recording):
    """Runs of kernels, as command lists, and Python functions between them."""

    def __init__(self, steps: Sequence[Bound], pools: Sequence[Pool]) -> None:
        self._pools = pools
        self._keep = steps
        self._parts: list[Any] = []  # arrays of commands, or functions with their arrays
        rows: list[tuple[int, int, int, int]] = []
        workers = max(pool.threads for pool in pools)
        self._records: list[np.ndarray[Any, Any]] = []
        for bound in steps:
            if isinstance(bound.step, HostStep):
                self._flush(rows)
                arrays = [_view(m, s) for m, s in zip(bound.memory, bound.step.specs, strict=True)]
                self._parts.append((bound.step.function, arrays))
            elif isinstance(bound.step, CpuStep):
                owners = workers if any(memory.each for memory in bound.memory) else 1
                records = np.array([_words(bound.step, bound.memory, worker) for worker in range(owners)], np.int64)
                self._records.append(records)
                each = records.strides[0] if owners > 1 else 0
                rows.append((bound.step.kernel, records.ctypes.data, each, bound.step.tasks))
        self._flush(rows)

    def _flush(self, rows: list[tuple[int, int, int, int]]) -> None:
        if rows:
            self._parts.append(np.array(rows, np.int64))
            rows.clear()

    def commands(self) -> tuple[Sequence[Command], Sequence[Command]]:
        """No interpreter where one thread runs nothing but kernels: others have to be woken."""
        if len(self._parts) != 1 or isinstance(self._parts[0], tuple) or self._pools[0].threads > 1:
            return (Called(self.start),), ()
        (part,) = self._parts
        return (Command(alone, (part.ctypes.data, len(part)), DriverError, self, part),), ()

    def start(self) -> None:
        for part in self._parts:
            self._run(part)

    def _run(self, part: Any) -> None:
        if isinstance(part, tuple):
            part[0](*part[1])
        else:
            free = (pool for pool in self._pools if not pool.taken)
            next(free, self._pools[0]).run(part)

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


def _words(step: CpuStep, memory: Sequence[Memory], worker: int) -> list[int]:
    addresses = [_address(place) + worker * place.each for place in memory]
    first = len(addresses) - step.chained
    return [*addresses[:first], *map(word, step.numbers), *(addresses[first:] or [0])]


def _address(memory: Memory) -> int:
    return 0 if memory.base is None else int(memory.base.ctypes.data) + memory.offset


def _view(memory: Memory, spec: Any) -> np.ndarray[Any, Any]:
    part = memory.base.view(np.uint8)[memory.offset : memory.offset + spec.nbytes]
    return np.asarray(part.view(spec.dtype).reshape(spec.shape))


class NumbaDevice(Device):
    """The CPU with a number of threads, divided among its streams: each has the caller's and a pool's for the rest.

    Threads that work on frames of their own wait for nobody; those that share a frame wait for each other at the end
    of every operator. So more streams give more frames a second, and each frame later.
    """

    kind = "cpu"
    emulated = False
    unified_memory = True

    def __init__(self, threads: int | None = None, streams: int = 1) -> None:
        cores = usable_cores()
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads}: at least one is needed (this machine has {cores} cores)")
        self.threads = threads or cores
        if not 1 <= streams <= self.threads:
            raise ValueError(f"streams={streams}: expected from 1 to {self.threads}, since each needs a thread")
        self.streams = streams
        self.workers = self.threads // streams
        self.compute_units = cores
        self.name = processor_name()
        self.driver = f"numba {versions()[0]}, {host().lanes} lanes"
        self.target = replace(
            host(),
            cache=cache_bytes(host().cache),
            workers=self.workers,
            tunings=tunings(self.name, self.driver),
        )
        self._pools = [Pool(self.workers) for _ in range(streams)]

    def tuned(self, tunings: Mapping[Key, Choice]) -> None:
        """Have lowerings choose by these from now on."""
        self.target = replace(self.target, tunings=tunings)

    def lower(self, op: Op, call: Call) -> CpuLowering | None:
        return op.cpu(call, self.target)

    def allocate(self, nbytes: int) -> np.ndarray[Any, Any]:
        return page_aligned(nbytes)

    def upload(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        memory = np.empty(array.nbytes + LINE, np.uint8)
        memory = memory[-memory.ctypes.data % LINE :][: array.nbytes]
        memory[:] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        return memory

    def upload_all(self, arrays: Sequence[np.ndarray[Any, Any]]) -> list[Memory]:
        return [Memory(_CONSTANTS.get(array, self.upload)) for array in arrays]

    def download(self, memory: np.ndarray[Any, Any], nbytes: int) -> np.ndarray[Any, Any]:
        return memory[:nbytes].copy()

    def record(self, steps: Sequence[Bound], slot: int = 0) -> CpuRecording:
        return CpuRecording(steps, self._pools)
