"""Winograd's convolution on the CPU: 3x3 windows at stride 1 by fewer multiplications.

Taken over all channels, Winograd's products are (m + 2)^2 matrix products, which the dense tiles do.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import IDENTITY, clamp_of
from kernels.cpu.chain import pass_on, tail
from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.dense import TASK_FLOPS, choose_tile, dense_kernel, tile_cycles
from kernels.cpu.pad import pad
from kernels.cpu.record import kernel, number
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import add, f32, fma, i64, load, maximum, minimum, pointer_ir, splat, store, vector_call_ir
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, read, scratch, write
from kernels.winograd import matrices, transformed

Array = np.ndarray[Any, Any]
BYTES_A_CYCLE = 8  # what the third-level cache gives a core


def _combine(builder, coefficients, values, lanes):
    """The sum of coefficient x value, as few operations as the zeros and ones allow."""
    total = None
    for factor, value in zip(coefficients, values, strict=True):
        if factor == 0:
            continue
        if total is None:
            total = value if factor == 1 else builder.fmul(value, ir.Constant(value.type, [float(factor)] * lanes))
        elif abs(factor) == 1:
            total = builder.fadd(total, value) if factor > 0 else builder.fsub(total, value)
        else:
            total = vector_call_ir(builder, "fmuladd", [value, ir.Constant(value.type, [float(factor)] * lanes), total])
    return total


@intrinsic(prefer_literal=True)
def transform(typing, source, source_row, source_step, target, target_row, target_step, size, outwards, lanes):
    """T = M S M' of one tile of vectors, M being A' (`outwards` 1) or B' (0).

    Addresses in bytes; S's element (i, j) lies i * source_row + j * source_step elements on, T's likewise.
    """
    literals = (size, outwards, lanes)
    signature = types.void(*[types.int64] * 6, *literals)
    size, outwards, lanes = (literal.literal_value for literal in literals)
    matrix = matrices(size)[0 if outwards else 2]
    rows, columns = matrix.shape

    def codegen(context, builder, signature, arguments):
        source, source_row, source_step, target, target_row, target_step = arguments[:6]
        vector = ir.VectorType(f32(), lanes)

        def place(base, row, step, i, j):
            offset = builder.add(builder.mul(row, ir.Constant(i64(), i)), builder.mul(step, ir.Constant(i64(), j)))
            return pointer_ir(builder, builder.add(base, builder.shl(offset, ir.Constant(i64(), 2))), vector)

        half = [[cgutils.alloca_once(builder, vector) for _ in range(columns)] for _ in range(rows)]
        for j in range(columns):
            column = [builder.load(place(source, source_row, source_step, i, j), align=4) for i in range(columns)]
            for i in range(rows):
                builder.store(_combine(builder, matrix[i], column, lanes), half[i][j])
        for i in range(rows):
            row = [builder.load(slot) for slot in half[i]]
            for j in range(rows):
                value = _combine(builder, matrix[j], row, lanes)
                builder.store(value, place(target, target_row, target_step, i, j), align=4)
        return context.get_dummy_value()

    return signature, codegen


@cache
def input_kernel(size: int, lanes: int) -> Any:
    """Compiled kernel.

    Record: padded, V; blocks, tile rows, tile columns, padded row and image (elements), tiles of all images. A task
    is a row of tiles of a block of an image. V lies as [(size + 2)^2][block][tile][lanes].
    """

    def forward(args: Any, task: Any) -> None:
        blocks, high, wide, tiles = args[2], args[3], args[4], args[7]
        image, block, row = task // (blocks * high), task // high % blocks, task % high
        plane = args[6] // blocks
        x = args[0] + (image * args[6] + block * plane + row * size * args[5]) * 4
        first = (image * high + row) * wide
        v = args[1] + (block * tiles + first) * lanes * 4
        position = blocks * tiles * lanes
        for column in range(wide):
            transform(
                x + column * size * lanes * 4, args[5], lanes, v + column * lanes * 4, (size + 2) * position, position,
                size, 0, lanes,
            )  # fmt: skip

    return kernel(forward)


@cache
def output_kernel(size: int, lanes: int) -> Any:
    """Compiled kernel.

    Record: M, bias, residual, y, space; blocks, tile rows, tile columns, height, width, y's and the residual's image
    strides, tiles of all images; low, high, slope; a chain. A task is a row of tiles of a block of an image, and has
    one tile of `space` to itself. M lies as V does.
    """

    def backward(args: Any, task: Any) -> None:
        blocks, high, wide, height, width, tiles = args[5], args[6], args[7], args[8], args[9], args[12]
        image, block, row = task // (blocks * high), task // high % blocks, task % high
        position = blocks * tiles * lanes
        m = args[0] + (block * tiles + (image * high + row) * wide) * lanes * 4
        space = args[4] + task * size * size * lanes * 4
        bias = load(args[1] + block * lanes * 4, lanes)
        low, top = splat(number(args, 13), lanes), splat(number(args, 14), lanes)
        slope, zero = splat(number(args, 15), lanes), splat(0.0, lanes)
        for column in range(wide):
            transform(
                m + column * lanes * 4, (size + 2) * position, position, space, size * lanes, lanes, size, 1, lanes
            )
            for i in range(min(size, height - row * size)):
                place = ((block * height + row * size + i) * width + column * size) * lanes
                for j in range(min(size, width - column * size)):
                    value = add(load(space + (i * size + j) * lanes * 4, lanes), bias)
                    if args[2] != 0:
                        value = add(value, load(args[2] + (image * args[11] + place + j * lanes) * 4, lanes))
                    clamped = minimum(top, maximum(low, value))
                    out = args[3] + (image * args[10] + place + j * lanes) * 4
                    store(out, fma(slope, minimum(value, zero), clamped))
        for i in range(row * size, min(height, row * size + size)):
            place = args[3] + (image * args[10] + (block * height + i) * width * lanes) * 4
            pass_on(args, 16, place, width * lanes, image, block, i * width * lanes)

    return kernel(backward)


def serves(call: Call) -> bool:
    """Whether the convolution is one of Winograd's: dense, 3x3, stride 1, blocked."""
    given = call.attributes
    square = tuple(given["kernel_shape"]) == (3, 3) and tuple(given["strides"]) == (1, 1)
    return square and tuple(given["dilations"]) == (1, 1) and given["group"] == 1 and call.need(0).layout == "blocked"


