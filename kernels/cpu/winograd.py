"""Winograd's convolution on the CPU: 3x3 windows at stride 1 by fewer multiplications.

Taken over all channels, Winograd's products are (m + 2)^2 matrix products, which the dense tiles do. An image goes
through in bands of tiles: what a band makes on its way, inputs transformed and products to be transformed back, stays
in the second-level cache of the core that does it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kernels.activation import IDENTITY, clamp_of
from kernels.cpu.chain import pass_on, tail
from kernels.cpu.dense import choose_tile, dense_kernel, tile_cycles
from kernels.cpu.record import invoke, kernel, number
from kernels.cpu.target import CpuTarget
from kernels.cpu.transform import transform
from kernels.cpu.vector import add, fma, load, maximum, minimum, splat, store
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, constant, private, read, write
from kernels.space import Choice, Question, Space, Tunable
from kernels.winograd import POINTS, transformed

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
    ("cpu/winograd.py", "cpu/transform.py", "cpu/conv.py", "cpu/dense.py", "cpu/tile.py"),
)


@cache
def band_kernel(size: int, lanes: int) -> Any:
    """Compiled kernel of a band of tiles, in four parts: transform, multiply, transform back, chain.

    Record: x, weights, bias, residual, y, a thread's own memory, zeros, the products' table and group; the products'
    kernel, its pixels and blocks; tiles of all images, of a band, tile rows and columns of an image; parts, groups;
    channels, blocks, height, width and image stride of x, blocks, height, width and image stride of y, the residual's
    image stride; pads above and on the left; low, high, slope; the products' low, high, slope; a chain. A task is a
    part of the groups of output blocks of a band. In its thread's memory are one tile, then
    V [(size + 2)^2][block][tile][lanes], then M likewise for the blocks of one group.
    """

    def band(args: Any, task: Any) -> None:
        pixels, several, each, high, wide = args[10], args[11], args[13], args[14], args[15]
        parts, groups, channels = args[16], args[17], args[18]
        blocks, height, width, out_blocks = args[19], args[20], args[21], args[23]
        begin = task // parts * each
        end = min(begin + each, args[12])
        edge, vector = size + 2, lanes * 4
        tile = args[5]
        v = tile + edge * edge * vector
        # Neither is a multiple of a page: what belongs to one tile shall not meet in one set of the first cache.
        pitch, out_pitch = blocks * each + 1, several * each + 1
        m = v + edge * edge * pitch * vector
        zero = splat(0.0, lanes)
        for block in range(blocks):
            line, column = begin // wide, begin % wide
            x = args[0] + (line // high * args[22] + block * height * width * lanes) * 4
            top = line % high * size - args[28]
            for i in range(end - begin):
                left = column * size - args[29]
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
                    x = args[0] + (line // high * args[22] + block * height * width * lanes) * 4
                    top = line % high * size - args[28]
        low, top_most = splat(number(args, 30), lanes), splat(number(args, 31), lanes)
        slope = splat(number(args, 32), lanes)
        panel = channels * several * vector
        part = task % parts
        for group in range(groups * part // parts, groups * (part + 1) // parts):
            first = min(group * several, out_blocks - several)
            for k in range(edge * edge):
                invoke(args[9], (
                    v + k * pitch * vector, args[1] + (group * edge * edge + k) * panel, args[6], 0,
                    m + k * out_pitch * vector, args[7], args[8], 1, 1, 1, each, 1, max(end - begin, pixels),
                    0, 0, lanes, 0, 0, lanes, each * lanes, channels * lanes, several * lanes,
                    args[33], args[34], args[35], 0, 0, 0, 0,
                ))  # fmt: skip
            # The last group may have begun anew with blocks of the one before.
            for block in range(group * several, first + several):
                bias = load(args[2] + block * vector, lanes)
                step = out_pitch * lanes
                product = m + (block - first) * each * vector
                i = begin
                while i < end:
                    # The tiles of one row.
                    image, top, start = i // wide // high, i // wide % high * size, i % wide * size
                    count = min(end - i, wide - i % wide)
                    rows, stop = min(size, args[24] - top), min(start + count * size, args[25])
                    place = ((block * args[24] + top) * args[25] + start) * vector
                    out, residual = args[4] + image * args[26] * 4 + place, args[3] + image * args[27] * 4 + place
                    for tile_of_row in range(count):
                        transform(product, edge * step, step, tile, size * lanes, lanes, size, 1, lanes)
                        product += vector
                        at = tile_of_row * size
                        columns = min(size, stop - start - at)
                        for j in range(rows):
                            for k in range(columns):
                                value = add(load(tile + (j * size + k) * vector, lanes), bias)
                                offset = (j * args[25] + at + k) * vector
                                if args[3] != 0:
                                    value = add(value, load(residual + offset, lanes))
                                clamped = minimum(top_most, maximum(low, value))
                                store(out + offset, fma(slope, minimum(value, zero), clamped))
                    for j in range(rows):
                        pixel = (top + j) * args[25] + start
                        pass_on(
                            args, 36, out + j * args[25] * vector, (stop - start) * lanes, image, block, pixel * lanes
                        )
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
        self.pixels, self.blocks = choose_tile(self.each, y.blocks, target.registers)
        self.groups = -(-y.blocks // self.blocks)
        self.parts = choice["parts"]
        inputs = call.need(0).blocks * self.each + 1
        self.room = 4 * y.block * (self.size + 2) ** 2 * (inputs + self.blocks * self.each + 2)


def cycles(call: Call, target: CpuTarget, choice: Choice) -> float:
    """About how many cycles a choice takes, the tasks dealt to the target's threads; infinite where it does not fit."""
    bands = Bands(call, target, choice)
    if bands.parts > bands.groups:
        return float("inf")
    x, y = call.need(0), call.outputs[0]
    places, channels = (bands.size + 2) ** 2, x.shape[1]
    blocks = min(-(-bands.groups // bands.parts) * bands.blocks, y.blocks)
    weights = 4 * channels * y.block
    a_place: float = TRANSFORM * bands.each * (x.blocks + blocks) + PRODUCT * -(-blocks // bands.blocks)
    a_place += channels * tile_cycles(bands.each, blocks, bands.pixels, bands.blocks) + weights * blocks / NEAR
    if bands.room > target.cache:
        a_place += 2 * 4 * bands.each * x.blocks * y.block / SPILLED  # written, and read again
    rounds = -(-bands.count * bands.parts // target.workers)
    return places * max(rounds * a_place, weights * y.blocks / (FAR * target.workers))


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
    c, lanes, places, blocks = x.shape[1], y.block, (bands.size + 2) ** 2, bands.blocks
    firsts = [min(i, y.blocks - blocks) for i in range(0, y.blocks, blocks)]
    weights = np.zeros((y.blocks * lanes, c, 3, 3), np.float32)
    weights[: y.shape[1]] = call.constants[1]
    split = transformed(weights, bands.size).reshape(places, -1, lanes, c)
    packed = np.stack([split[:, first : first + blocks] for first in firsts]).transpose(0, 1, 2, 4, 3)
    table = [[b * bands.each * lanes, min(lanes, c - b * lanes)] for b in range(x.blocks)]
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[: y.shape[1]] = call.constants[2]
    residual = call.given(3)
    chain = tail(call, lanes)
    operands = (
        read(0), constant(packed), constant(bias), ABSENT if residual is None else read(3), write(),
        private(bands.room), constant(np.zeros(blocks * lanes, np.float32)), constant(np.array(table, np.int64)),
        constant(np.array([0, 0, x.blocks, 0], np.int64)),
    )  # fmt: skip
    numbers = (
        dense_kernel(bands.pixels, blocks, lanes).address, bands.pixels, blocks, bands.tiles, bands.each, bands.high,
        bands.wide, bands.parts, len(firsts), c, x.blocks, *x.shape[2:], x.stride, y.blocks, *y.shape[2:], y.stride,
        residual.stride if residual else 0, *call.attributes["pads"][:2], *clamp_of(call), *IDENTITY,
    )  # fmt: skip
    tasks = bands.count * bands.parts
    step = CpuStep(band_kernel(bands.size, lanes).address, (*operands, *chain), numbers, tasks, "winograd", len(chain))
    return CpuLowering((step,))
