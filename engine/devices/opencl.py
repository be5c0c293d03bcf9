"""OpenClDevice: an OpenCL device as the engine sees it: memory, queues, programs, recordings."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.devices.device import Bound, Device, DriverError, Memory
from engine.devices.interned import Interned
from engine.devices.lane import Lane
from engine.devices.programs import Programs
from engine.devices.recording import OpenClRecording
from engine.tuning.store import Key, tunings
from kernels.op import Call, GpuLowering, Op
from kernels.opencl.target import GpuTarget
from kernels.space import Choice

if TYPE_CHECKING:
    import pyopencl as cl

    from engine.devices.guard import Guard

_log = logging.getLogger("hetero")
_PREFETCHING = ("Portable Computing Language", "Intel(R) OpenCL")  # platforms; others refused to compile it
_ALIGNMENT = 256  # bytes, of a constant among others
AHEAD = 2  # frames that a real GPU is given beside the one that will be the first to end


class OpenClDevice(Device):
    """One OpenCL device; context and queues are made on first use.

    A real GPU is given several frames at once, each on a queue of its slot's: while one waits for the host, or leaves
    a part of the device idle, another works. One thread had better enqueue them all: drivers let in one at a time. An
    emulated GPU has a single queue.

    Memory bases are `pyopencl.Buffer`. An operand's offset counts 4-byte words, whatever its type.
    """

    kind: Literal["cpu", "gpu"] = "gpu"

    def __init__(self, device: cl.Device) -> None:
        import pyopencl as cl

        self.handle = device
        self.name = " ".join(device.name.split())
        self.emulated = bool(device.type & cl.device_type.CPU)
        self.unified_memory = bool(device.host_unified_memory)
        self.compute_units = int(device.max_compute_units)
        self.driver = f"{device.platform.name.strip()} {device.driver_version}"
        self.failures = (cl.Error, DriverError)
        self.ahead = 0 if self.emulated else AHEAD
        self._told = False  # that it was never tuned
        self._lanes: dict[int, Lane] = {}
        self._constants: Interned[cl.Buffer] = Interned()

    def __repr__(self) -> str:
        return f"OpenClDevice({self.name!r}, {self.driver!r})"

    @cached_property
    def target(self) -> GpuTarget:
        """What lowerings may know about this device, with what was tuned for it."""
        device = self.handle
        return GpuTarget(
            name=self.name,
            simt=not self.emulated,
            compute_units=self.compute_units,
            local_memory=int(device.local_mem_size),
            max_work_group=int(device.max_work_group_size),
            vector_width=_vector_width(device),
            half="cl_khr_fp16" in device.extensions,
            prefetches=device.platform.name.strip() in _PREFETCHING,
            tunings=tunings(self.name, self.driver),
        )

    @cached_property
    def guard(self) -> Guard:
        """Who knows what must not run here, and tries what nobody knows."""
        from engine.devices.guard import guard

        return guard(self)

    @cached_property
    def programs(self) -> Programs:
        """The programs built for this device."""
        return Programs(self.context, self.handle, f"{self.name} {self.driver}")

    @cached_property
    def context(self) -> cl.Context:
        """The context of this device alone."""
        import pyopencl as cl

        return cl.Context([self.handle])

    @cached_property
    def queue(self) -> cl.CommandQueue:
        """The in-order queue of launches that belong to no slot."""
        import pyopencl as cl

        return cl.CommandQueue(self.context)

    def lane(self, slot: int) -> Lane:
        """What a slot's frames run on; one for all where no frame is begun beside another."""
        import pyopencl as cl

        number = slot if self.ahead else -1
        if number not in self._lanes:
            self._lanes.setdefault(number, Lane(cl.CommandQueue(self.context) if self.ahead else self.queue))
        return self._lanes[number]

    @cached_property
    def profiling_queue(self) -> cl.CommandQueue:
        """One that takes times; kept apart because it makes launches dearer."""
        import pyopencl as cl

        return cl.CommandQueue(self.context, properties=cl.command_queue_properties.PROFILING_ENABLE)

    def tuned(self, tunings: Mapping[Key, Choice]) -> None:
        """Have lowerings choose by these from now on."""
        self.target = replace(self.target, tunings=tunings)

    def lower(self, op: Op, call: Call) -> GpuLowering | None:
        """The operator's launches on this device, None where it has no kernel, or none that works."""
        if op.gpu is None:
            return None
        if not (self.target.tunings or self.emulated or self._told):
            self._told = True
            _log.info("%s was never tuned and runs by defaults; `hetero tune MODEL` may find faster ways", self.name)
        for target in (self.target, replace(self.target, tunings={})):
            lowering = op.gpu(call, target)
            if lowering is None or self.guard.passes(op, call, lowering):
                return lowering
        return None

    def allocate(self, nbytes: int) -> cl.Buffer:
        """A buffer of this device, written to once: drivers put off finding memory until then."""
        import pyopencl as cl

        buffer = cl.Buffer(self.context, cl.mem_flags.READ_WRITE, max(nbytes, 64))
        cl.enqueue_fill_buffer(self.queue, buffer, np.zeros(1, np.uint8), 0, buffer.size).wait()
        return buffer

    def upload(self, array: np.ndarray[Any, Any]) -> cl.Buffer:
        """A buffer with an array's bytes; an empty array gets one that nobody reads."""
        import pyopencl as cl

        if array.nbytes == 0:
            return self.allocate(0)
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
        return _buffer_type()(self.context, flags, hostbuf=np.ascontiguousarray(array))

    def download(self, memory: cl.Buffer, nbytes: int) -> np.ndarray[Any, Any]:
        """A copy of a buffer's first bytes; waits for what is enqueued."""
        import pyopencl as cl

        array = np.empty(nbytes, np.uint8)
        if nbytes:
            cl.enqueue_copy(self.queue, array, memory)
        return array

    def upload_all(self, arrays: Sequence[np.ndarray[Any, Any]]) -> list[Memory]:
        """All constants in one buffer, where one may be so large: steps that share memory can share a launch."""
        ends = list(accumulate(-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for array in arrays))
        if not ends or ends[-1] > self.handle.max_mem_alloc_size:
            return super().upload_all(arrays)
        whole, begins = np.zeros(ends[-1], np.uint8), [0, *ends[:-1]]
        for begin, array in zip(begins, arrays, strict=True):
            whole[begin : begin + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        buffer = self._constants.get(whole, self.upload)
        return [Memory(buffer, begin) for begin in begins]

    def record(self, steps: Sequence[Bound], slot: int = 0) -> OpenClRecording:
        """Launches made ready to replay on a slot's queue, their programs built."""
        return OpenClRecording(self, steps, self.lane(slot))


@cache
def _buffer_type() -> type[cl.Buffer]:
    """Buffers that can be referred to weakly."""
    import pyopencl as cl

    class Buffer(cl.Buffer):
        pass

    return Buffer


def _vector_width(device: cl.Device) -> int:
    """Float32 lanes of the registers that a driver generates code for."""
    if "LLVM 14" in device.platform.version and "AMD" in device.name:
        return 8  # PoCL 3.0 says 16 on a processor with AVX-512, but its LLVM knows Zen up to AVX2
    return max(1, int(device.native_vector_width_float))
