"""Convolution on the CPU: padding, then register tiles over rows of output pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.activation import clamp_of
from kernels.cpu import depthwise, winograd
from kernels.cpu.chain import tail
from kernels.cpu.dense import TASK_FLOPS, choose_tile, deal, dense_kernel, tile_cycles
from kernels.cpu.pad import interleave, pad
from kernels.cpu.target import CpuTarget
from kernels.op import ABSENT, Call, CpuLowering, CpuStep, Operand, Spec, constant, read, scratch, write

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Source:
    """The padded input a convolution reads: how it lies, in elements."""

    operand: Operand
    image: int
    row: int
    pixel: int
    channel: Callable[[int], int]  # where a channel begins
    run: int  # consecutive channels
    steps: tuple[CpuStep, ...]
    scratch: tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """What the tiles go over: output rows and columns, strides in elements, y's first element, and the taps.

    A tap is a place in the weights' window and its distance, in elements, from the output pixel's place in the source.
    """

    rows: int
    columns: int
    x_row: int
    x_pixel: int
    y_row: int
    y_pixel: int
    taps: tuple[tuple[int, int, int], ...]
    y_first: int = 0


def source_of(x: Spec, pads: Sequence[int]) -> Source:
    """Pad and, for a plain input, interleave the channels; nothing where the input serves as it lies."""
    n, c, h, w = x.shape
    top, left, bottom, right = pads
    height, width = h + top + bottom, w + left + right
    if x.layout == "plain":
        step = interleave(x, pads)
        return Source(
            scratch(),
            height * width * c,
            width * c,
            c,
            lambda k: k,
            c,
            (step,),
            (n * height * width * c * 4,),
        )
    lanes = x.block
    plane = int(height * width * lanes)
    size = x.blocks * plane

    def channel(k: int) -> int:
        return k // lanes * plane + k % lanes

    if not any(pads):
        return Source(read(0), x.stride, width * lanes, lanes, channel, lanes, (), ())
    return Source(scratch(), size, width * lanes, lanes, channel, lanes, (pad(x, pads),), (n * size * 4,))


def _runs(source: Source, first: int, count: int) -> list[tuple[int, int, int]]:
    """(channel, its place, how many) of consecutive channels from `first`, as the source holds them."""
    runs = []
    while count > 0:
        length = min(count, source.run - first % source.run)
        runs.append((first, source.channel(first), length))
        first, count = first + length, count - length
    return runs


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Conv: X (N, C, H, W) plain or blocked, W and B constant, an optional residual; blocked output."""
    x, y = call.need(0), call.outputs[0]
    if len(x.shape) != 4 or x.dtype != np.float32 or 1 not in call.constants or y.layout != "blocked":
        return None
    if call.attributes["group"] == y.shape[1] == x.shape[1] and x.layout == "blocked":
        return depthwise.lower(call, target)
    if winograd.serves(call):
        choice = winograd.choose(call, target, _cycles(call, target))
        if choice["size"]:
            return winograd.lower(call, target, choice)
    return direct(call, target)


