"""Lane: an in-order queue of OpenCL, and what can be enqueued in it, as commands."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.devices import entry
from engine.devices.command import Called, Command
from engine.devices.device import DriverError
from engine.devices.native import Native

if TYPE_CHECKING:
    import pyopencl as cl

Words = np.ndarray[Any, np.dtype[np.int64]]
CopyName = Literal["clEnqueueReadBuffer", "clEnqueueWriteBuffer"]
READ: CopyName = "clEnqueueReadBuffer"
WRITE: CopyName = "clEnqueueWriteBuffer"


class Lane:
    """A queue. Its commands keep alive what they name; those of different lanes may run at the same time.

    Where the loader of OpenCL cannot be found in this process, they go through pyopencl, and need the interpreter.
    """

    def __init__(self, queue: cl.CommandQueue) -> None:
        self.queue = queue

    @cached_property
    def finish(self) -> Command:
        """Wait until everything in the queue has ended."""
        return self._command(entry.finish, "clFinish", (self.queue.int_ptr,), self.queue.finish, "")

    def launches(
        self,
        kernels: Words,
        sizes: np.ndarray[Any, Any],
        groups: np.ndarray[Any, Any],
        error: Callable[[int], BaseException],
        otherwise: Callable[[], object],
        *keep: Any,
    ) -> Command:
        """Enqueue kernels, by handle, in order: int64 [count], and their sizes and groups, uint64 [count, 3].

        `error` is told what `entry.launch` returns; `otherwise` does the same where there is no loader; `keep` is what
        the handles are of.
        """
        enqueue, flush = entry.address("clEnqueueNDRangeKernel"), entry.address("clFlush")
        if not enqueue:
            return Called(otherwise)
        arrays = kernels, sizes, groups
        words = (enqueue, flush, self.queue.int_ptr, *(each.ctypes.data for each in arrays), len(kernels))
        return Command(entry.launch, words, error, self.queue, *arrays, *keep)

    def copy(self, buffer: cl.Buffer, nbytes: int, host: Words, name: CopyName, *keep: Any) -> Command:
        """Copy so many bytes from, or to, the begin of a buffer to, or from, the address in `host[0]`.

        There is no event: dropping pyopencl's waits for the copy.
        """

        def otherwise() -> None:
            import pyopencl as cl

            there = (ctypes.c_uint8 * nbytes).from_address(int(host[0]))
            cl.enqueue_copy(self.queue, *((there, buffer) if name == READ else (buffer, there)))

        words = entry.address("clFlush"), self.queue.int_ptr, buffer.int_ptr, nbytes, host.ctypes.data
        return self._command(entry.copy, name, words, otherwise, f"{nbytes} bytes", buffer, host, *keep)

    def mapping(self, buffer: cl.Buffer, host: int, mapped: Words) -> tuple[Command, Command]:
        """Map a whole buffer to the address where the host has its bytes, and end that.

        Meanwhile `mapped[0]` is 1, else 0.
        """
        standing: list[Any] = []

        def begin() -> None:
            import pyopencl as cl

            access: Any = cl.map_flags.READ | cl.map_flags.WRITE
            where, kind = (buffer.size,), np.dtype(np.uint8)
            standing[:] = cl.enqueue_map_buffer(self.queue, buffer, access, 0, where, kind, is_blocking=False)
            mapped[0] = 1

        def end() -> None:
            if mapped[0]:
                standing[0].base.release(self.queue)
                mapped[0] = 0

        queue, handle, flag = self.queue.int_ptr, buffer.int_ptr, mapped.ctypes.data
        made = entry.address("clFlush"), queue, handle, buffer.size, 0, flag
        ended = queue, handle, host, flag
        keep = f"{buffer.size} bytes", buffer, mapped
        return (
            self._command(entry.map_buffer, "clEnqueueMapBuffer", made, begin, *keep),
            self._command(entry.unmap_buffer, "clEnqueueUnmapMemObject", ended, end, *keep),
        )

    def _command(
        self, native: Native, name: str, words: Sequence[int], otherwise: Callable[[], object], size: str, *keep: Any
    ) -> Command:
        where = entry.address(name)
        if not where:
            return Called(otherwise)
        said = f"{name} of {size}" if size else name
        return Command(
            native,
            (where, *words),
            lambda code: DriverError(f"{said} failed with OpenCL error {code}"),
            self.queue,
            *keep,
        )
