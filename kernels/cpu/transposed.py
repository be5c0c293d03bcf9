"""Transposed convolution on the CPU: for a stride of s, s * s convolutions of stride one whose outputs interleave.

Output row s * q + p is reached by the taps k for which s divides p + pad - k * dilation, each from input row q + the
quotient. So every phase p is a convolution by a part of the window, stored s rows and s columns apart.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from kernels.cpu.conv import Source, Window, dense, source_of
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering
from kernels.transposed import as_convolution

Taps = list[tuple[int, int]]  # (place in the window, distance in the input), both in rows or columns


def lower(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower ConvTranspose: X (N, C, H, W) blocked, W and B constant, an optional residual; blocked output."""
    x, y = call.need(0), call.outputs[0]
    below, across = (_phases(call, axis) for axis in (0, 1))
    (top, bottom), (left, right) = (_pads(taps, x.shape[k], y.shape[k]) for k, taps in ((2, below), (3, across)))
    source = source_of(x, (top, left, bottom, right))
    weights = as_convolution(call.constants[1], call.attributes["group"])
    corner = top * source.row + left * source.pixel
    steps = [
        dense(call, target, source, weights, _window(call, source, corner, (p, q), below[p], across[q]))
        for p, q in product(range(len(below)), range(len(across)))
    ]
    return CpuLowering((*source.steps, *(replace(step, name="transposed") for step in steps)), source.scratch)


def _phases(call: Call, axis: int) -> list[Taps]:
    """The taps of every phase along an axis; there are no more phases than outputs."""
    names = ("kernel_shape", "strides", "dilations", "pads")
    size, stride, dilation, pad = (call.attributes[name][axis] for name in names)
    return [
        [(k, (p + pad - k * dilation) // stride) for k in range(size) if (p + pad - k * dilation) % stride == 0]
        for p in range(min(stride, call.outputs[0].shape[2 + axis]))
    ]


def _pads(phases: list[Taps], length: int, out: int) -> tuple[int, int]:
    """Zeros that the phases read before and behind the input."""
    stride = len(phases)
    before = max((-e for taps in phases for _, e in taps), default=0)
    behind = max((e - (p - out) // stride for p, taps in enumerate(phases) for _, e in taps), default=0)
    return max(0, before), max(0, behind - length)


def _window(call: Call, source: Source, corner: int, phase: tuple[int, int], rows: Taps, columns: Taps) -> Window:
    """What one phase goes over; `corner` is the unpadded input's place in the source."""
    y = call.outputs[0]
    (p, q), (sh, sw), (high, wide) = phase, call.attributes["strides"], y.shape[2:]
    return Window(
        -(-(high - p) // sh), -(-(wide - q) // sw), source.row, source.pixel, sh * wide * y.block, sw * y.block,
        tuple((i, j, corner + e * source.row + f * source.pixel) for i, e in rows for j, f in columns),
        (p * wide + q) * y.block,
    )  # fmt: skip
