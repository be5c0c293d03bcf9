"""Implicit matrix product: convolution on SIMT devices, through local memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, scratch, write
from kernels.opencl.convolution import Array, Convolution
from kernels.opencl.grid import ceil_div, round_up
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.space import Choice, Question, Space, Tunable

_PLAIN_SLAB = 16  # inputs per step of the reduction where the input is plain
_OUTSIDE = 1 << 20  # a row no image has: marks taps that only fill up the last slab
# A compute unit in cycles, fitted to 15,858 timings of 332 convolutions on an H200: half of them within 10 %. What it
# chooses takes 6 % longer than the best of all tiles and splits.
_LATENCY = 960  # of a slab that nothing hides: from a load of global memory to its use, barriers, stores
_READ = 2.0  # a read of four floats from local memory by 32 work-items
_FILL = 28  # loading and storing four floats, by 32 work-items
_TAP = 12  # a depthwise convolution's tap of four channels, by 32 work-items
_TAP_LATENCY = 270  # of such taps, one behind the other
_RESIDENT = 2048  # work-items
_REGISTERS = 65536
_LOCAL_MEMORY = 200 << 10  # bytes that resident work-groups share
_BEGIN = 5100  # from a launch to its first slab, and after its last one
_SECOND_PASS = 6700  # another launch
LAUNCH = 8000  # that a launch takes the host
_SHARED = 6000  # given for a choice in common with others, which then share a launch
_SPLITS = (1, 2, 4, 8)  # those that were measured


SPACE = Space(
    "implicit",
    (
        Tunable("pixels", (16, 32, 64, 128), "output pixels of a work-group"),
        Tunable("channels", (4, 8, 16, 32, 64, 128), "output channels of a work-group"),
        Tunable("item_pixels", (1, 2, 4, 8), "output pixels of a work-item"),
        Tunable("item_channels", (4, 8), "output channels of a work-item"),
        Tunable("slices", (1, 2, 4, 8, 16), "parts of the reduction that a work-group's items sum up"),
        Tunable("splits", _SPLITS, "parts of the reduction that different work-groups sum up"),
    ),
    ("opencl/implicit.cl", "opencl/finish.cl"),
)
# What the model of cycles chooses from by default: (pixels, channels, item_pixels, item_channels).
_TILES = (
    (16, 32, 4, 4),
    (32, 32, 4, 4),
    (16, 16, 4, 4),
    (32, 64, 4, 8),
    (64, 64, 8, 4),
)


def _named(*values: int) -> Choice:
    return dict(zip((tunable.name for tunable in SPACE.tunables), values, strict=True))


# Those that have an item compute a single one of a depthwise convolution's outputs a slab.
_WINDOW_TILES = (
    (16, 32, 2, 4),
    (32, 32, 2, 4),
    (32, 64, 4, 4),
    (64, 64, 4, 4),
)

# What convolutions choose in common that can run at the same time.
_COMMON = _named(16, 16, 4, 4, 8, 1)


def lower(conv: Convolution, target: GpuTarget, filters: Convolution | None = None) -> GpuLowering:
    """One launch, or two where the reduction is split to fill the device.

    With `filters`, a depthwise convolution, a 1x1 convolution of what that gives, which is never stored.
    """
    shape = _Shape.of(conv, filters)
    conv, slab, slabs = shape.conv, shape.slab, shape.slabs
    plain = conv.x.layout == "plain"
    reading = filters or conv  # whose window goes over x
    packed = conv.plain_weights(slab) if plain else conv.blocked_weights()
    tables = _plain_taps(conv, slab) if plain else conv.starts
    n, _, height, width = conv.y.shape
    pixels = shape.pixels
    choice = _choose(shape, target)
    slices, items = choice["slices"], _items(choice)
    slabs_each = ceil_div(slabs, choice["splits"] * slices)
    splits = ceil_div(slabs, slabs_each * slices)
    image = prod(conv.y.stored[1:])
    bias, residual = conv.operands()
    assert bias.array is not None
    constants, offsets = _together(packed, bias.array, tables, *([] if filters is None else [_filters(filters)]))
    residual_numbers = (int(conv.residual is not None), conv.residual.stride if conv.residual else 0)
    first = GpuStep(
        template("implicit"),
        "implicit",
        (read(0), constant(constants), residual if conv.residual else read(0), scratch() if splits > 1 else write()),
        (
            *offsets[1:4],
            pixels,
            height,
            width,
            conv.y.blocks,
            slabs,
            slabs_each,
            reading.x.shape[2],
            reading.x.shape[3],
            reading.x.stride,
            image if splits > 1 else conv.y.stride,
            n * image,
            int(splits > 1),
            *residual_numbers,
            int(shape.grouped),
            *conv.kernel,
            *reading.strides,
            *reading.dilations,
            *reading.pads[:2],
            *conv.activation,
            *(filters or conv).activation,
        ),
        (
            ceil_div(pixels, choice["pixels"]) * items,
            ceil_div(conv.y.blocks * conv.block, choice["channels"]),
            splits,
        ),
        (items, 1, 1),
        (
            ("BLOCK", conv.block),
            ("V", 4),
            ("SLAB", slab),
            ("PLAIN", int(plain)),
            ("BM", choice["pixels"]),
            ("BN", choice["channels"]),
            ("TM", choice["item_pixels"]),
            ("TN", choice["item_channels"]),
            ("SLICES", slices),
            ("BUFFERS", _buffers(choice)),
            ("WINDOW_H", filters.kernel[0] if filters else 0),
            ("WINDOW_W", filters.kernel[1] if filters else 0),
        ),
        table=True,
    )
    if splits == 1:
        return GpuLowering((conv.tail.on(first),))
    group = min(128, target.max_work_group)
    second = GpuStep(
        template("finish"),
        "finish",
        (scratch(), bias, residual, write()),
        (
            n * image,
            splits,
            height * width,
            conv.y.blocks,
            conv.y.stride,
            *residual_numbers,
            *conv.activation,
        ),
        (round_up(n * image // 4, group),),
        (group,),
        (("BLOCK", conv.block), ("V", 4)),
        table=True,
    )
    return GpuLowering((first, conv.tail.on(second)), (splits * n * image * 4,))


def _together(*arrays: Array) -> tuple[Array, list[int]]:
    """Arrays of 4-byte numbers as one, each beginning at a multiple of four, where they begin, and its end."""
    flat = [np.ascontiguousarray(array).reshape(-1).view(np.float32) for array in arrays]
    padded = [np.pad(array, (0, -array.size % 4)) for array in flat]
    return np.concatenate(padded), [0, *np.cumsum([array.size for array in padded]).tolist()]


def _plain_taps(conv: Convolution, slab: int) -> Array:
    """[kh * kw * C, rounded up to whole slabs] (offset of the channel, row, column, 0)."""
    (kh, kw), (dh, dw) = conv.kernel, conv.dilations
    _, channels, height, width = conv.x.shape
    taps = [
        (channel * height * width, i * dh, j * dw, 0)
        for i in range(kh)
        for j in range(kw)
        for channel in range(channels)
    ]
    taps += [(0, _OUTSIDE, 0, 0)] * (-len(taps) % slab)
    return np.array(taps, np.int32)


def _filters(filters: Convolution) -> Array:
    """[block][1 + kh * kw][lane]: the bias, and a depthwise convolution's weights."""
    block, count = filters.block, filters.x.shape[1]
    packed = np.zeros((filters.y.blocks * block, 1 + prod(filters.kernel)), np.float32)
    if filters.bias is not None:
        packed[:count, 0] = filters.bias
    packed[:count, 1:] = filters.weights.reshape(count, -1)
    return packed.reshape(filters.y.blocks, block, -1).transpose(0, 2, 1)


