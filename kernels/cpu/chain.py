"""Chains on the CPU: a program of compiled functions, run over a stretch of numbers that stays in the first cache.

Nothing is compiled a chain. Whatever ends in one, elementwise operators and the tiles of convolutions alike, calls
`run` by the address in the program's first word.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

import struct
from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.chain import KEPT, NUMBER, Link, chain_of, extent, spread
from kernels.cpu.compiler import intrinsic, ir, types
from kernels.cpu.function import function
from kernels.cpu.record import chain_at, floats, integers, invoke, invoke_ir, kernel, number
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import i64, pointer_ir, splat, stack, store
from kernels.op import Call, CpuLowering, CpuStep, Operand, constant, read, write
from kernels.product import PRODUCTS

CHUNK = 1024  # elements that pass through the whole chain at a time
HEAD, WORDS = 2, 8  # of a program: its own words, and those of a link
NOTHING, KEEP = -3, -4  # as an operand's slot: there is none; the value goes to what is kept


@cache
def _interpreter(lanes: int) -> Any:
    """Compiled kernel: to[i] = the chain of x[i].

    Record: chain, to, x (addresses, `to` may be x); elements, image, block, number of the first element in its block.
    At `chain` are the addresses of the program and of the operands' tensors. A program is this kernel, how many
    links, and for each: the function, the operand's slot, its bytes from image to image, block to block and element
    to element, whether one number serves a whole block, and two float64. There is but one task.
    """

    def run(args: Any, task: Any) -> None:
        tensors, elements, image, block = integers(args[0]), args[3], args[4], args[5]
        program = integers(tensors[0])
        kept = stack(CHUNK)
        single = stack(lanes)
        for begin in range(0, elements, CHUNK):
            to, source = args[1] + begin * 4, args[2] + begin * 4
            for k in range(program[1]):
                link = HEAD + k * WORDS
                slot = program[link + 1]
                target, y, step = to, source, 0
                if slot == KEEP:
                    target = kept
                elif slot == KEPT:
                    y, step = kept, lanes * 4
                elif slot == NUMBER:
                    store(single, splat(number(program, link + 6), lanes))
                    y = single
                elif slot >= 0:
                    y = tensors[1 + slot] + image * program[link + 2] + block * program[link + 3]
                    y += (args[6] + begin) * program[link + 4]
                    step = lanes * program[link + 4]
                    if program[link + 5] != 0:
                        store(single, splat(floats(y)[0], lanes))
                        y = single
                count = min(CHUNK, elements - begin)
                invoke(program[link], (target, source, y, step, count, program[link + 6], program[link + 7]))
                if slot != KEEP:
                    source = target

    return kernel(run)


@cache
def chain_kernel() -> Any:
    """Compiled kernel.

    Record: x, y; elements that a task takes of a block, elements of a block, tasks to cover one, blocks a task, all
    blocks, blocks of an image, x's and y's image strides; a chain.
    """

    def elementwise(args: Any, task: Any) -> None:
        size, parts, blocks = args[3], args[4], args[7]
        begin = task % parts * args[2]
        count = min(args[2], size - begin)
        chain = chain_at(args, 10)
        run = integers(args[10])[0]
        for part in range(task // parts * args[5], min(args[6], (task // parts + 1) * args[5])):
            image, block = part // blocks, part % blocks
            x = args[0] + (image * args[8] + block * size + begin) * 4
            y = args[1] + (image * args[9] + block * size + begin) * 4
            invoke(run, (chain, y, x, count, image, block, begin))

    return kernel(elementwise)


@intrinsic
def pass_on(typing, args, position, place, elements, image, block, first):
    """Run the chain at a position of the record, if one is there, over the numbers at a place."""

    def codegen(context, builder, signature, arguments):
        record, at, place, *rest = arguments
        word = builder.gep(record, [at])
        program = builder.load(word)
        with builder.if_then(builder.icmp_unsigned("!=", program, ir.Constant(i64(), 0))):
            run = builder.load(pointer_ir(builder, program, i64()))
            invoke_ir(builder, run, [builder.ptrtoint(word, i64()), place, place, *rest])
        return context.get_dummy_value()

    return types.void(args, *[types.int64] * 6), codegen


def program(call: Call, links: tuple[Link, ...], lanes: int) -> tuple[Operand, ...]:
    """A chain as a step holds it, its `chained` operands: the program, and the tensors it reads.

    Where the output is a matrix product's, a block is `lanes` columns; else it is a block of channels, or a channel
    of a plain tensor.
    """
    if not links:
        return ()
    words = [int(_interpreter(lanes).address), len(links)]
    tensors: list[Operand] = []
    for link in links:
        slot, strides = NOTHING if link.function != "Keep" else KEEP, (0, 0, 0, 0)
        if link.operand is not None:
            slot = link.operand
        if slot >= 0:
            tensor, strides = _operand(call, slot, lanes)
            slot = len(tensors)
            tensors.append(tensor)
        numbers = (*link.numbers, 0.0, 0.0)[:2]
        words += [function(link.function, link.first, lanes), slot, *strides]
        words += [struct.unpack("q", struct.pack("d", value))[0] for value in numbers]
    return (constant(np.array(words, np.int64)), *tensors)


def tail(call: Call, lanes: int) -> tuple[Operand, ...]:
    """The chain that was fused behind an operator's clamp."""
    return program(call, call.attributes.get("chain", ()), lanes)