def direct(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower a convolution by its definition."""
    source = source_of(call.need(0), call.attributes["pads"])
    step = dense(call, target, source, call.constants[1], _window(call, source))
    return CpuLowering((*source.steps, step), source.scratch)


def dense(call: Call, target: CpuTarget, source: Source, weights: Array, window: Window) -> CpuStep:
    """The outputs a window reaches, by dense tiles; weights (K, C / group, kh, kw), the rest as the call says."""
    y = call.outputs[0]
    lanes, group = y.block, call.attributes["group"]
    bias = np.zeros(y.blocks * lanes, np.float32)
    if 2 in call.constants:
        bias[: y.shape[1]] = call.constants[2]
    per_output = y.shape[1] // group
    # Blocks that read the same input channels may share a tile.
    span = y.blocks if group == 1 else max(1, per_output // lanes if per_output % lanes == 0 else 1)
    pixels, blocks = choose_tile(window.columns, span, target.registers)
    firsts = [base + min(i, span - blocks) for base in range(0, y.blocks, span) for i in range(0, span, blocks)]
    tables: list[list[list[int]]] = []
    groups: list[list[int]] = []
    panels: list[Array] = []
    for first in firsts:
        table, panel = _panel(weights, group, source, window, range(first * lanes, (first + blocks) * lanes))
        groups.append([first, 2 * sum(len(rows) for rows in tables), len(table)])
        tables.append(table)
        panels.append(panel.reshape(-1, blocks, lanes).transpose(1, 0, 2))
    packed = max(panel.shape[1] for panel in panels) * lanes
    padded = np.zeros((len(panels), blocks, packed), np.float32)
    for place, panel in zip(padded, panels, strict=True):
        place[:, : panel.shape[1] * lanes] = panel.reshape(blocks, -1)
    rows = np.array([[*row, i * blocks * packed] for i, row in enumerate(groups)], np.int64)
    n, _, h, w = y.shape
    total = window.rows * -(-window.columns // pixels)
    least = max(1, round(TASK_FLOPS / max(1.0, 2.0 * packed * blocks * pixels)))
    parts = deal(total, pixels, n * len(firsts), least, target.workers)
    tiles = -(-total // parts)
    parts = -(-total // tiles)
    residual = call.given(3)
    operands = (
        source.operand, constant(padded), constant(bias), ABSENT if residual is None else read(3), write(),
        constant(np.array([row for table in tables for row in table], np.int64)), constant(rows),
    )  # fmt: skip
    numbers = (
        n, len(firsts), parts, tiles, window.rows, window.columns, source.image, window.x_row, window.x_pixel,
        y.stride, window.y_row, window.y_pixel, h * w * lanes, packed, y.blocks * lanes, *clamp_of(call), 0,
        window.y_first, 0 if residual is None else residual.stride,
    )  # fmt: skip
    chain, tasks = tail(call, lanes), n * len(firsts) * parts
    kernel = dense_kernel(pixels, blocks, lanes).address
    return CpuStep(kernel, (*operands, *chain), numbers, tasks, "dense", len(chain))


def _cycles(call: Call, target: CpuTarget) -> float:
    """Cycles a dense convolution takes directly, its rows dealt to the target's threads."""
    n, _, rows, columns = call.outputs[0].shape
    blocks = call.outputs[0].blocks
    reduction = int(call.constants[1][0].size)
    tiles = tile_cycles(columns, blocks, *choose_tile(columns, blocks, target.registers))
    weights = 4 * reduction * blocks * call.outputs[0].block
    return max(n * rows * reduction * tiles, weights / winograd.FAR) / target.workers


def _window(call: Call, source: Source) -> Window:
    """The convolution's window; without padding or stride a 1x1 convolution is one long row."""
    y = call.outputs[0]
    (kh, kw), (sh, sw), (dh, dw) = (call.attributes[name] for name in ("kernel_shape", "strides", "dilations"))
    taps = tuple((i, j, i * dh * source.row + j * dw * source.pixel) for i in range(kh) for j in range(kw))
    rows, columns = y.shape[2:]
    if (kh, kw, sh, sw) == (1, 1, 1, 1):
        return Window(1, rows * columns, 0, source.pixel, 0, y.block, taps)
    return Window(rows, columns, sh * source.row, sw * source.pixel, columns * y.block, y.block, taps)


def _panel(weights: Array, group: int, source: Source, window: Window, outputs: range) -> tuple[list[list[int]], Array]:
    """Table and weights [reduction][outputs] of some output channels: the input channels of every group they touch.

    Runs that lie behind one another in memory are joined: the taps of one row, usually.
    """
    k, per_group, kh, kw = weights.shape
    per_output = k // group
    real = range(outputs.start, min(outputs.stop, k))
    lowest, highest = real.start // per_output, (real.stop - 1) // per_output
    first, count = lowest * per_group, (highest - lowest + 1) * per_group
    wide = np.zeros((len(outputs), count, kh, kw), np.float32)
    for o in real:
        begin = (o // per_output - lowest) * per_group
        wide[o - outputs.start, begin : begin + per_group] = weights[o]
    table: list[list[int]] = []
    parts = [np.zeros((0, len(outputs)), np.float32)]
    for channel, offset, length in _runs(source, first, count):
        channels = wide[:, channel - first :][:, :length]
        for i, j, distance in window.taps:
            place = offset + distance
            if table and sum(table[-1]) == place:
                table[-1][1] += length
            else:
                table.append([place, length])
            parts.append(channels[:, :, i, j].T)
    return table, np.concatenate(parts)