def cycles(call: Call, target: CpuTarget, size: int) -> float:
    """About how many cycles `lower` takes: the products, or fetching their weights, and the transforms."""
    x, y = call.need(0), call.outputs[0]
    n, c = x.shape[:2]
    positions = (size + 2) ** 2
    tiles = n * -(-y.shape[2] // size) * -(-y.shape[3] // size)
    product = c * tile_cycles(tiles, y.blocks, *choose_tile(tiles, y.blocks, target.registers))
    weights = 4 * c * y.blocks * y.block / BYTES_A_CYCLE
    moved = 2 * 4 * tiles * (x.blocks + y.blocks) * y.block / BYTES_A_CYCLE
    return positions * (max(product, weights) + moved)


def lower(call: Call, target: CpuTarget, size: int) -> CpuLowering:
    """Lower a convolution that `serves`, by output tiles of `size`: pad, transform, multiply, transform back."""
    x, y = call.need(0), call.outputs[0]
    n, _, h, w = x.shape
    k, height, width = y.shape[1:]
    lanes, edge = y.block, size + 2
    high, wide = -(-height // size), -(-width // size)
    tiles = n * high * wide
    top, left, _, _ = call.attributes["pads"]
    pads = (top, left, high * size + 2 - h - top, wide * size + 2 - w - left)
    row = (w + pads[1] + pads[3]) * lanes
    image = x.blocks * (h + pads[0] + pads[2]) * row
    forward = CpuStep(
        input_kernel(size, lanes).address, (scratch(0), scratch(1)),
        (x.blocks, high, wide, row, image, tiles), n * x.blocks * high, "winograd in",
    )  # fmt: skip
    residual = call.given(3)
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[:k] = call.constants[2]
    tasks = n * y.blocks * high
    chain = tail(call, lanes)
    backward = CpuStep(
        output_kernel(size, lanes).address,
        (scratch(2), constant(bias), ABSENT if residual is None else read(3), write(), scratch(3), *chain),
        (
            y.blocks, high, wide, height, width, y.stride, residual.stride if residual else 0, tiles,
            *clamp_of(call),
        ),
        tasks, "winograd out", len(chain),
    )  # fmt: skip
    product = _product(call, target, size, tiles)
    positions = edge * edge * tiles * lanes * 4
    nbytes = (n * image * 4, positions * x.blocks, positions * y.blocks, tasks * size * size * lanes * 4)
    return CpuLowering((pad(x, pads), forward, product, backward), nbytes)


def _product(call: Call, target: CpuTarget, size: int, tiles: int) -> CpuStep:
    """The matrix products, one for each place in a tile: images of one row to the tiles of convolution."""
    x, y = call.need(0), call.outputs[0]
    c, lanes, edge = x.shape[1], y.block, size + 2
    weights = np.zeros((y.blocks * lanes, c, 3, 3), np.float32)
    weights[: y.shape[1]] = call.constants[1]
    places = transformed(weights, size).reshape(edge * edge, -1, lanes, c)
    pixels, blocks = choose_tile(tiles, y.blocks, target.registers)
    firsts = [min(i, y.blocks - blocks) for i in range(0, y.blocks, blocks)]
    packed = np.stack([places[:, first : first + blocks] for first in firsts], 1).transpose(0, 1, 2, 4, 3)
    groups = np.array([[first, 0, x.blocks, i * blocks * c * lanes] for i, first in enumerate(firsts)], np.int64)
    runs = [[b * tiles * lanes, min(lanes, c - b * lanes)] for b in range(x.blocks)]
    count = -(-tiles // pixels)
    each = min(count, max(1, round(TASK_FLOPS / (2.0 * c * lanes * blocks * pixels))))
    parts = -(-count // each)
    numbers = (
        edge * edge, len(firsts), parts, each, 1, tiles, x.blocks * tiles * lanes, 0, lanes,
        y.blocks * tiles * lanes, 0, lanes, tiles * lanes, c * lanes, y.blocks * lanes, *IDENTITY,
        len(firsts) * blocks * c * lanes, 0, 0,
    )  # fmt: skip
    operands = (
        scratch(1), constant(packed), constant(np.zeros(y.blocks * lanes, np.float32)), ABSENT,
        scratch(2), constant(np.array(runs, np.int64)), constant(groups),
    )  # fmt: skip
    return CpuStep(
        dense_kernel(pixels, blocks, lanes).address, operands, numbers, edge * edge * len(firsts) * parts, "winograd"
    )
