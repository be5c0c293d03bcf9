"""Chains on OpenCL devices: source text made of our own functions' names, in a launch of its own or behind another's.

A model decides which functions follow each other; its names and numbers never come into a program's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from kernels.chain import BINARY, KEPT, NUMBER, UNARY, Link, chain_of, extent, spread
from kernels.op import Call, GpuLowering, GpuStep, Operand, constant, read, write
from kernels.opencl.activation import LARGEST
from kernels.opencl.grid import ceil_div, grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget
from kernels.product import PRODUCTS

_FUNCTIONS = {name: f"OP_{name}" for name in (*UNARY, *BINARY)}  # as functions.cl has them


@dataclass(frozen=True)
class Tail:
    """What a chain adds to a launch: text in front of its source, operands and numbers behind its own."""

    source: str = ""
    operands: tuple[Operand, ...] = ()
    numbers: tuple[int | float, ...] = ()

    def on(self, step: GpuStep) -> GpuStep:
        """The launch with the chain in it."""
        return replace(
            step,
            source=self.source + step.source,
            operands=step.operands + self.operands,
            numbers=step.numbers + self.numbers,
        )


def tail(call: Call, lanes: int = 1) -> Tail:
    """The chain that was fused behind an operator's clamp; a matrix product has its columns in panels of `lanes`."""
    return _tail(call, call.attributes.get("chain", ()), lanes)


def _tail(call: Call, links: tuple[Link, ...], lanes: int = 1) -> Tail:
    if not links:
        return Tail()
    bases: list[str] = []  # the operands' names, and those of the numbers with their types
    words: list[tuple[str, str]] = []
    body: list[str] = []
    operands: list[Operand] = []
    numbers: list[int | float] = []
    for k, link in enumerate(links):
        if link.function == "Keep":
            body.append("kept = v;")
            continue
        given = [f"n{k}_{i}" for i in range(len(link.numbers))]
        words += [("float", name) for name in given]
        numbers += [min(max(number, -LARGEST), LARGEST) for number in link.numbers]
        operand = link.operand
        if operand == KEPT:
            body.append("other = kept;")
        elif operand == NUMBER:
            body.append(f"other = (VEC)({given[0]});")
        elif operand is not None:
            tensor, image, how = _operand(call, operand, lanes)
            operands.append(tensor)
            numbers.append(image)
            bases.append(f"o{k}")
            words.append(("int", f"o{k}_image"))
            fetch, place = ("WHOLE", "at") if how == "full" else ("PER_CHANNEL", "channel")
            body.append(f"other = {fetch}(o{k} + o{k}_at + (image) * o{k}_image + ({place}));")
        first, second = ("other", "v") if link.first else ("v", "other")
        a, b = (*given, "0.0f", "0.0f")[:2]
        body.append(f"v = {_FUNCTIONS[link.function]}({first}, {second}, {a}, {b});")
    return Tail(_source(bases, words, body), tuple(operands), tuple(numbers))


def _source(bases: Sequence[str], words: Sequence[tuple[str, str]], body: Sequence[str]) -> str:
    """The macros that functions.cl describes."""
    fields = [f"const int {name}_at = (offsets)[{i}];" for i, name in enumerate(bases)]
    for i, (kind, name) in enumerate(words):
        fields.append(f"const {kind} {name} = {'as_float' if kind == 'float' else ''}((numbers)[{i}]);")
    macros = {
        "POINTERS": "".join(f", __global const float *{name}, int {name}_at" for name in bases),
        "NUMBERS": "".join(f", {kind} {name}" for kind, name in words),
        "BASES": "".join(f", __global const float *restrict {name}" for name in bases),
        "OPERANDS": len(bases),
        "WORDS": len(words),
        "FIELDS(offsets, numbers)": " ".join(fields),
    }
    lines = [f"#define CHAIN_{name} {text}\n" for name, text in macros.items()]
    return "".join(lines) + (
        f"#define CHAIN(v, image, channel, at) do {{ VEC kept = v, other = v; {' '.join(body)} }} while (0)\n"
    )


def _operand(call: Call, position: int, lanes: int) -> tuple[Operand, int, str]:
    """An operand's memory, its elements from image to image, and how it spreads over an image."""
    spec, out, value = call.need(position), call.outputs[0], call.constants.get(position)
    if call.op in PRODUCTS:
        assert value is not None
        columns = np.zeros(ceil_div(value.size, lanes) * lanes, np.float32)
        columns[: value.size] = value.reshape(-1)
        return constant(columns), 0, "channel"
    how = spread(spec.shape, out.shape) or "full"
    shape = (1,) * (len(out.shape) - len(spec.shape)) + spec.shape
    several = int(shape[0] > 1)
    if value is None:
        return read(position), several * spec.stride, how
    if out.layout == "plain":
        return constant(value.astype(np.float32)), several * prod(shape[1:]), how
    n, c, h, w = shape
    wide = np.ones((n, out.blocks * out.block, h, w), np.float32)
    wide[:, :c] = value.reshape(shape)
    packed = wide.reshape(n, out.blocks, out.block, h, w).transpose(0, 1, 3, 4, 2)
    return constant(packed), several * prod(packed.shape[1:]), how


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """Lower an elementwise operator to one launch where it is a chain, else None."""
    found, y = chain_of(call), call.outputs[0]
    if found is None or any(spec is None or spec.dtype != np.float32 for spec in call.inputs):
        return None
    position, links = found
    if call.need(position).layout != y.layout:
        return None
    return GpuLowering((step(call, position, links, target),))


def step(call: Call, position: int, links: tuple[Link, ...], target: GpuTarget) -> GpuStep:
    """One launch from the input at a position to the output."""
    x, y = call.need(position), call.outputs[0]
    images, rows, length = extent(call, links)
    lanes = target.lanes if y.layout == "plain" else min(target.lanes, y.block)
    mask = y.layout == "blocked" and y.shape[1] % y.block != 0
    plane = (prod(y.stored[2:]), y.shape[1]) if mask else (1, 1)
    row = grid(ceil_div(length, lanes), target)
    launch = GpuStep(
        template("rows", "chain"),
        "chain",
        (read(position), write()),
        (row.span, length, rows, x.stride, y.stride, *plane),
        (row.items, rows, images),
        (row.group, 1, 1),
        (("V", lanes), ("BLOCK", y.block), ("PLAIN", int(y.layout == "plain")), ("MASK", int(mask))),
    )
    return _tail(call, links).on(launch)
