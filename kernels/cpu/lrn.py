"""Local response normalisation on the CPU: sliding sums over channels, powers by square roots where they can be."""

from __future__ import annotations

from functools import cache
from typing import Any

from kernels.cpu.mathematics import exponential, logarithm
from kernels.cpu.record import kernel, number
from kernels.cpu.share import split
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import (
    add,
    divide,
    fma,
    load,
    multiply,
    splat,
    square_root,
    store,
)
from kernels.op import Call, CpuLowering, CpuStep, read, scratch, write

ROOTS = {0.5: 2, 0.75: 3, 1.0: 4}  # quarters of the exponent; others go by way of the logarithm


@cache
def lrn_kernel(quarters: int, lanes: int) -> Any:
    """Compiled kernel.

    Record: x, y, squares; pixels a task, all pixels, pixels of an image, blocks, x's and y's image strides,
    channels, margin, before, after; alpha / size, bias, -beta. Squares of one pixel lie between two margins of
    zeros.
    """

    def lrn(args: Any, task: Any) -> None:
        area, blocks, channels, margin = args[5], args[6], args[9], args[10]
        squares = args[2] + task * (blocks * lanes + 2 * margin) * 4
        middle = squares + margin * 4
        zero = splat(0.0, lanes)
        one = splat(1.0, lanes)
        alpha, bias = splat(number(args, 13), lanes), splat(number(args, 14), lanes)
        power = splat(number(args, 15), lanes)
        for i in range(0, margin, lanes):
            store(squares + i * 4, zero)
        for pixel in range(task * args[3], min(args[4], (task + 1) * args[3])):
            image, place = pixel // area, pixel % area
            x = args[0] + (image * args[7] + place * lanes) * 4
            y = args[1] + (image * args[8] + place * lanes) * 4
            for block in range(blocks):
                value = load(x + block * area * lanes * 4, lanes)
                store(middle + block * lanes * 4, multiply(value, value))
            for i in range(channels, blocks * lanes + margin - lanes + 1, lanes):
                store(middle + i * 4, zero)
            for block in range(blocks):
                total = zero
                for i in range(-args[11], args[12] + 1):
                    total = add(total, load(middle + (block * lanes + i) * 4, lanes))
                total = fma(total, alpha, bias)
                if quarters == 2:
                    scale = divide(one, square_root(total))
                elif quarters == 3:
                    root = square_root(total)
                    scale = divide(one, multiply(root, square_root(root)))
                elif quarters == 4:
                    scale = divide(one, total)
                else:
                    scale = exponential(multiply(power, logarithm(total)))
                store(y + block * area * lanes * 4, multiply(load(x + block * area * lanes * 4, lanes), scale))

    return kernel(lrn)


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower LRN, blocked in and out."""
    x, y = call.need(0), call.outputs[0]
    if len(x.shape) != 4 or x.layout != "blocked":
        return None
    n, c, h, w = x.shape
    size, beta = call.attributes["size"], call.attributes["beta"]
    margin = (-(-size // x.block) + 1) * x.block
    each, tasks = split(n * h * w, x.blocks * x.block)
    numbers = (
        each, n * h * w, h * w, x.blocks, x.stride, y.stride, c, margin, (size - 1) // 2, size // 2,
        call.attributes["alpha"] / size, float(call.attributes["bias"]), -float(beta),
    )  # fmt: skip
    address = lrn_kernel(ROOTS.get(beta, 0), x.block).address
    step = CpuStep(address, (read(0), write(), scratch()), numbers, tasks, "LRN")
    return CpuLowering((step,), (tasks * (x.blocks * x.block + 2 * margin) * 4,))