def problem(conv: Convolution, filters: Convolution | None) -> str:
    """The shapes in words, which tuned choices are kept under."""
    return conv.problem if filters is None else f"{conv.problem}, of {filters.problem}"


def cycles(conv: Convolution, target: GpuTarget, filters: Convolution | None = None) -> float:
    """What the default takes by the model of cycles."""
    question = _question(_Shape.of(conv, filters), target)
    return question.cost(question.default)


@dataclass(frozen=True)
class _Shape:
    """The matrix product: `slabs` steps of `slab` inputs make `pixels` x the output's channels."""

    conv: Convolution
    slab: int
    slabs: int
    pixels: int
    grouped: bool
    filters: Convolution | None

    @staticmethod
    def of(conv: Convolution, filters: Convolution | None) -> _Shape:
        conv = conv if filters else conv.flattened()
        plain = conv.x.layout == "plain"
        slab = _PLAIN_SLAB if plain else conv.block
        window = prod(conv.kernel)
        slabs = ceil_div(conv.x.shape[1] * window, slab) if plain else conv.depth * window
        n, _, height, width = conv.y.shape
        return _Shape(conv, slab, slabs, n * height * width, not plain and bool(np.any(conv.starts)), filters)


def _team(choice: Choice) -> int:
    """Work-items that hold a tile."""
    return choice["pixels"] // choice["item_pixels"] * (choice["channels"] // choice["item_channels"])


