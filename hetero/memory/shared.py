"""Shared: memory that host and device both see, and the passing of its ownership between them."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.devices.command import Command, DriverError
from engine.devices.device import Memory
from engine.devices.entry import tally
from engine.devices.host import page_aligned
from engine.devices.lane import READ, WRITE

if TYPE_CHECKING:
    import pyopencl as cl

    from engine.devices.opencl import OpenClDevice

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Side = Literal["host", "device"]
_PAGE = 4096  # drivers copy host memory that is not aligned so


class OwnershipError(RuntimeError):
    """Shared memory was touched, or handed over, by a side that does not own it."""


def share(
    device: OpenClDevice, nbytes: int, *, slot: int = 0, staged: bool | None = None, checked: bool = False
) -> Shared:
    """Memory of `nbytes`, of a slot, that the host owns to begin with.

    Mapped where host memory is the device's memory, staged where it is not; `staged` overrules
    that. `checked` makes touching `host` while the device owns it an error.
    """
    if staged is None:
        staged = not device.unified_memory
    return (StagedBuffer if staged else MappedBuffer)(device, nbytes, slot, checked)


class Shared(ABC):
    """Bytes that host and device take turns to own.

    memory           the device's side, to bind steps to
    zero_copy        both sides are the same memory: handing over moves no byte
    owner            the side that may touch it: "host" or "device"

    Who owns it hands it over when done, and returns at once; the new owner calls `wait` before it touches anything.
    It is the device's side that enqueues, when it gives and when it waits, so that one thread alone has to do with its
    driver, which lets in no two at once. All of it is in one queue with the launches, so nothing else has to be waited
    for. What the new owner overwrites, or what the old one has only read, is not `wanted` and not copied.
    """

    memory: Memory
    zero_copy: bool

    def __init__(self, device: OpenClDevice, nbytes: int, slot: int, checked: bool) -> None:
        if nbytes <= 0:
            raise ValueError(f"shared memory needs a size above 0, not {nbytes}")
        self.nbytes = nbytes
        self.owner: Side = "host"
        self._device, self._lane = device, device.lane(slot)
        self._checked = checked
        self._pending = False  # handed over, and the new owner has not called `wait`
        self._wanted = False  # whether the bytes of the latest hand-over are
        self._moved = np.zeros(1, np.int64)
        self._host = self._open()
        self._count = Command(tally, (self._moved.ctypes.data, self.copied), DriverError, self._moved)

    @property
    def host(self) -> Bytes:
        """The host's side: `nbytes` bytes, page-aligned, always the same array."""
        if self._checked:
            self.check("host")
        return self._host

    @property
    def moved(self) -> int:
        """Bytes physically copied so far, both ways."""
        return int(self._moved[0])

    @property
    def away(self) -> bool:
        """Whether it is handed over, or on its way."""
        return self.owner == "device" or self._pending

    @property
    def copied(self) -> int:
        """Bytes copied by a hand-over, if they are wanted."""
        return 0 if self.zero_copy else self.nbytes

    def to_device(self) -> None:
        """Hand over to the device."""
        self.hand("device")

    def to_host(self) -> None:
        """Hand over to the host what the device's launches so far make of it."""
        self.hand("host")

    def hand(self, side: Side, wanted: bool = True) -> None:
        """Hand over to a side, with the bytes if they are wanted there. Raises OwnershipError if it has them."""
        if self.owner == side:
            raise OwnershipError(f"shared memory was handed to the {side}, which owns it already")
        self.wait()
        if side == "host":
            self._cross(side, wanted)
        self.owner, self._pending, self._wanted = side, True, wanted

    def recall(self) -> None:
        """Take back what the device may still be using: returns when it has ended; the bytes are lost.

        The host's it is even where the driver fails at that.
        """
        try:
            if self.owner == "host" or not self._pending:  # or nothing is enqueued yet
                self._lane.finish.run()
                self._regain()
        finally:
            self.owner, self._pending = "host", False

    def wait(self) -> None:
        """What the new owner does first: the host until the hand-over has ended, the device until it is enqueued."""
        pending, self._pending = self._pending, False
        if pending and self.owner == "device":
            self._cross("device", self._wanted)
        elif pending and self.crossing("host", self._wanted):
            self._lane.finish.run()

    def _cross(self, side: Side, wanted: bool) -> None:
        for command in self.crossing(side, wanted):
            command.run()

    def check(self, side: Side) -> None:
        """Raise OwnershipError unless this side may touch the memory now."""
        if self.owner != side:
            raise OwnershipError(f"shared memory was touched by the {side} while the {self.owner} owns it")
        if self._pending:
            raise OwnershipError(f"shared memory was touched by the {side} before it waited for the hand-over")

    @abstractmethod
    def _open(self) -> Bytes:
        """Allocate both sides and set `memory` and `zero_copy`; the host's bytes."""

    def crossing(self, side: Side, wanted: bool) -> Sequence[Command]:
        """What enqueues the hand-over to a side, with the other's bytes if they are wanted.

        The commands keep no account of who owns the memory: that is for whoever runs them to know.
        """
        made = self._made(side, wanted)
        return (*made, self._count) if wanted and self.copied else made

    @abstractmethod
    def _made(self, side: Side, wanted: bool) -> tuple[Command, ...]:
        """What `crossing` does beside counting."""

    @abstractmethod
    def _regain(self) -> None:
        """Let the host have what the device does not use any more."""


