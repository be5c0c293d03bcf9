"""OpenCL entry points by address: what a recording or a shared buffer calls without pyopencl in between."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

Array = np.ndarray[Any, Any]


@cache
def library() -> ctypes.CDLL | None:
    """The OpenCL loader pyopencl has in this process, None where it cannot be found."""
    try:
        with open("/proc/self/maps") as maps:
            paths = [line.split(maxsplit=5)[-1].strip() for line in maps if "libOpenCL" in line]
        return ctypes.CDLL(paths[0] if paths else "OpenCL")
    except OSError:
        return None


def address(name: str) -> int:
    """Where an entry point lies; 0 where the loader cannot be found."""
    found = library()
    return ctypes.cast(getattr(found, name), ctypes.c_void_p).value or 0 if found else 0


@intrinsic  # type: ignore[untyped-decorator]
def _enqueue(
    typing: Any, entry: Any, queue: Any, kernel: Any, axes: Any, sizes: Any, groups: Any
) -> Any:
    """clEnqueueNDRangeKernel through its address; `sizes` and `groups` are addresses of size_t[3]."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        i32, i64 = ir.IntType(32), ir.IntType(64)
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(
            i32, [pointer, pointer, i32, pointer, pointer, pointer, i32, pointer, pointer]
        )
        null = cgutils.get_null_value(pointer)
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

    assert i64_all(entry, queue, kernel, axes, sizes, groups)
    return types.int32(*(types.int64,) * 6), generate


def i64_all(*arguments: Any) -> bool:
    """Whether every argument's type is int64, which the generated call counts on."""
    return all(argument == types.int64 for argument in arguments)


@intrinsic  # type: ignore[untyped-decorator]
def _flush(typing: Any, entry: Any, queue: Any) -> Any:
    """clFlush through its address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.IntType(32), [pointer])
        return builder.call(
            builder.inttoptr(args[0], function.as_pointer()), [builder.inttoptr(args[1], pointer)]
        )

    return types.int32(types.int64, types.int64), generate


@njit("int64(int64, int64, int64, int64[::1], int64, int64)", nogil=True, cache=True)  # type: ignore[untyped-decorator]
def replay(enqueue: int, flush: int, queue: int, kernels: Array, sizes: int, groups: int) -> int:
    """Enqueue every kernel, in order, and flush.

    `sizes` and `groups` are addresses of size_t[len(kernels)][3]. Returns 0, or the failing
    kernel's index + 1 times 65536 plus the error code's magnitude.
    """
    for i in range(len(kernels)):
        code = _enqueue(enqueue, queue, kernels[i], 3, sizes + 24 * i, groups + 24 * i)
        if code != 0:
            return (i + 1) * 65536 - np.int64(code)
    _flush(flush, queue)
    return 0
