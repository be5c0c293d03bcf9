"""Every operator besides convolution, on the layouts it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.op import Call
from kernels.opencl import (
    affine,
    concat,
    copy,
    elementwise,
    gemm,
    lrn,
    pool,
    reorder,
    softmax,
    transpose,
)
from kernels.opencl import slice as slicing
from tests.kernels.opencl.harness import Array, close, reference, run, spec, target

pytestmark = pytest.mark.parametrize("simt", [False, True])
rng = np.random.default_rng(0)


def random(*shape: int) -> Array:
    return rng.standard_normal(shape, np.float32)


@pytest.mark.parametrize("block", [16, 8, 4])
def test_affine_blocked(block: int, simt: bool) -> None:
    x, scale, shift = random(2, 37, 5, 7), random(37), random(37)
    specs = spec(x.shape, "blocked", block, 2), spec(scale.shape), spec(shift.shape)
    call = Call(
        "Affine",
        {"activation": (0, 6, 0.1)},
        specs,
        (spec(x.shape, "blocked", block, 1),),
        {1: scale, 2: shift},
    )
    v = x * scale[:, None, None] + shift[:, None, None]
    close(
        run(affine.lower, call, [x, None, None], target(simt))[0],
        np.clip(v, 0, 6) + np.float32(0.1) * np.minimum(v, 0),
    )


@pytest.mark.parametrize("shape", [(3, 19), (2, 5, 7), (2, 5, 3, 11)])
def test_affine_plain(shape: tuple[int, ...], simt: bool) -> None:
    x, scale, shift = random(*shape), random(shape[1]), random(shape[1])
    call = Call(
        "Affine",
        {},
        (spec(shape), spec(scale.shape), spec(shift.shape)),
        (spec(shape),),
        {1: scale, 2: shift},
    )
    ones = (-1,) + (1,) * (len(shape) - 2)
    close(
        run(affine.lower, call, [x, None, None], target(simt))[0],
        x * scale.reshape(ones) + shift.reshape(ones),
    )


POOLS: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("MaxPool", (2, 20, 9, 11), {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}),
    ("MaxPool", (1, 16, 8, 8), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ("MaxPool", (1, 16, 9, 9), {"kernel_shape": (2, 3), "dilations": (2, 2), "pads": (0, 1, 1, 0)}),
    ("AveragePool", (2, 20, 9, 11), {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}),
    ("AveragePool", (2, 20, 9, 11), {"kernel_shape": (3, 2), "pads": (1, 0, 1, 1), "count_include_pad": 1}),
    ("AveragePool", (1, 5, 8, 8), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ("GlobalAveragePool", (2, 37, 7, 9), {}),
    ("GlobalMaxPool", (2, 37, 7, 9), {}),
]  # fmt: skip


@pytest.mark.parametrize("block", [16, 4])
@pytest.mark.parametrize("index", range(len(POOLS)))
def test_pool(index: int, block: int, simt: bool) -> None:
    op, shape, attributes = POOLS[index]
    x = random(*shape) - 3
    (expected,) = reference(op, [x], **attributes)
    call = Call(op, attributes, (spec(shape, "blocked", block, 1),), (spec(expected.shape, "blocked", block, 2),))
    close(run(pool.lower, call, [x], target(simt))[0], expected)


def test_average_pool_ceil_over_padding(simt: bool) -> None:
    """Overhang beyond the padding counts for nothing."""
    x = random(1, 4, 6, 6)
    attributes = {
        "kernel_shape": (3, 3),
        "strides": (2, 2),
        "pads": (1, 1, 1, 1),
        "ceil_mode": 1,
        "count_include_pad": 1,
    }
    expected = np.zeros((1, 4, 4, 4), np.float32)
    for i in range(4):
        for j in range(4):
            h, w = 2 * i - 1, 2 * j - 1
            part = x[:, :, max(h, 0) : h + 3, max(w, 0) : w + 3]
            expected[:, :, i, j] = part.sum((2, 3)) / ((min(h + 3, 7) - h) * (min(w + 3, 7) - w))
    call = Call("AveragePool", attributes, (spec(x.shape, "blocked", 4),), (spec(expected.shape, "blocked", 4),))
    close(run(pool.lower, call, [x], target(simt))[0], expected)


@pytest.mark.parametrize("block", [16, 4])
@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (3, 0.5), (4, 1.0), (5, 0.6)])
def test_lrn(size: int, beta: float, block: int, simt: bool) -> None:
    x = random(2, 21, 5, 6)
    attributes = {"size": size, "alpha": 0.3, "beta": beta, "bias": 1.5}
    wide = np.pad(x**2, ((0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)))
    squares = sum(wide[:, i : i + 21] for i in range(size))
    expected = x / (np.float32(1.5) + np.float32(0.3 / size) * squares) ** np.float32(beta)
    call = Call("LRN", attributes, (spec(x.shape, "blocked", block, 1),), (spec(x.shape, "blocked", block, 1),))
    close(run(lrn.lower, call, [x], target(simt))[0], expected)


@pytest.mark.parametrize(("shape", "axis"), [((3, 100), 1), ((2, 5, 7), 1), ((4, 9), 0), ((1, 1000), -1)])
def test_softmax(shape: tuple[int, ...], axis: int, simt: bool) -> None:
    x = random(*shape) * 20
    call = Call("Softmax", {"axis": axis % len(shape), "extent": 1}, (spec(shape),), (spec(shape),))
    close(run(softmax.lower, call, [x], target(simt))[0], reference("Softmax", [x], axis=axis)[0])


@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("bias", [None, (50,), (1, 50), (7, 1), (1,)])
def test_gemm(bias: Any, trans: int, m: int, simt: bool) -> None:
    k, n = 33, 50
    if bias == (7, 1):
        bias = (m, 1)
    a, b = random(*((k, m) if trans else (m, k))), random(*((n, k) if trans else (k, n)))
    c = None if bias is None else random(*bias)
    attributes = {"transA": trans, "transB": trans, "alpha": 0.5, "beta": 2.0}
    (expected,) = reference("Gemm", [a, b, c], **attributes)
    inputs = (spec(a.shape), spec(b.shape), None if c is None else spec(c.shape))
    constants = {1: b} | ({} if c is None else {2: c})
    call = Call("Gemm", {**attributes, "activation": (0, np.inf, 0)}, inputs, (spec((m, n)),), constants)
    close(run(gemm.lower, call, [a, None, None], target(simt))[0], np.maximum(expected, 0))


def test_matmul(simt: bool) -> None:
    a, b = random(2, 3, 5, 20), random(20, 18)
    call = Call("MatMul", {}, (spec(a.shape), spec(b.shape)), (spec((2, 3, 5, 18)),), {1: b})
    close(run(gemm.lower, call, [a, None], target(simt))[0], a @ b)


@pytest.mark.parametrize("channels", [(32, 16, 48), (20, 7, 16, 5), (3, 4), (16, 5)])
@pytest.mark.parametrize("block", [16, 4])
def test_concat_blocked(block: int, channels: tuple[int, ...], simt: bool) -> None:
    parts = [random(2, c, 5, 3) for c in channels]
    y = spec((2, sum(channels), 5, 3), "blocked", block, 2)
    inputs = tuple(spec(p.shape, "blocked", block, i % 2) for i, p in enumerate(parts))
    call = Call("Concat", {"axis": 1}, inputs, (y,))
    close(run(concat.lower, call, parts, target(simt))[0], np.concatenate(parts, 1), 0)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["f", "i8", "u1"])
def test_concat_plain(dtype: str, axis: int, simt: bool) -> None:
    parts = [(random(2, 3, 4) * 50).astype(dtype) for _ in range(3)]
    inputs = tuple(spec(p.shape, dtype=dtype) for p in parts)
    expected = np.concatenate(parts, axis)
    call = Call("Concat", {"axis": axis}, inputs, (spec(expected.shape, dtype=dtype),))
    assert np.array_equal(run(concat.lower, call, parts, target(simt))[0], expected)


@pytest.mark.parametrize("dtype", ["f", "i8", "u1", "f2"])
def test_copy(dtype: str, simt: bool) -> None:
    x = (random(3, 7, 5) * 50).astype(dtype)
    call = Call("Reshape", {}, (spec(x.shape, dtype=dtype),), (spec((21, 5), dtype=dtype),))
    assert np.array_equal(run(copy.lower_copy, call, [x], target(simt))[0], x.reshape(21, 5))


@pytest.mark.parametrize("block", [16, 8, 4])
@pytest.mark.parametrize("channels", [3, 16, 21])
@pytest.mark.parametrize("there", [True, False])
def test_reorder(there: bool, channels: int, block: int, simt: bool) -> None:
    x = random(2, channels, 5, 7)
    pair = (spec(x.shape), spec(x.shape, "blocked", block, 1))
    before, after = pair if there else pair[::-1]
    close(run(reorder.lower, Call("Reorder", {}, (before,), (after,)), [x], target(simt))[0], x, 0)


@pytest.mark.parametrize("perm", [(1, 0), (0, 2, 1), (0, 2, 3, 1), (3, 0, 5, 1, 4, 2)])
def test_transpose(perm: tuple[int, ...], simt: bool) -> None:
    x = random(*(2, 3, 4, 5, 3, 2)[: len(perm)])
    y = x.transpose(perm)
    call = Call("Transpose", {"perm": perm}, (spec(x.shape),), (spec(y.shape),))
    close(run(transpose.lower, call, [x], target(simt))[0], y, 0)


def test_slice(simt: bool) -> None:
    x = random(4, 9, 11)
    y = x[:, 2:8:2, 10:1:-3]
    attributes = {"starts": (0, 2, 10), "steps": (1, 2, -3)}
    call = Call("Slice", attributes, (spec(x.shape),), (spec(y.shape),))
    close(run(slicing.lower, call, [x], target(simt))[0], y, 0)


UNARY: dict[str, dict[str, float]] = {
    "Relu": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {"alpha": 1.3}, "Sigmoid": {}, "Tanh": {},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "HardSwish": {}, "Exp": {}, "Log": {}, "Sqrt": {}, "Neg": {},
    "Abs": {}, "Reciprocal": {}, "Floor": {}, "Ceil": {}, "Softplus": {}, "Erf": {},
}  # fmt: skip


@pytest.mark.parametrize("layout", ["plain", "blocked"])
@pytest.mark.parametrize("op", [*UNARY, "Clip"])
def test_unary(op: str, layout: str, simt: bool) -> None:
    x = random(2, 21, 5, 3) * 3
    if op in ("Log", "Sqrt", "Reciprocal"):
        x = np.abs(x) + np.float32(0.01)
    attributes = UNARY.get(op, {})
    if op == "Clip":
        attributes, expected = {"min": -1.0, "max": 2.0}, np.clip(x, -1, 2)
    else:
        (expected,) = reference(op, [x], **attributes)
    gap = 2 if layout == "blocked" else 0
    call = Call(op, attributes, (spec(x.shape, layout, 16, gap),), (spec(x.shape, layout, 16),))
    close(run(elementwise.lower, call, [x], target(simt))[0], expected)


BINARY = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu", "Sum"]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize(
    "shapes",
    [((2, 21, 3, 5),) * 2, ((2, 3, 1, 5), (3, 4, 1)), ((7,), (1,)), ((1, 1, 2, 1, 3, 2), (2, 3, 1, 2, 1, 2))],
)
def test_binary_plain(shapes: Any, op: str, simt: bool) -> None:
    a, b = random(*shapes[0]), random(*shapes[1])
    check_binary(op, a, b, "plain", simt)


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("shape", [(2, 21, 3, 5), (2, 21, 1, 1), (1, 21, 3, 5)])
def test_binary_blocked(shape: Any, op: str, simt: bool) -> None:
    check_binary(op, random(2, 21, 3, 5), random(*shape), "blocked", simt)


def check_binary(op: str, a: Array, b: Array, layout: str, simt: bool) -> None:
    if op == "Pow":
        a = np.abs(a) + np.float32(0.1)
    functions = {
        "Add": np.add, "Sum": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide,
        "Pow": np.power,
        "Max": np.maximum, "Min": np.minimum, "PRelu": lambda p, q: np.where(p < 0, p * q, p),
    }  # fmt: skip
    expected = functions[op](a, b)
    gap = 1 if layout == "blocked" else 0
    inputs = (spec(a.shape, layout, 16, gap), spec(b.shape, layout, 16))
    call = Call(op, {}, inputs, (spec(expected.shape, layout, 16, gap * 2),))
    close(run(elementwise.lower, call, [a, b], target(simt))[0], expected)


@pytest.mark.parametrize("shape", [(1,), (21, 1, 1), (1, 21, 3, 5)])
def test_binary_constant(shape: tuple[int, ...], simt: bool) -> None:
    a, b = random(2, 21, 3, 5), random(*shape)
    call = Call("PRelu", {}, (spec(a.shape, "blocked"), spec(shape)), (spec(a.shape, "blocked"),), {1: b})
    close(run(elementwise.lower, call, [a, None], target(simt))[0], np.where(a < 0, a * b, a))


def test_sum_of_three(simt: bool) -> None:
    parts = [random(2, 5, 3), random(5, 1), random(2, 5, 3)]
    call = Call("Sum", {}, tuple(spec(p.shape) for p in parts), (spec((2, 5, 3)),))
    close(run(elementwise.lower, call, parts, target(simt))[0], parts[0] + parts[1] + parts[2])
