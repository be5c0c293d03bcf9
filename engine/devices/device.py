"""Device: where operators run: memory, lowering, and recordings that replay without Python in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.devices.command import Called, Command, DriverError
from kernels.op import Call, CpuStep, GpuStep, HostStep, Op

__all__ = ["Bound", "Device", "DriverError", "Memory", "Recording"]


@dataclass(frozen=True)
class Memory:
    """A place in a device's memory: `base` is a NumPy byte array or an OpenCL buffer."""

    base: Any
    offset: int = 0  # bytes
    each: int = 0  # bytes from one thread's part to the next's; 0 where all share it


@dataclass(frozen=True)
class Bound:
    """A step with the memory of each of its operands; steps of one `wave` may run at the same time."""

    step: CpuStep | GpuStep | HostStep
    memory: tuple[Memory, ...]
    wave: int | None = None


class Recording(ABC):
    """Steps bound to memory, ready to run any number of times."""

    @abstractmethod
    def start(self) -> None:
        """Begin one run; steps run in order. Returns at once where the device can work alone."""

    @abstractmethod
    def wait(self) -> None:
        """Return when everything started on the device has ended."""

    def commands(self) -> tuple[Sequence[Command], Sequence[Command]]:
        """What `start` and `wait` do, as commands."""
        return (Called(self.start),), (Called(self.wait),)

    @abstractmethod
    def profile(self) -> list[float]:
        """Run once and return the seconds each step took, in order."""


class Device(ABC):
    """One device: the CPU (Numba) or a GPU (OpenCL).

    Attributes shown to users: `name`, `kind`, `emulated` (a "gpu" that is an OpenCL runtime on
    CPU cores), `unified_memory` (host memory is its memory), `compute_units`, `driver`, and
    `streams` (stages that it runs at once, each of a frame of its own, and a thread each to see to them).
    `ahead` says how many more stages such a thread had better begin before the first of them has ended: none where
    the thread itself does the work. `workers` are the threads that run a stage together, `failures` what is raised
    where its driver fails.
    """

    name: str
    kind: Literal["cpu", "gpu"]
    emulated: bool
    unified_memory: bool
    compute_units: int
    driver: str
    failures: tuple[type[Exception], ...] = ()
    streams: int = 1
    ahead: int = 0
    workers: int = 1

    @abstractmethod
    def lower(self, op: Op, call: Call) -> Any:
        """The operator's CpuLowering or GpuLowering on this device, None where it has no kernel."""

    @abstractmethod
    def allocate(self, nbytes: int) -> Any:
        """Memory of this device's own, aligned to at least 64 bytes; its content is undefined."""

    @abstractmethod
    def upload(self, array: np.ndarray[Any, Any]) -> Any:
        """A constant's memory, filled."""

    def upload_all(self, arrays: Sequence[np.ndarray[Any, Any]]) -> list[Memory]:
        """The memory of all constants of a program."""
        return [Memory(self.upload(array)) for array in arrays]

    @abstractmethod
    def download(self, memory: Any, nbytes: int) -> np.ndarray[Any, Any]:
        """A copy of the first bytes of memory of this device's own."""

    @abstractmethod
    def record(self, steps: Sequence[Bound], slot: int = 0) -> Recording:
        """Steps made ready to replay. The recording keeps the memory alive.

        Recordings of different slots may run at the same time, those of one slot run in order.
        """
