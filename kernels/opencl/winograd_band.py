"""Winograd's F(4x4, 3x3) on CPU cores through OpenCL: one launch, in bands of tiles that stay in a core's cache."""

from __future__ import annotations

import numpy as np

from kernels.op import GpuLowering, GpuStep, constant, read, scratch, write
from kernels.opencl import direct
from kernels.opencl.convolution import Convolution
from kernels.opencl.grid import ceil_div
from kernels.opencl.planes import PLANES, products, tiles, weighed
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

_ROOM = 5 << 17  # bytes of a band that stay in a core's second-level cache, beside the weights that pass
_LEAST = 16  # tiles, for which a band is worth another pass over all weights


def lower(conv: Convolution, target: GpuTarget) -> GpuLowering:
    """One launch, of as many work-items as there are cores, each with scratch memory of its own."""
    n, _, height, width = conv.y.shape
    high, wide = tiles(conv)
    count, block = n * high * wide, conv.block

    def room(each: int, blocks: int) -> int:  # floats: planes of the inputs, then of so many output blocks' products
        return PLANES * block * (conv.x.blocks * each + 1 + blocks * (each + 1))

    fitting = (ceil_div(count, bands) for bands in range(1, count + 1))
    each = next(each for each in fitting if each <= _LEAST or 4 * room(each, 1) <= _ROOM)
    planes = products(conv, each)
    choice = direct.register_tile(planes, block, conv.x.blocks, target)
    pixels, blocks = choice["pixels"], choice["blocks"]
    bands = ceil_div(count, each)
    parts = min(ceil_div(conv.y.blocks, blocks), ceil_div(target.compute_units, bands))
    workers = min(bands * parts, target.compute_units)
    weights = weighed(conv, planes).blocked_weights()  # [plane and output block][...], which are to change places
    weights = weights.reshape(PLANES, conv.y.blocks, -1).swapaxes(0, 1)
    offsets = np.arange(conv.x.blocks, dtype=np.int32) * each * block
    bias, residual = conv.operands()
    step = GpuStep(
        template("register_tile", "winograd_tile", "winograd_band"), "winograd_band",
        (read(0), constant(weights), constant(offsets), bias, residual, scratch(), write()),
        (
            bands * parts, parts, each, room(each, blocks), count, high * wide, wide, *conv.x.shape[2:], conv.x.blocks,
            height, width, conv.y.blocks, conv.x.stride, conv.y.stride, conv.residual.stride if conv.residual else 0,
            *conv.pads[:2], *conv.activation,
        ),
        (workers,), (1,),
        (
            ("V", block), ("BLOCK", block), ("T", pixels), ("NB", blocks), ("RUN", block), ("UNROLL", choice["unroll"]),
            ("AHEAD", direct.ahead(block, ceil_div(each, pixels), target)), ("PIXEL", block),
            ("RESIDUAL", int(conv.residual is not None)),
        ),
    )  # fmt: skip
    return GpuLowering((conv.tail.on(step),), (4 * workers * room(each, blocks),))