class MappedBuffer(Shared):
    """One allocation for both sides: unmapping gives it to the device, mapping takes it back."""

    def _open(self) -> Bytes:
        import pyopencl as cl

        size = -(-self.nbytes // _PAGE) * _PAGE
        host = page_aligned(size)
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        buffer = cl.Buffer(self._device.context, flags, hostbuf=host)
        self.memory = Memory(buffer)
        # OpenCL promises this pointer even where a driver copies on mapping; a device that says
        # its memory is the host's has nothing to copy to.
        mapped: Any = _mapped(self._lane.queue, buffer)
        self.zero_copy = mapped.ctypes.data == host.ctypes.data and self._device.unified_memory
        mapped.base.release(self._lane.queue)
        self._mapped = np.zeros(1, np.int64)
        self._map, self._unmap = self._lane.mapping(buffer, host.ctypes.data, self._mapped)
        self._regain()
        weakref.finalize(self, _let_go, self._unmap, self._mapped).atexit = False
        return host[: self.nbytes]

    def _made(self, side: Side, wanted: bool) -> tuple[Command, ...]:
        return (self._map if side == "host" else self._unmap,)

    def _regain(self) -> None:
        if not self._mapped[0]:
            self._map.run()
            self._lane.finish.run()


class StagedBuffer(Shared):
    """A device buffer and a pinned host buffer that stays mapped; a hand-over is one copy.

    Slots have queues of their own, so one's copies and another's launches run at the same time. What is handed to the
    host can `land` elsewhere.
    """

    def _open(self) -> Bytes:
        self.zero_copy = False
        buffer = self._device.allocate(self.nbytes)
        self.memory = Memory(buffer)
        host = next(self.pinned())
        self._landing, self._at = (np.array([host.ctypes.data], np.int64) for _ in range(2))
        self._read = self._lane.copy(buffer, self.nbytes, self._landing, READ, host)
        self._write = self._lane.copy(buffer, self.nbytes, self._at, WRITE, host)
        return host

    def pinned(self) -> Iterator[Bytes]:
        """Memory of the host's, `nbytes` at a time, that the device copies from and to while both go on; page-aligned.

        No piece of it is a view of an array.
        """
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.ALLOC_HOST_PTR
        while True:
            buffer = cl.Buffer(self._device.context, flags, self.nbytes + _PAGE)
            yield np.asarray(_aligned(_mapped(self._device.queue, buffer), self.nbytes).data)

    def spare(self) -> Iterator[Bytes]:
        """The same for as long as the driver has any."""
        with suppress(*self._device.failures):
            yield from self.pinned()

    def land(self, address: int) -> None:
        """Let what is handed to the host come to other memory, `nbytes` of it, pinned; 0: to the host's side again."""
        self._landing[0] = address or self._at[0]

    def _made(self, side: Side, wanted: bool) -> tuple[Command, ...]:
        return ((self._read if side == "host" else self._write),) if wanted else ()

    def _regain(self) -> None:
        """The host's side stays mapped."""


def _let_go(unmap: Command, mapped: np.ndarray[Any, Any]) -> None:
    """End a mapping that nobody else can end: drivers keep buffers as long as they are mapped."""
    if mapped[0]:
        with suppress(Exception):  # the device may be gone
            unmap.run()


def _mapped(queue: cl.CommandQueue, buffer: cl.Buffer) -> Bytes:
    """A whole buffer, mapped until `.base.release`."""
    import pyopencl as cl

    access: Any = cl.map_flags.READ | cl.map_flags.WRITE
    mapped: Bytes = cl.enqueue_map_buffer(queue, buffer, access, 0, (buffer.size,), np.dtype(np.uint8))[0]
    return mapped


def _aligned(raw: Bytes, nbytes: int) -> Bytes:
    first = -raw.ctypes.data % _PAGE
    return raw[first : first + nbytes]
