"""Direct convolution for OpenCL runtimes on CPU cores: registers only, no local memory."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, Operand, constant, read, scratch, write
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

_TILE_OVERHEAD = 120  # cycles to begin and end a tile
_LATENCY = 4  # cycles until a multiply-add's result can be added to again
_STEP = 0.5  # cycles a step of the reduction costs besides, and each vector of weights in it (measured)
_WEIGHTS = 0.3
_CACHE = 1 << 19  # bytes of weights that stay in a core's second-level cache


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """An input padded in scratch memory where it needs that, then one launch."""
    conv = conv.flattened()
    source, pitch, lanes, steps, nbytes = _padded(conv)
    (kh, kw), (dh, dw) = conv.kernel, conv.dilations
    plain = conv.x.layout == "plain"
    plane = pitch[0] * pitch[1] * lanes
    # Taps of one row are neighbours unless they are dilated: longer stretches, fewer offsets.
    taps = 1 if dw > 1 else kw
    run = taps * lanes
    offsets = np.array(
        [
            depth * plane + (i * dh * pitch[1] + j * dw) * lanes
            for depth in range(1 if plain else conv.depth)
            for i in range(kh)
            for j in range(0, kw, taps)
        ],
        np.int32,
    )
    packed = conv.plain_weights() if plain else conv.blocked_weights()
    starts = np.zeros(conv.y.blocks, np.int32) if plain else conv.starts
    n, _, height, width = conv.y.shape
    pixels, blocks = tile(conv, run * len(offsets), target, grouped=bool(np.any(starts)))
    image = prod(conv.x.stored[1:]) * 4
    rows_last = packed.nbytes <= _CACHE and image > packed.nbytes
    across = (ceil_div(conv.y.blocks, blocks), n * height)
    bias, residual = conv.operands()
    step = GpuStep(
        template("direct"),
        "direct",
        (source, constant(packed), constant(offsets), constant(starts), bias, residual, write()),
        (
            height,
            width,
            conv.y.blocks,
            len(offsets),
            conv.strides[0] * pitch[1] * lanes,
            plane,
            conv.x.stride if source.kind == "input" else nbytes // 4 // n,
            conv.y.stride,
            conv.residual.stride if conv.residual else 0,
            0,  # all images share the weights
            *conv.activation,
        ),
        (ceil_div(width, pixels), *(across if rows_last else across[::-1])),
        (1, 1, 1),
        (
            ("V", conv.block),
            ("T", pixels),
            ("NB", blocks),
            ("RUN", run),
            ("UNROLL", max(u for u in range(1, 9) if run % u == 0)),
            ("PIXEL", conv.strides[1] * lanes),
            ("RESIDUAL", int(conv.residual is not None)),
            ("ROW_AXIS", 2 if rows_last else 1),
        ),
    )
    return GpuLowering((*steps, step), (nbytes,) if nbytes else ())


def _padded(conv: Convolution) -> tuple[Operand, tuple[int, int], int, tuple[GpuStep, ...], int]:
    """Where the convolution reads: operand, (rows, columns) stored, lanes, launches, scratch bytes."""
    n, channels, height, width = conv.x.shape
    plain = conv.x.layout == "plain"
    if not plain and not conv.padded:
        return read(0), (height, width), conv.block, (), 0
    top, left, bottom, right = conv.pads
    rows, columns = height + top + bottom, width + left + right
    lanes = channels if plain else conv.block
    planes = 1 if plain else conv.x.blocks
    image = planes * rows * columns * lanes
    step = GpuStep(
        template("pad"),
        "pad",
        (read(0), scratch()),
        (height, width, rows, columns, top, left, conv.x.stride, image, planes),
        (rows, n * planes),
        (1, 1),
        (("V", conv.block), ("INTERLEAVE", channels if plain else 0)),
    )
    return scratch(), (rows, columns), lanes, (step,), n * image * 4


def tile(conv: Convolution, reduction: int, target: GpuTarget, grouped: bool) -> tuple[int, int]:
    """Pixels and output blocks of a register tile, by counting the cycles of every one that fits.

    A step of the reduction loads a value per pixel and a vector per block, two loads and two
    multiply-adds a cycle; too few accumulators wait for each other.
    """
    width = target.vector_width
    registers = 32 if width >= 16 else 16
    parts = max(1, conv.block // width)  # registers per vector of a block
    pixels, blocks = conv.y.shape[3], conv.y.blocks
    most = 1 if grouped else min(blocks, 4)  # output blocks of different groups read different inputs
    best, least = (1, 1), float("inf")
    for tile in range(1, min(pixels, registers) + 1):
        for several in range(1, most + 1):
            if (tile + 1) * several * parts + 1 > registers and (tile, several) != (1, 1):
                continue
            sums, loads = tile * several * parts, tile + several * parts
            cycles = max(sums / 2, loads / 2, _LATENCY) + _STEP + _WEIGHTS * several * parts
            tiles = ceil_div(pixels, tile) * ceil_div(blocks, several)
            cost = tiles * (reduction * cycles + _TILE_OVERHEAD)
            if cost < least:
                best, least = (tile, several), cost
    return best
