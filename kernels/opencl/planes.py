"""A convolution as Winograd's F(4x4, 3x3) sees it: tiles of outputs, and a matrix product for each of 36 planes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from kernels.op import Spec
from kernels.opencl.activation import LARGEST
from kernels.opencl.chain import Tail
from kernels.opencl.convolution import Array, Convolution
from kernels.opencl.grid import ceil_div
from kernels.winograd import transformed

SIZE = 4  # outputs of a tile, each way
PLANES = (SIZE + 2) ** 2


def tiles(conv: Convolution) -> tuple[int, int]:
    """Tiles of an image, down and across."""
    height, width = conv.y.shape[2:]
    return ceil_div(height, SIZE), ceil_div(width, SIZE)


def products(conv: Convolution, count: int | None = None) -> Convolution:
    """The products of `count` tiles, or of all images', weights left out: a 1x1 convolution with a group a plane."""
    inputs, outputs = conv.x.blocks * conv.block, conv.y.blocks * conv.block
    count = count or conv.y.shape[0] * prod(tiles(conv))
    weights = np.broadcast_to(np.float32(0), (PLANES * outputs, inputs, 1, 1))
    x, y = (Spec((1, PLANES * lanes, 1, count), layout="blocked", block=conv.block) for lanes in (inputs, outputs))
    return replace(
        conv, x=x, y=y, weights=weights, bias=None, residual=None, kernel=(1, 1),
        pads=(0, 0, 0, 0), group=PLANES, activation=(-LARGEST, LARGEST, 0.0), tail=Tail(), accompanied=False,
    )  # fmt: skip


def weighed(conv: Convolution, planes: Convolution) -> Convolution:
    """The products with their weights, the convolution's, transformed."""
    weights = np.zeros((conv.y.blocks * conv.block, conv.x.blocks * conv.block, 3, 3), np.float32)
    weights[: conv.y.shape[1], : conv.x.shape[1]] = conv.weights
    found: Array = transformed(weights, SIZE)
    return replace(planes, weights=found.reshape(planes.weights.shape))
