"""Elementwise operators on the CPU: one function of one or two numbers, applied flat or with broadcasting."""

from __future__ import annotations

from functools import cache
from math import erf, exp, log, log1p, prod, sqrt, tanh
from typing import Any

import numba
import numpy as np

from kernels.cpu.record import floats, integers, kernel, number
from kernels.cpu.share import TASK_ELEMENTS, split
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, Operand, constant, read, write

UNARY = (
    "Clip", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Exp", "Log", "Sqrt", "Neg", "Abs",
    "Reciprocal", "Floor", "Ceil", "Softplus", "Erf", "Relu",
)  # fmt: skip
BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu")
RANK = 6  # dimensions of a broadcast, after neighbours that behave alike were joined

ONE = np.float32(1)
ZERO = np.float32(0)


# The chains of comparisons below are settled while compiling: `code` is a constant of each kernel.
@numba.njit(inline="always", error_model="numpy")  # type: ignore[untyped-decorator]
def unary(code: Any, x: Any, a: Any, b: Any) -> Any:
    """UNARY[code] of x; a and b are its attributes."""
    if code == 0:
        return min(max(x, a), b)
    if code == 1:
        return x if x >= ZERO else a * x
    if code == 2:
        return x if x >= ZERO else a * (np.float32(exp(x)) - ONE)
    if code == 3:
        return ONE / (ONE + np.float32(exp(-x)))
    if code == 4:
        return np.float32(tanh(x))
    if code == 5:
        return max(ZERO, min(ONE, a * x + b))
    if code == 6:
        return x * max(ZERO, min(ONE, x / np.float32(6) + np.float32(0.5)))
    if code == 7:
        return np.float32(exp(x))
    if code == 8:
        return np.float32(log(x)) if x > ZERO else (np.float32(-np.inf) if x == ZERO else np.float32(np.nan))
    if code == 9:
        return np.float32(sqrt(x)) if x >= ZERO else np.float32(np.nan)
    if code == 10:
        return -x
    if code == 11:
        return abs(x)
    if code == 12:
        return ONE / x
    if code == 13:
        return np.float32(np.floor(x))
    if code == 14:
        return np.float32(np.ceil(x))
    if code == 15:
        return max(x, ZERO) + np.float32(log1p(exp(-abs(x))))
    if code == 16:
        return np.float32(erf(x))
    return max(x, ZERO)


@numba.njit(inline="always", error_model="numpy")  # type: ignore[untyped-decorator]
def binary(code: Any, x: Any, y: Any) -> Any:
    """BINARY[code] of x and y."""
    if code == 0:
        return x + y
    if code == 1:
        return x - y
    if code == 2:
        return x * y
    if code == 3:
        return x / y
    if code == 4:
        return np.float32(x**y)
    if code == 5:
        return max(x, y)
    if code == 6:
        return min(x, y)
    return x if x >= ZERO else x * y


@cache
def unary_kernel(code: int) -> Any:
    """Record: x, y; elements a task, elements of an image, tasks an image, x's and y's image strides; a, b."""

    def elementwise(args: Any, task: Any) -> None:
        image, part = task // args[4], task % args[4]
        begin = part * args[2]
        count = min(args[3] - begin, args[2])
        x = floats(args[0] + (image * args[5] + begin) * 4)
        y = floats(args[1] + (image * args[6] + begin) * 4)
        a, b = number(args, 7), number(args, 8)
        for i in range(count):
            y[i] = unary(code, x[i], a, b)

    return kernel(elementwise)


@cache
def binary_kernel(code: int) -> Any:
    """Record: x, y, z; elements a task, elements of an image, tasks an image, the three image strides."""

    def elementwise(args: Any, task: Any) -> None:
        image, part = task // args[5], task % args[5]
        begin = part * args[3]
        count = min(args[4] - begin, args[3])
        x = floats(args[0] + (image * args[6] + begin) * 4)
        y = floats(args[1] + (image * args[7] + begin) * 4)
        z = floats(args[2] + (image * args[8] + begin) * 4)
        for i in range(count):
            z[i] = binary(code, x[i], y[i])

    return kernel(elementwise)


