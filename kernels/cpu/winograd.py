"""Winograd's convolution on the CPU: 3x3 windows at stride 1 by fewer multiplications.

Taken over all channels, Winograd's products are (m + 2)^2 matrix products (`paired.py`). An image goes through in bands
of tiles: what a band makes on its way, inputs transformed and products to be transformed back, stays in the
second-level cache of the core that does it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu.chain import pass_on, tail
from kernels.cpu.paired import choose_pixels, pair_cycles, paired_kernel
from kernels.cpu.record import invoke, kernel, number
from kernels.cpu.target import CpuTarget
from kernels.cpu.transform import transform
from kernels.cpu.vector import add, fma, load, maximum, minimum, splat, store
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, private, read, write
from kernels.space import Choice, Question, Space, Tunable
from kernels.winograd import POINTS, values

TRANSFORM = 3  # cycles a vector of a tile takes to be transformed
PRODUCT = 40  # cycles to begin a product
NEAR, FAR = 64, 8  # bytes of weights a cycle that a core gets from the next cache, and from memory
SPILLED = 24  # bytes a cycle of what a band has in the next cache because its own is too small

SPACE = Space(
    "convolution",
    (
        Tunable("size", (0, *POINTS), "outputs of Winograd's tiles, each way; 0: none, directly"),
        Tunable("tiles", (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256), "tiles of a band, at most"),
        Tunable("parts", (1, 2, 3, 4, 6, 8, 12, 16, 24, 32), "tasks that share a band, each some output channels"),
    ),
    ("cpu/winograd.py", "cpu/transform.py", "cpu/paired.py", "cpu/conv.py", "cpu/dense.py", "cpu/tile.py"),
)


@cache
def band_kernel(size: int, lanes: int) -> Any:
    """Compiled kernel of a band of tiles, in four parts: transform, multiply, transform back, chain.

    Record: x, weights, bias, residual, y, a thread's own memory; the products' kernel and its pixels; tiles of all
    images, of a band, tile rows and columns of an image; parts; channels, blocks, height, width and image stride of x,
    blocks, height, width and image stride of y, the residual's image stride; pads above and on the left; low, high,
    slope; a chain. Weights lie as [block][size + 2][channel][3][lanes]. A task is a part of the output blocks of a
    band. In its thread's memory are one tile, then V [(size + 2)^2][block][tile][lanes], then M likewise for one block.
    """

    def band(args: Any, task: Any) -> None:
        pixels, each, high, wide, parts, channels = args[7], args[9], args[10], args[11], args[12], args[13]
        blocks, height, width, out_blocks = args[14], args[15], args[16], args[18]
        begin = task // parts * each
        end = min(begin + each, args[8])
        edge, vector = size + 2, lanes * 4
        tile = args[5]
        v = tile + edge * edge * vector
        # Neither is a multiple of a page: what belongs to one tile shall not meet in one set of the first cache.
        pitch, out_pitch = blocks * each + 1, each + 1
        m = v + edge * edge * pitch * vector
        zero = splat(0.0, lanes)
        for block in range(blocks):
            line, column = begin // wide, begin % wide
            x = args[0] + (line // high * args[17] + block * height * width * lanes) * 4
            top = line % high * size - args[23]
            for i in range(end - begin):
                left = column * size - args[24]
                row, step = x + (top * width + left) * vector, width * lanes
                if top < 0 or left < 0 or top + edge > height or left + edge > width:
                    for j in range(edge):
                        for k in range(edge):
                            down, across = top + j, left + k
                            if down < 0 or across < 0 or down >= height or across >= width:
                                store(tile + (j * edge + k) * vector, zero)
                            else:
                                store(tile + (j * edge + k) * vector, load(x + (down * width + across) * vector, lanes))
                    row, step = tile, edge * lanes
                transform(
                    row, step, lanes, v + (block * each + i) * vector, edge * pitch * lanes, pitch * lanes,
                    size, 0, lanes,
                )  # fmt: skip
                column += 1
                if column == wide:
                    column, line = 0, line + 1
                    x = args[0] + (line // high * args[17] + block * height * width * lanes) * 4
                    top = line % high * size - args[23]
        low, top_most = splat(number(args, 25), lanes), splat(number(args, 26), lanes)
        slope = splat(number(args, 27), lanes)
        part = task % parts
        for block in range(out_blocks * part // parts, out_blocks * (part + 1) // parts):
            for i in range(edge):
                invoke(args[6], (
                    v + i * edge * pitch * vector, args[1] + (block * edge + i) * channels * 3 * vector,
                    m + i * edge * out_pitch * vector, max(end - begin, pixels), channels, pitch * vector,
                    each * vector, out_pitch * vector,
                ))  # fmt: skip
            bias = load(args[2] + block * vector, lanes)
            step = out_pitch * lanes
            product, i = m, begin
            while i < end:
                # The tiles of one row.
                image, top, start = i // wide // high, i // wide % high * size, i % wide * size
                count = min(end - i, wide - i % wide)
                rows, stop = min(size, args[19] - top), min(start + count * size, args[20])
                place = ((block * args[19] + top) * args[20] + start) * vector
                out, residual = args[4] + image * args[21] * 4 + place, args[3] + image * args[22] * 4 + place
                for tile_of_row in range(count):
                    transform(product, edge * step, step, tile, size * lanes, lanes, size, 1, lanes)
                    product += vector
                    at = tile_of_row * size
                    columns = min(size, stop - start - at)
                    for j in range(rows):
                        for k in range(columns):
                            value = add(load(tile + (j * size + k) * vector, lanes), bias)
                            offset = (j * args[20] + at + k) * vector
                            if args[3] != 0:
                                value = add(value, load(residual + offset, lanes))
                            clamped = minimum(top_most, maximum(low, value))
                            store(out + offset, fma(slope, minimum(value, zero), clamped))
                for j in range(rows):
                    pixel = (top + j) * args[20] + start
                    pass_on(args, 28, out + j * args[20] * vector, (stop - start) * lanes, image, block, pixel * lanes)
                i += count

    return kernel(band)


def serves(call: Call) -> bool:
    """Whether the convolution is one of Winograd's: dense, 3x3, stride 1, blocked."""
    given = call.attributes
    square = tuple(given["kernel_shape"]) == (3, 3) and tuple(given["strides"]) == (1, 1)
    return square and tuple(given["dilations"]) == (1, 1) and given["group"] == 1 and call.need(0).layout == "blocked"


