"""Channels picked from one or two blocked images, on the CPU: one pass, a pixel's block at a time."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,arg-type,call-arg,untyped-decorator"
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from kernels.cpu.compiler import intrinsic, ir, types
from kernels.cpu.record import kernel
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import f32, i64, pointer_ir, store, vector_type
from kernels.op import Call, CpuLowering, CpuStep, Spec, constant, read, write


@intrinsic(prefer_literal=True)
def gather(typing, first, second, offsets, images, lanes):
    """The vector of the numbers at `first` + the int64 byte offsets; of two `images`, at `second` where one is odd."""
    kind = vector_type(lanes.literal_value)
    both = images.literal_value == 2

    def codegen(context, builder, signature, arguments):
        table = pointer_ir(builder, arguments[2], i64())
        result = ir.Constant(ir.VectorType(f32(), kind.lanes), ir.Undefined)
        for lane in range(kind.lanes):
            offset = builder.load(builder.gep(table, [ir.Constant(i64(), lane)]))
            base = arguments[0]
            if both:
                odd = builder.trunc(offset, ir.IntType(1))
                base = builder.select(odd, builder.sub(arguments[1], ir.Constant(i64(), 1)), base)
            scalar = builder.load(pointer_ir(builder, builder.add(base, offset), f32()))
            result = builder.insert_element(result, scalar, ir.Constant(ir.IntType(32), lane))
        return result

    return kind(types.int64, types.int64, types.int64, images, lanes), codegen


@cache
def channels_kernel(images: int, lanes: int) -> Any:
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
            store(y + at, gather(first + at, second + at, offsets, images, lanes))

    return kernel(channels)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Channels, blocked in and out."""
    images = [call.need(i) for i in range(len(call.inputs))]
    return CpuLowering((pick(images, call.attributes["picked"], call.outputs[0]),))


def pick(images: Sequence[Spec], picked: tuple[tuple[int, int], ...], y: Spec, position: int = 0) -> CpuStep:
    """The step that makes the output at a position of channels, each (image, channel), of one or two blocked images."""
    n, _, h, w = y.shape
    lanes, area, last = y.block, h * w, len(images) - 1
    # Lanes beyond the channels repeat the first: any finite number will do there.
    spare = y.blocks * lanes - y.shape[1]
    which, channel = np.array((*picked, *picked[:1] * spare), np.int64).T
    offsets = 4 * (channel // lanes * area * lanes + channel % lanes) + which
    each, parts = split(area, lanes)
    numbers = (each, parts, area, y.blocks, images[0].stride, images[last].stride, y.stride)
    operands = (read(0), read(last), write(position), constant(offsets))
    return CpuStep(channels_kernel(len(images), lanes).address, operands, numbers, n * y.blocks * parts, "channels")
