"""OpenCL entry points by address: what a recording or a shared buffer calls without pyopencl in between."""

# Numba has no types, and its intrinsics take an argument less than they are declared with.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,call-arg,var-annotated,untyped-decorator"
from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.devices.device import DriverError
from engine.devices.replay import native
from kernels.cpu.compiler import intrinsic, ir, types
from kernels.cpu.record import integers

if TYPE_CHECKING:
    import numpy as np
    import pyopencl as cl

CopyName = Literal["clEnqueueReadBuffer", "clEnqueueWriteBuffer"]
READ: CopyName = "clEnqueueReadBuffer"
WRITE: CopyName = "clEnqueueWriteBuffer"


@cache
def library() -> ctypes.CDLL | None:
    """The OpenCL loader pyopencl has in this process, None where it cannot be found."""
    try:
        with Path("/proc/self/maps").open() as maps:
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps if "libOpenCL" in line]
        return ctypes.CDLL(paths[0] if paths else "OpenCL")
    except OSError:
        return None


def address(name: str) -> int:
    """Where an entry point lies; 0 where the loader cannot be found."""
    found = library()
    return ctypes.cast(getattr(found, name), ctypes.c_void_p).value or 0 if found else 0


@cache
def _copies(name: str) -> Any:
    """An entry point that enqueues a copy, None where the loader cannot be found; it keeps the interpreter's lock."""
    where, word = address(name), ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(
        ctypes.c_int, word, word, ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t, word, ctypes.c_uint, word, word
    )
    return kind(where) if where else None


def copy(queue: cl.CommandQueue, buffer: cl.Buffer, array: np.ndarray[Any, Any], name: CopyName) -> None:
    """Enqueue a copy of all of an array's bytes from, or to, the begin of a buffer, and flush.

    The caller keeps both alive. There is no event: dropping pyopencl's waits for the copy, lock and all. Raises
    DriverError.
    """
    enqueue = _copies(name)
    if enqueue is None:
        import pyopencl as cl

        ends = (array, buffer) if name == READ else (buffer, array)
        cl.enqueue_copy(queue, *ends)
        return
    code = enqueue(queue.int_ptr, buffer.int_ptr, 0, 0, array.nbytes, array.ctypes.data, 0, None, None)
    if code:
        raise DriverError(f"{name} of {array.nbytes} bytes failed with OpenCL error {code}")
    queue.flush()


@intrinsic
def _enqueue(typing: Any, entry: Any, queue: Any, kernel: Any, axes: Any, sizes: Any, groups: Any) -> Any:
    """ClEnqueueNDRangeKernel through its address; `sizes` and `groups` are addresses of size_t[3]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        i32 = ir.IntType(32)
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(i32, [pointer, pointer, i32, pointer, pointer, pointer, i32, pointer, pointer])
        null = ir.Constant(pointer, None)
        entry, queue, kernel, axes, sizes, groups = args
        return builder.call(
            builder.inttoptr(entry, function.as_pointer()),
            [
                builder.inttoptr(queue, pointer),
                builder.inttoptr(kernel, pointer),
                builder.trunc(axes, i32),
                null,
                builder.inttoptr(sizes, pointer),
                builder.inttoptr(groups, pointer),
                i32(0),
                null,
                null,
            ],
        )

    return types.int32(*(types.int64,) * 6), generate


@intrinsic
def _flush(typing: Any, entry: Any, queue: Any) -> Any:
    """ClFlush through its address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.IntType(32), [pointer])
        return builder.call(builder.inttoptr(args[0], function.as_pointer()), [builder.inttoptr(args[1], pointer)])

    return types.int32(types.int64, types.int64), generate


@native("int64(int64, int64, int64, int64, int64, int64, int64)")
def replay(enqueue, flush, queue, kernels, count, sizes, groups):
    """Enqueue every kernel, in order, and flush.

    kernels, sizes, groups: addresses of cl_kernel[count], size_t[count][3], size_t[count][3]. Returns 0, or the
    failing kernel's index + 1 times 65536 plus the error code's magnitude.
    """
    handles = integers(kernels)
    for i in range(count):
        code = _enqueue(enqueue, queue, handles[i], 3, sizes + 24 * i, groups + 24 * i)
        if code != 0:
            return (i + 1) * 65536 - code
    _flush(flush, queue)
    return 0
