"""Implicit matrix product: convolution on SIMT devices, through local memory."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, scratch, write
from kernels.opencl.convolution import Array, Convolution
from kernels.opencl.grid import ceil_div, round_up
from kernels.opencl.source import template
from kernels.opencl.space import Choice, Question, Space, Tunable
from kernels.opencl.target import GpuTarget

_PLAIN_SLAB = 16  # inputs per step of the reduction where the input is plain
_OUTSIDE = 1 << 20  # a row no image has: marks taps that only fill up the last slab
# A compute unit in cycles, fitted to 762 timings of eight GoogLeNet layers on an H100.
# All of its convolutions took 0.49 ms instead of a first guess's 0.52 at batch 1, but 1.76 instead of
# 1.70 at batch 8.
_LANES = 128  # multiply-adds per cycle
_ITEMS = 512  # work-items that hide each other's latency, in at most _GROUPS work-groups
_GROUPS = 8
_SLAB = 600  # latency of a slab, and of every load of four floats an item does for it
_LOAD = 20
_SECOND_PASS = 8000  # another launch
_SPLITS = (1, 2, 4, 8, 16)  # those that were measured


SPACE = Space(
    "implicit",
    (
        Tunable("pixels", (16, 32, 64, 128), "output pixels of a work-group"),
        Tunable("channels", (4, 8, 16, 32, 64, 128), "output channels of a work-group"),
        Tunable("item_pixels", (1, 2, 4, 8), "output pixels of a work-item"),
        Tunable("item_channels", (4, 8), "output channels of a work-item"),
        Tunable("splits", _SPLITS, "parts of the reduction that different work-groups sum up"),
    ),
    ("implicit",),
)
# What the model of cycles was fitted to, and chooses from by default: (pixels, channels, item_pixels, item_channels).
_TILES = (
    (16, 16, 1, 4),
    (32, 16, 2, 4),
    (64, 16, 4, 4),
    (32, 32, 2, 4),
    (64, 32, 4, 4),
    (32, 64, 4, 4),
    (64, 64, 4, 4),
    (128, 64, 8, 4),
    (128, 64, 8, 8),
    (128, 128, 8, 8),
)


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """One launch, or two where the reduction is split to fill the device."""
    conv = conv.flattened()
    plain = conv.x.layout == "plain"
    slab = _PLAIN_SLAB if plain else conv.block
    packed = conv.plain_weights(slab) if plain else conv.blocked_weights()
    taps = _plain_taps(conv, slab) if plain else _blocked_taps(conv)
    slabs = len(taps) // slab if plain else len(taps)
    starts = np.zeros(conv.y.blocks, np.int32) if plain else conv.starts
    n, _, height, width = conv.y.shape
    pixels = n * height * width
    choice = _choose(pixels, conv, slab, slabs, target, grouped=bool(np.any(starts)))
    splits, items = choice["splits"], _items(choice)
    slabs_each = ceil_div(slabs, splits)
    splits = ceil_div(slabs, slabs_each)
    image = prod(conv.y.stored[1:])
    bias, residual = conv.operands()
    residual_image = conv.residual.stride if conv.residual else 0
    flag = ("RESIDUAL", int(conv.residual is not None))
    defines = (
        ("BLOCK", conv.block),
        ("V", 4),
        ("SLAB", slab),
        ("PLAIN", int(plain)),
        ("BM", choice["pixels"]),
        ("BN", choice["channels"]),
        ("TM", choice["item_pixels"]),
        ("TN", choice["item_channels"]),
        ("STRIDE_H", conv.strides[0]),
        ("STRIDE_W", conv.strides[1]),
        ("PAD_TOP", conv.pads[0]),
        ("PAD_LEFT", conv.pads[1]),
        ("SPLIT", int(splits > 1)),
        flag,
    )
    product = GpuStep(
        template("implicit"),
        "implicit",
        (
            read(0),
            constant(packed),
            constant(taps),
            constant(starts),
            bias,
            residual,
            scratch() if splits > 1 else write(),
        ),
        (
            pixels,
            height,
            width,
            conv.y.blocks,
            slabs,
            slabs_each,
            conv.x.shape[2],
            conv.x.shape[3],
            conv.x.stride,
            image if splits > 1 else conv.y.stride,
            n * image,
            residual_image,
            *conv.activation,
        ),
        (
            ceil_div(pixels, choice["pixels"]) * items,
            ceil_div(conv.y.blocks * conv.block, choice["channels"]),
            splits,
        ),
        (items, 1, 1),
        defines,
    )
    if splits == 1:
        return GpuLowering((product,))
    group = min(128, target.max_work_group)
    second = GpuStep(
        template("implicit"),
        "finish",
        (scratch(), bias, residual, write()),
        (
            n * image,
            splits,
            height * width,
            conv.y.blocks,
            conv.y.stride,
            residual_image,
            *conv.activation,
        ),
        (round_up(n * image // 4, group),),
        (group,),
        defines,
    )
    return GpuLowering((product, second), (splits * n * image * 4,))


def _blocked_taps(conv: Convolution) -> Array:
    """[slab] (offset of the input block, row, column, 0), in the weights' order."""
    (kh, kw), (dh, dw) = conv.kernel, conv.dilations
    plane = conv.x.shape[2] * conv.x.shape[3] * conv.block
    taps = [(depth * plane, i * dh, j * dw, 0) for depth in range(conv.depth) for i in range(kh) for j in range(kw)]
    return np.array(taps, np.int32)


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


def _items(choice: Choice) -> int:
    """Work-items of a group."""
    return choice["pixels"] // choice["item_pixels"] * (choice["channels"] // choice["item_channels"])


def _choose(pixels: int, conv: Convolution, slab: int, slabs: int, target: GpuTarget, grouped: bool) -> Choice:
    """The tile and the split of the reduction that a simple model of the device finds fastest.

    A compute unit works off its share of the groups: bounded by its multiply-adds, or by the
    latency of a slab where too few groups are there to hide it.
    """
    outputs = conv.y.blocks * conv.block

    def cost(choice: Choice) -> float:
        items, splits, rows, columns = _items(choice), choice["splits"], choice["pixels"], choice["channels"]
        local_memory = 2 * 4 * slab * (rows + 4 + columns)
        if items > target.max_work_group or local_memory > target.local_memory or splits > slabs:
            return float("inf")
        if columns % conv.block or columns % choice["item_channels"] or (grouped and columns != conv.block):
            return float("inf")
        groups = ceil_div(pixels, rows) * ceil_div(outputs, columns) * splits
        product = choice["item_pixels"] * choice["item_channels"]
        efficiency = product / (product + choice["item_pixels"] + choice["item_channels"])
        arithmetic = rows * columns * slab / (_LANES * efficiency)
        resident = max(1, min(_ITEMS // items, _GROUPS))
        latency = _SLAB + _LOAD * (rows + columns) * slab / 4 / items
        share = ceil_div(groups, target.compute_units)
        cycles = ceil_div(slabs, splits) * max(share * arithmetic, ceil_div(share, resident) * latency)
        if splits > 1:
            cycles += _SECOND_PASS + (splits + 1) * pixels * outputs / target.compute_units / 4
        return cycles

    tiles = [*_TILES, (32, conv.block, 2, 4)] if grouped else _TILES
    names = [tunable.name for tunable in SPACE.tunables]
    known = (dict(zip(names, (*tile, splits), strict=True)) for tile in tiles for splits in _SPLITS)
    return target.choose(Question(SPACE, conv.problem, min(known, key=cost), cost))