class Bands:
    """How a convolution's tiles of one size are dealt to tasks."""

    def __init__(self, call: Call, target: CpuTarget, choice: Choice) -> None:
        y = call.outputs[0]
        self.size = choice["size"]
        self.high, self.wide = (-(-length // self.size) for length in y.shape[2:])
        self.tiles = y.shape[0] * self.high * self.wide
        self.count = -(-self.tiles // choice["tiles"])
        self.each = -(-self.tiles // self.count)
        self.pixels = choose_pixels(self.each, target.registers)
        self.parts = choice["parts"]
        inputs = call.need(0).blocks * self.each + 1
        self.room = 4 * y.block * (self.size + 2) ** 2 * (inputs + self.each + 2)


def cycles(call: Call, target: CpuTarget, choice: Choice) -> float:
    """About how many cycles a choice takes, the tasks dealt to the target's threads; infinite where it does not fit."""
    bands = Bands(call, target, choice)
    x, y = call.need(0), call.outputs[0]
    if bands.parts > y.blocks:
        return float("inf")
    edge, channels = bands.size + 2, x.shape[1]
    blocks = -(-y.blocks // bands.parts)
    weights = 4 * channels * y.block * 3
    a_row: float = TRANSFORM * edge * bands.each * (x.blocks + blocks) + PRODUCT * blocks
    a_row += blocks * (channels * edge / 2 * pair_cycles(bands.each, bands.pixels) + weights / NEAR)
    if bands.room > target.cache:
        a_row += 2 * 4 * edge * bands.each * x.blocks * y.block / SPILLED  # written, and read again
    rounds = -(-bands.count * bands.parts // target.workers)
    return edge * max(rounds * a_row, weights * y.blocks / (FAR * min(bands.parts, target.workers)))


def choose(call: Call, target: CpuTarget, directly: float) -> Choice:
    """How to compute a convolution that `serves`, which takes so many cycles directly: as tuned, or by the model."""
    x, y = call.need(0), call.outputs[0]

    def cost(choice: Choice) -> float:
        return cycles(call, target, choice) if choice["size"] else directly

    threads = f"{target.workers} thread" + "s" * (target.workers > 1)
    problem = f"{'x'.join(map(str, x.shape))} to {'x'.join(map(str, y.shape))} in blocks of {y.block}, {threads}"
    return target.choose(Question(SPACE, problem, min(SPACE.choices(), key=cost), cost))


def lower(call: Call, target: CpuTarget, choice: Choice) -> CpuLowering:
    """Lower a convolution that `serves` by a choice whose size is not 0."""
    x, y = call.need(0), call.outputs[0]
    bands = Bands(call, target, choice)
    c, lanes = x.shape[1], y.block
    packed = np.zeros((y.blocks, bands.size + 2, c, 3, lanes), np.float32)
    _, windows = values(bands.size)
    for block, place in enumerate(packed):  # one at a time: all in float64 would be the most memory of the start
        filters = call.constants[1][block * lanes : (block + 1) * lanes].astype(np.float64)
        place[..., : len(filters)] = np.tensordot(windows, filters, (1, 2)).transpose(0, 2, 3, 1)
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[: y.shape[1]] = call.constants[2]
    residual = call.given(3)
    chain = tail(call, lanes)
    operands = (
        read(0), constant(packed), constant(bias), ABSENT if residual is None else read(3), write(),
        private(bands.room),
    )  # fmt: skip
    numbers = (
        paired_kernel(bands.size, bands.pixels, lanes).address, bands.pixels, bands.tiles, bands.each, bands.high,
        bands.wide, bands.parts, c, x.blocks, *x.shape[2:], x.stride, y.blocks, *y.shape[2:], y.stride,
        residual.stride if residual else 0, *call.attributes["pads"][:2], *clamp_of(call),
    )  # fmt: skip
    tasks = bands.count * bands.parts
    step = CpuStep(band_kernel(bands.size, lanes).address, (*operands, *chain), numbers, tasks, "winograd", len(chain))
    return CpuLowering((step,))