def _operand(call: Call, position: int, lanes: int) -> tuple[Operand, tuple[int, int, int, int]]:
    """An operand's memory, and its bytes by image, by block and by element, and whether it is one number a block."""
    spec, out, value = call.need(position), call.outputs[0], call.constants.get(position)
    if call.op in PRODUCTS:
        assert value is not None
        columns = np.zeros(-(-value.size // lanes) * lanes, np.float32)
        columns[: value.size] = value.reshape(-1)
        return constant(columns), (0, lanes * 4, 0, 0)
    shape = (1,) * (len(out.shape) - len(spec.shape)) + spec.shape
    several = int(shape[0] > 1)
    full = spread(spec.shape, out.shape) == "full"
    if out.layout == "plain":
        tensor = read(position) if value is None else constant(value.astype(np.float32))
        if full:
            row = prod(shape[2:])
            return tensor, (several * prod(shape[1:]) * 4, row * 4, 4, 0)
        return tensor, (several * shape[1] * 4, 4, 0, 1)
    if value is not None:
        n, c, h, w = shape
        wide = np.ones((n, out.blocks * out.block, h, w), np.float32)
        wide[:, :c] = value.reshape(shape)
        tensor = constant(wide.reshape(n, out.blocks, out.block, h, w).transpose(0, 1, 3, 4, 2))
        stride = out.blocks * out.block * h * w
    else:
        tensor, stride = read(position), spec.stride
    area = shape[2] * shape[3]
    return tensor, (several * stride * 4, area * out.block * 4, 4 if full else 0, 0)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an elementwise operator: one pass where it is a chain, else None."""
    found = chain_of(call)
    y = call.outputs[0]
    if found is None or any(spec is None or spec.dtype != np.float32 for spec in call.inputs):
        return None
    position, links = found
    x = call.need(position)
    images, blocks, size = extent(call, links)
    each, parts = split(size, 1)
    several, groups = split(images * blocks, size)
    fused = program(call, links, y.block if y.layout == "blocked" else target.lanes)
    numbers = (each, size, parts, several, images * blocks, blocks, x.stride, y.stride)
    name = call.op if call.op != "Chain" else "+".join(link.function for link in links if link.function != "Keep")
    operands = (read(position), write(), *fused)
    return CpuLowering((CpuStep(chain_kernel().address, operands, numbers, groups * parts, name, len(fused)),))
