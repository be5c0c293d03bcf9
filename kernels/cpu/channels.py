"""Channels picked from one or two blocked images, on the CPU: one pass, a pixel's block at a time."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,arg-type,call-arg,untyped-decorator"
from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu.record import kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import F32, I64, Vector, pointer_ir, store
from kernels.op import Call, CpuLowering, CpuStep, constant, read, write


@intrinsic(prefer_literal=True)
def pick(typing, first, second, offsets, lanes):
    """The vector of the numbers at `first`, or at `second` where an offset is odd, + the int64 byte offsets."""
    kind = Vector(lanes.literal_value)

    def codegen(context, builder, signature, arguments):
        table = pointer_ir(builder, arguments[2], I64)
        result = ir.Constant(ir.VectorType(F32, kind.lanes), ir.Undefined)
        for lane in range(kind.lanes):
            offset = builder.load(builder.gep(table, [ir.Constant(I64, lane)]))
            odd = builder.trunc(offset, ir.IntType(1))
            base = builder.select(odd, builder.sub(arguments[1], ir.Constant(I64, 1)), arguments[0])
            scalar = builder.load(pointer_ir(builder, builder.add(base, offset), F32))
            result = builder.insert_element(result, scalar, ir.Constant(ir.IntType(32), lane))
        return result

    return kind(types.int64, types.int64, types.int64, lanes), codegen


@cache
def channels_kernel(lanes: int) -> Any:
    """Compiled kernel.

    Record: the two images, y, offsets [block][lanes] in bytes from a pixel of the first block, odd for the second
    image; pixels a task, tasks a block, pixels, blocks, the image strides of both and of y.
    """

    def channels(args: Any, task: Any) -> None:
        parts, area, blocks = args[5], args[6], args[7]
        image, block = task // (parts * blocks), task // parts % blocks
        first, second = args[0] + image * args[8] * 4, args[1] + image * args[9] * 4
        y = args[2] + (image * args[10] + block * area * lanes) * 4
        offsets = args[3] + block * lanes * 8
        begin = task % parts * args[4]
        for pixel in range(begin, min(area, begin + args[4])):
            at = pixel * lanes * 4
            store(y + at, pick(first + at, second + at, offsets, lanes))

    return kernel(channels)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Channels, blocked in and out."""
    y, last = call.outputs[0], len(call.inputs) - 1
    n, _, h, w = y.shape
    lanes, area = y.block, h * w
    # Lanes beyond the channels repeat the first: any finite number will do there.
    spare = y.blocks * lanes - y.shape[1]
    picked = np.array((*call.attributes["picked"], *call.attributes["picked"][:1] * spare), np.int64)
    which, channel = picked.T
    offsets = 4 * (channel // lanes * area * lanes + channel % lanes) + which
    each, parts = split(area, lanes)
    numbers = (each, parts, area, y.blocks, call.need(0).stride, call.need(last).stride, y.stride)
    operands = (read(0), read(last), write(), constant(offsets))
    step = CpuStep(channels_kernel(lanes).address, operands, numbers, n * y.blocks * parts, "channels")
    return CpuLowering((step,))