@cache
def broadcast_kernel(code: int) -> Any:
    """Record: x, y, z, sizes and strides [3][RANK]; rows a task, all rows. A row is the last dimension."""

    def elementwise(args: Any, task: Any) -> None:
        table = integers(args[3])
        length = table[RANK - 1]
        for row in range(task * args[4], min(args[5], (task + 1) * args[4])):
            rest = row
            first = 0
            second = 0
            for k in range(RANK - 2, -1, -1):
                index = rest % table[k]
                rest //= table[k]
                first += index * table[RANK + k]
                second += index * table[2 * RANK + k]
            x, y = floats(args[0] + first * 4), floats(args[1] + second * 4)
            z = floats(args[2] + row * length * 4)
            by_x, by_y = table[2 * RANK - 1], table[3 * RANK - 1]
            for i in range(length):
                z[i] = binary(code, x[i * by_x], y[i * by_y])

    return kernel(elementwise)


def parameters(call: Call) -> tuple[float, float]:
    """The two attributes of a unary operator, with ONNX's defaults."""
    given = call.attributes
    if call.op == "Clip":
        return float(given.get("min", -np.inf)), float(given.get("max", np.inf))
    defaults = {"LeakyRelu": 0.01, "Elu": 1.0, "HardSigmoid": 0.2}
    return float(given.get("alpha", defaults.get(call.op, 0.0))), float(given.get("beta", 0.5))


def lower_unary(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an operator of UNARY: same layout in and out."""
    x, y = call.need(0), call.outputs[0]
    if x.dtype != np.float32:
        return None
    images = x.shape[0] if x.layout == "blocked" else 1
    size = x.size // max(1, images)
    each, parts = split(size, 1)
    numbers = (each, size, parts, x.stride, y.stride, *parameters(call))
    address = unary_kernel(UNARY.index(call.op)).address
    return CpuLowering((CpuStep(address, (read(0), write()), numbers, images * parts, call.op),))


def lower_binary(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower an operator of BINARY, or Sum, of any number of inputs: taken two at a time into the output."""
    if any(spec is None or spec.dtype != np.float32 for spec in call.inputs):
        return None
    if len(call.inputs) == 1:
        return None
    code = BINARY.index("Add" if call.op == "Sum" else call.op)
    operands = [constant(call.constants[i]) if i in call.constants else read(i) for i in range(len(call.inputs))]
    steps = [_pair(call, code, operands[0], 0, operands[1], 1)]
    steps += [_pair(call, code, write(), None, operands[i], i) for i in range(2, len(operands))]
    return CpuLowering(tuple(steps))


def _pair(call: Call, code: int, x: Operand, first: int | None, y: Operand, second: int) -> CpuStep:
    """One step z = f(x, y); the operands' positions say how they lie (None: as the output)."""
    out = call.outputs[0]
    specs = [out if first is None else call.need(first), call.need(second), out]
    if all(spec.shape == out.shape and spec.layout == out.layout for spec in specs):
        images = out.shape[0] if out.layout == "blocked" else 1
        size = out.size // max(1, images)
        each, parts = split(size, 1)
        numbers = (each, size, parts, *(spec.stride for spec in specs))
        return CpuStep(binary_kernel(code).address, (x, y, write()), numbers, images * parts, call.op)
    sizes, strides = broadcast(out.shape, [specs[0].shape, specs[1].shape])
    table = constant(np.array([sizes, *strides], np.int64))
    rows = prod(sizes[:-1])
    each = max(1, TASK_ELEMENTS // max(1, sizes[-1]))
    address = broadcast_kernel(code).address
    return CpuStep(address, (x, y, write(), table), (each, rows), -(-rows // each), call.op)


def broadcast(shape: tuple[int, ...], inputs: list[tuple[int, ...]]) -> tuple[list[int], list[list[int]]]:
    """Sizes (RANK) and each input's strides (RANK) of a broadcast, neighbours that behave alike joined.

    Raises ValueError where more than RANK dimensions are left.
    """
    strides = []
    for given in inputs:
        full = (1,) * (len(shape) - len(given)) + given
        steps = [prod(full[k + 1 :]) if full[k] > 1 else 0 for k in range(len(shape))]
        strides.append(steps)
    sizes: list[int] = []
    joined: list[list[int]] = [[] for _ in inputs]
    for k, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(row[-1] == steps[k] * size for row, steps in zip(joined, strides, strict=True)):
            sizes[-1] *= size
            for row, steps in zip(joined, strides, strict=True):
                row[-1] = steps[k]
            continue
        sizes.append(size)
        for row, steps in zip(joined, strides, strict=True):
            row.append(steps[k])
    if len(sizes) > RANK:
        raise ValueError(f"broadcast of {inputs} to {shape} has {len(sizes)} dimensions; at most {RANK} can be done")
    missing = RANK - len(sizes)
    return [1] * missing + sizes, [[0] * missing + row for row in joined]
