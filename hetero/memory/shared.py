"""Shared: memory that host and device both see, and the passing of its ownership between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.devices.device import Memory

if TYPE_CHECKING:
    import pyopencl as cl

    from engine.devices.opencl import OpenClDevice

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_PAGE = 4096  # drivers copy host memory that is not aligned so


def share(device: OpenClDevice, nbytes: int, *, staged: bool | None = None, checked: bool = False) -> Shared:
    """Memory of `nbytes` that the host owns to begin with.

    Mapped where host memory is the device's memory, staged where it is not; `staged` overrules
    that. `checked` makes touching `host` while the device owns it an error.
    """
    if staged is None:
        staged = not device.unified_memory
    return (StagedBuffer if staged else MappedBuffer)(device, nbytes, checked)


class Shared(ABC):
    """Bytes that host and device take turns to own.

    memory           the device's side, to bind steps to
    zero_copy        both sides are the same memory: handing over moves no byte
    moved            bytes physically copied so far, both ways

    A hand-over is enqueued on the device's in-order queue and returns; the host may touch `host`
    only after the queue got there (`wait`, or `Recording.wait`). `lend` and `release` are for who
    only writes or only reads on the device: the other direction then needs no copy.
    """

    memory: Memory
    zero_copy: bool

    def __init__(self, device: OpenClDevice, nbytes: int, checked: bool) -> None:
        if nbytes <= 0:
            raise ValueError(f"shared memory needs a size above 0, not {nbytes}")
        self.nbytes = nbytes
        self.moved = 0
        self._device = device
        self._checked = checked
        self._host_owns = True
        self._host = self._open()

    @property
    def host(self) -> Bytes:
        """The host's side: `nbytes` bytes, page-aligned, always the same array."""
        if self._checked and not self._host_owns:
            raise RuntimeError("shared memory was touched by the host while the device owns it")
        return self._host

    @property
    def copied_to_device(self) -> int:
        """Bytes copied by one `to_device`."""
        return 0 if self.zero_copy else self.nbytes

    @property
    def copied_to_host(self) -> int:
        """Bytes copied by one `to_host`."""
        return 0 if self.zero_copy else self.nbytes

    def to_device(self) -> None:
        """Hand over to the device, in order with its launches."""
        self._give(wanted=True)
        self.moved += self.copied_to_device

    def lend(self) -> None:
        """Hand over to the device, which will overwrite what is there."""
        self._give(wanted=False)

    def to_host(self) -> None:
        """Hand over to the host, in order with the device's launches."""
        self._take(wanted=True)
        self.moved += self.copied_to_host

    def release(self) -> None:
        """Hand back to the host what the device has only read."""
        self._take(wanted=False)

    def wait(self) -> None:
        """Return when every hand-over has happened."""
        self._device.queue.finish()

    def _give(self, wanted: bool) -> None:
        if not self._host_owns:
            raise RuntimeError("shared memory was handed to the device, which owns it already")
        self._to_device(wanted)
        self._host_owns = False

    def _take(self, wanted: bool) -> None:
        if self._host_owns:
            raise RuntimeError("shared memory was handed to the host, which owns it already")
        self._to_host(wanted)
        self._host_owns = True

    @abstractmethod
    def _open(self) -> Bytes:
        """Allocate both sides and set `memory` and `zero_copy`; the host's bytes."""

    @abstractmethod
    def _to_device(self, wanted: bool) -> None:
        """Enqueue what makes the memory the device's, with the host's bytes if they are wanted."""

    @abstractmethod
    def _to_host(self, wanted: bool) -> None:
        """Enqueue what makes the memory the host's, with the device's bytes if they are wanted."""


class MappedBuffer(Shared):
    """One allocation for both sides: unmapping gives it to the device, mapping takes it back."""

    def _open(self) -> Bytes:
        import pyopencl as cl

        size = -(-self.nbytes // _PAGE) * _PAGE
        host = _aligned(np.zeros(size + _PAGE, np.uint8), size)
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        self._buffer = cl.Buffer(self._device.context, flags, hostbuf=host)
        self.memory = Memory(self._buffer)
        mapped = self._mapped = _map(self._device, self._buffer)
        self._device.queue.finish()
        # OpenCL promises this pointer even where a driver copies on mapping; a device that says
        # its memory is the host's has nothing to copy to.
        same = mapped.ctypes.data == host.ctypes.data
        self.zero_copy = same and self._device.unified_memory
        return host[: self.nbytes]

    def _to_device(self, wanted: bool) -> None:
        self._mapped.base.release(self._device.queue)

    def _to_host(self, wanted: bool) -> None:
        self._mapped = _map(self._device, self._buffer)


class StagedBuffer(Shared):
    """A device buffer and a pinned host buffer that stays mapped; every hand-over is one copy."""

    def _open(self) -> Bytes:
        import pyopencl as cl

        self.zero_copy = False
        self._buffer = cl.Buffer(self._device.context, cl.mem_flags.READ_WRITE, self.nbytes)
        self.memory = Memory(self._buffer)
        size = self.nbytes + _PAGE
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.ALLOC_HOST_PTR
        pinned = cl.Buffer(self._device.context, flags, size)
        mapped = _map(self._device, pinned)
        self._device.queue.finish()
        self._copy: cl.Event | None = None
        return _aligned(mapped, self.nbytes)

    def _to_device(self, wanted: bool) -> None:
        if wanted:
            self._enqueue_copy(self._buffer, self._host)

    def _to_host(self, wanted: bool) -> None:
        if wanted:
            self._enqueue_copy(self._host, self._buffer)

    def _enqueue_copy(self, target: Any, source: Any) -> None:
        import pyopencl as cl

        # The event is kept: pyopencl waits for the copy when such an event is dropped.
        self._copy = cl.enqueue_copy(self._device.queue, target, source, is_blocking=False)


def _map(device: OpenClDevice, buffer: cl.Buffer) -> Any:
    """A buffer's bytes, valid once the queue got there; `.base` is the mapping."""
    import pyopencl as cl

    access: Any = cl.map_flags.READ | cl.map_flags.WRITE
    where = (buffer.size,)
    return cl.enqueue_map_buffer(device.queue, buffer, access, 0, where, np.dtype(np.uint8), is_blocking=False)[0]


def _aligned(raw: Bytes, nbytes: int) -> Bytes:
    first = -raw.ctypes.data % _PAGE
    return raw[first : first + nbytes]