def _items(choice: Choice) -> int:
    """Work-items of a group."""
    return _team(choice) * choice["slices"]


def _buffers(choice: Choice) -> int:
    """Buffers of a slab: a single team stores to one while it reads the other, several hide each other's waiting."""
    return 2 if choice["slices"] == 1 else 1


def _local_memory(choice: Choice, slab: int) -> int:
    """Bytes of the slabs, or of the teams' sums."""
    rows, columns, slices = choice["pixels"], choice["channels"], choice["slices"]
    slabs = _buffers(choice) * (rows * (slab + 4) + slab * columns)
    return 4 * slices * max(slabs, rows * columns if slices > 1 else 0)


def _choose(shape: _Shape, target: GpuTarget) -> Choice:
    question = _question(shape, target)
    if shape.conv.accompanied and question.cost(_COMMON) <= question.cost(question.default) + _SHARED:
        return _COMMON  # whatever is best for one alone: a launch less is better
    return target.choose(question)


def _question(shape: _Shape, target: GpuTarget) -> Question:
    """The tile and the splits of the reduction, by default those that a simple model of the device finds fastest.

    A compute unit works off its share of the groups slab by slab: bounded by its multiply-adds and reads of
    local memory, or by the latency of a slab where too few items are there to hide it.
    """
    conv, slab, slabs, pixels, grouped = shape.conv, shape.slab, shape.slabs, shape.pixels, shape.grouped
    outputs = conv.y.blocks * conv.block
    width = 1 if conv.x.layout == "plain" else 4  # floats of the input that are loaded together
    taps = prod(shape.filters.kernel) if shape.filters else 0

    def cost(choice: Choice) -> float:
        rows, columns, tm, tn = (choice[t.name] for t in SPACE.tunables[:4])
        slices, splits, local_memory = choice["slices"], choice["splits"], _local_memory(choice, slab)
        items, team = _items(choice), _team(choice)
        if items > target.max_work_group or local_memory > target.local_memory or splits > slabs:
            return float("inf")
        if columns % conv.block or columns % tn or rows % tm or (grouped and conv.alike % (columns // conv.block)):
            return float("inf")
        a_parts = ceil_div(rows * slab // width, team)
        parts = a_parts + ceil_div(columns * slab // 4, team)
        filling = _FILL * parts + _TAP * taps * a_parts
        work = max(items / 32, slices / 2) * (slab / 4 * max(tm * tn, _READ * (tm + tn)) + filling)
        registers = min(255, tm * tn + 2 * (tm + tn) + 4 * parts + 40)
        resident = min(_RESIDENT // items, _LOCAL_MEMORY // local_memory, _REGISTERS // (items * registers)) or 1
        share = ceil_div(ceil_div(pixels, rows) * ceil_div(outputs, columns) * splits, target.compute_units)
        slabs_each = ceil_div(slabs, splits * slices)
        latency = _LATENCY + 16 * tm * tn + _TAP_LATENCY * max(taps - 1, 0) * a_parts
        cycles = _BEGIN + (slabs_each + 1) * max(share * work, ceil_div(share, resident) * latency)
        if splits > 1:
            cycles += _SECOND_PASS + 0.1 * (splits + 1) * pixels * outputs / target.compute_units
        return cycles

    tiles = [*_TILES, (32, conv.block, 4, 4)] if grouped else [*_TILES, *_WINDOW_TILES] if taps else _TILES
    ways = product(tiles, SPACE.tunables[4].values, _SPLITS)
    known = [_named(*tile, slices, splits) for tile, slices, splits in ways]
    default = min(known, key=cost)
    return Question(SPACE, problem(conv, shape.filters), default, cost)
