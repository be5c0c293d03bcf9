"""Direct convolution for OpenCL runtimes on CPU cores: registers only, no local memory."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import GpuLowering, GpuStep, Operand, constant, read, scratch, write
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.space import Choice, Question, Space, Tunable

_TILE_OVERHEAD = 120  # cycles to begin and end a tile
_LATENCY = 4  # cycles until a multiply-add's result can be added to again
_STEP = 0.5  # cycles a step of the reduction costs besides, and each vector of weights in it (measured)
_WEIGHTS = 0.3
_SPILL = 1  # cycles a step takes longer for every register that has to lie in memory, where that is tried all the same
_FEW = 4  # tiles that use a vector of weights: where there are no more, it is late, and later in one of several streams
_CACHE = 1 << 19  # bytes of weights that stay in a core's second-level cache

SPACE = Space(
    "direct",
    (
        Tunable("pixels", tuple(range(1, 33)), "output pixels of a register tile"),
        Tunable("blocks", (1, 2, 3, 4), "output blocks of a register tile"),
        Tunable("unroll", tuple(range(1, 9)), "steps of the reduction written out one after another"),
        Tunable("rows_last", (0, 1), "1: all rows pass an output block's weights before the next block's turn"),
    ),
    ("opencl/register_tile.cl", "opencl/direct.cl"),
)


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """An input padded in scratch memory where it needs that, then one launch."""
    conv = conv.flattened()
    source, pitch, channels, steps, nbytes = _padded(conv)
    (kh, kw), (dh, dw) = conv.kernel, conv.dilations
    plain = conv.x.layout == "plain"
    plane = pitch[0] * pitch[1] * channels
    # Taps of one row are neighbours unless they are dilated: longer stretches, fewer offsets.
    taps = 1 if dw > 1 else kw
    run = taps * channels
    offsets = np.array(
        [
            depth * plane + (i * dh * pitch[1] + j * dw) * channels
            for depth in range(1 if plain else conv.depth)
            for i in range(kh)
            for j in range(0, kw, taps)
        ],
        np.int32,
    )
    packed = conv.plain_weights() if plain else conv.blocked_weights()
    starts = np.zeros(conv.y.blocks, np.int32) if plain else conv.starts
    n, _, height, width = conv.y.shape
    resident = packed.nbytes <= min(_CACHE, prod(conv.x.stored[1:]) * 4 - 1)
    choice = register_tile(conv, run, len(offsets), target, rows_last=resident)
    pixels, blocks, rows_last = choice["pixels"], choice["blocks"], choice["rows_last"]
    across = (ceil_div(conv.y.blocks, blocks), n * height)
    tiles = ceil_div(width, pixels)
    passes = tiles if rows_last else _uses(conv, choice)  # over the same weights, until the next have their turn
    span = ceil_div(tiles, ceil_div(4 * target.compute_units, prod(across)))
    bias, residual = conv.operands()
    step = GpuStep(
        template("register_tile", "direct"),
        "direct",
        (source, constant(packed), constant(offsets), constant(starts), bias, residual, write()),
        (
            span,
            height,
            width,
            conv.y.blocks,
            len(offsets),
            conv.strides[0] * pitch[1] * channels,
            plane,
            conv.x.stride if source.kind == "input" else nbytes // 4 // n,
            conv.y.stride,
            conv.residual.stride if conv.residual else 0,
            *conv.activation,
        ),
        (ceil_div(tiles, span), *(across if rows_last else across[::-1])),
        (1, 1, 1),
        (
            ("V", conv.block),
            ("T", pixels),
            ("NB", blocks),
            ("RUN", run),
            ("UNROLL", choice["unroll"]),
            ("AHEAD", ahead(blocks * conv.block, passes, target)),
            ("PIXEL", conv.strides[1] * channels),
            ("RESIDUAL", int(conv.residual is not None)),
            ("ROW_AXIS", 2 if rows_last else 1),
        ),
    )
    return GpuLowering((*steps, conv.tail.on(step)), (nbytes,) if nbytes else ())


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


def _uses(conv: Convolution, choice: Choice) -> int:
    """Tiles that use the same weights."""
    n, _, height, width = conv.y.shape
    return ceil_div(width, choice["pixels"]) * n * height


def ahead(lanes: int, passes: int, target: GpuTarget) -> int:
    """Floats that a step passes through the next weights, if that asks for `lanes` of them a step in so many passes."""
    return ceil_div(lanes, passes) if target.prefetches and passes <= lanes else 0


def register_tile(conv: Convolution, run: int, runs: int, target: GpuTarget, *, rows_last: bool = True) -> Choice:
    """The tile for a reduction over `runs` stretches of `run` neighbours: by default the one of fewest cycles.

    A step of the reduction loads a value per pixel and a vector per block, two loads and two
    multiply-adds a cycle; too few accumulators wait for each other, too many lie in memory.
    """
    room = 32 if target.vector_width >= 16 else 16
    parts = max(1, conv.block // target.vector_width)  # registers per vector of a block
    pixels, blocks = conv.y.shape[3], conv.y.blocks
    grouped = conv.x.layout == "blocked" and bool(np.any(conv.starts))
    # Output blocks of different groups read different inputs.
    fitting = [n for n in SPACE.tunables[1].values if n <= blocks and (not grouped or conv.alike % n == 0)]

    def spilled(choice: Choice) -> int:
        return max(0, (choice["pixels"] + 1) * choice["blocks"] * parts + 1 - room)

    def cost(choice: Choice) -> float:
        tile, several = choice["pixels"], choice["blocks"]
        if tile > pixels or several not in fitting or run % choice["unroll"] or spilled(choice) > room // 2:
            return float("inf")
        sums, loads = tile * several * parts, tile + several * parts
        cycles = max(sums / 2, loads / 2, _LATENCY) + _STEP + _WEIGHTS * several * parts + _SPILL * spilled(choice)
        return ceil_div(pixels, tile) * ceil_div(blocks, several) * (run * runs * cycles + _TILE_OVERHEAD)

    def sensible(choice: Choice) -> bool:
        several = choice["pixels"] * choice["blocks"] > 1  # else nothing can be spared
        streams = choice["blocks"] if _uses(conv, choice) <= _FEW else 1  # of weights, which then come from afar
        return not (several and spilled(choice)) and streams == 1

    unroll = max(u for u in range(1, 9) if run % u == 0)
    ways = SPACE.choices(unroll=unroll, rows_last=int(rows_last))
    default = min(filter(sensible, ways), key=cost)
    return target.choose(Question(SPACE, conv.problem, default, cost))
