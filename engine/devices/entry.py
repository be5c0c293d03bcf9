"""OpenCL entry points by address, and native functions that call them: no interpreter in between."""

# Numba has no types, and its intrinsics take an argument less than they are declared with.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,call-arg,var-annotated,untyped-decorator"
from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from engine.devices.native import native
from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import integers
from kernels.cpu.vector import i64, pointer_ir

READ_AND_WRITE = 3  # flags of a mapping


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


@intrinsic
def _call(typing, entry, words):
    """Call an entry point of OpenCL with a tuple of int64; its int32, where that is what it returns.

    Integers that it takes shorter lie in the lower half of a register or a word of the stack.
    """

    def codegen(context, builder, signature, arguments):
        given = cgutils.unpack_tuple(builder, arguments[1])
        kind = ir.FunctionType(ir.IntType(32), [i64()] * len(given))
        return builder.sext(builder.call(pointer_ir(builder, arguments[0], kind), given), i64())

    return types.int64(types.int64, words), codegen


@native("int64(int64)")
def launch(words):
    """Enqueue every kernel, in order, and flush.

    words: clEnqueueNDRangeKernel, clFlush, queue; addresses of cl_kernel[count], size_t[count][3] and size_t[count][3]:
    kernels, sizes, groups; count. Returns 0, or the failing kernel's index + 1 times 65536 plus the error code's
    magnitude.
    """
    w = integers(words)
    handles = integers(w[3])
    for i in range(w[6]):
        code = _call(w[0], (w[2], handles[i], 3, 0, w[4] + 24 * i, w[5] + 24 * i, 0, 0, 0))
        if code != 0:
            return (i + 1) * 65536 - code
    _call(w[1], (w[2],))
    return 0


@native("int64(int64)")
def copy(words):
    """Enqueue a copy from, or to, the begin of a buffer, and flush.

    words: clEnqueueReadBuffer or clEnqueueWriteBuffer, clFlush, queue, buffer, bytes, where the host's address stands.
    Returns 0 or an error code.
    """
    w = integers(words)
    code = _call(w[0], (w[2], w[3], 0, 0, w[4], integers(w[5])[0], 0, 0, 0))
    if code != 0:
        return code
    return _call(w[1], (w[2],))


@native("int64(int64)")
def map_buffer(words):
    """Enqueue a buffer's mapping, whose address is known beforehand, and flush.

    words: clEnqueueMapBuffer, clFlush, queue, buffer, bytes, room for an error code; address of what is 1 while the
    buffer is mapped. Returns 0 or an error code.
    """
    w = integers(words)
    w[5] = 0
    _call(w[0], (w[2], w[3], 0, READ_AND_WRITE, 0, w[4], 0, 0, 0, words + 40))
    if w[5] != 0:
        return w[5] - (1 << 32)  # an int32 below zero
    integers(w[6])[0] = 1
    return _call(w[1], (w[2],))


@native("int64(int64)")
def unmap_buffer(words):
    """Enqueue the end of a mapping, if there is one.

    words: clEnqueueUnmapMemObject, queue, buffer, the host's address; address of what is 1 while the buffer is mapped.
    Returns 0 or an error code.
    """
    w = integers(words)
    mapped = integers(w[4])
    if mapped[0] == 0:
        return 0
    code = _call(w[0], (w[1], w[2], w[3], 0, 0, 0))
    if code == 0:
        mapped[0] = 0
    return code


@native("int64(int64)")
def tally(words):
    """Add to a count. words: its address, what to add. Returns 0."""
    w = integers(words)
    integers(w[0])[0] += w[1]
    return 0


@native("int64(int64)")
def finish(words):
    """Wait until a queue is empty. words: clFinish, queue. Returns 0 or an error code."""
    w = integers(words)
    return _call(w[0], (w[1],))
