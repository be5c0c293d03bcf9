"""Chains and their functions on the CPU, for several vector widths, against float64."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

from engine.devices.device import Bound, Memory
from engine.devices.numba_cpu import NumbaDevice
from kernels.chain import BINARY, KEEP, KEPT, NUMBER, UNARY, Link
from kernels.cpu import chain
from kernels.cpu.function import FUNCTIONS
from kernels.cpu.target import CpuTarget
from kernels.op import Call, Spec

Array = np.ndarray[Any, Any]
TARGETS = [CpuTarget(16, 32), CpuTarget(8, 16), CpuTarget(4, 32)]  # AVX-512, AVX2, NEON
everywhere = pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.lanes}lanes")


def run(links: tuple[Link, ...], arrays: list[Array], target: CpuTarget, threads: int = 2) -> Array:
    """A chain over plain tensors, the first of which it begins with; what is not written stays not-a-number."""
    specs = tuple(Spec(array.shape) for array in arrays)
    lowering = chain.lower(Call("Chain", {"chain": links}, specs, (specs[0],)), target)
    assert lowering is not None
    device = NumbaDevice(threads)
    (step,) = lowering.steps
    y = np.full(arrays[0].size + 64, np.nan, np.float32)
    memory = []
    for operand in step.operands:
        if operand.kind == "constant":
            assert operand.array is not None
            memory.append(Memory(device.upload(operand.array)))
        else:
            array = arrays[operand.index].reshape(-1) if operand.kind == "input" else y
            memory.append(Memory(array.view(np.uint8)))
    device.record([Bound(step, tuple(memory))]).start()
    assert np.isnan(y[arrays[0].size :]).all(), "written behind the output"
    return y[: arrays[0].size].reshape(arrays[0].shape)


def test_every_function_has_code() -> None:
    assert {"Keep", *UNARY, *BINARY} == set(FUNCTIONS)


def spread(low: float, high: float) -> Array:
    """Numbers of an interval, close together in its middle too."""
    even = np.linspace(low, high, 200_003)
    return np.concatenate([even, even * 1e-3, even * 1e-6]).astype(np.float32)


POSITIVE = np.logspace(-44, 38, 300_001).astype(np.float32)
BOUNDS: list[tuple[str, Callable[[Array], Array], Array, float]] = [
    ("Exp", np.exp, spread(-87, 88.7), 2e-7),
    ("Log", np.log, POSITIVE, 2e-7),
    ("Tanh", np.tanh, spread(-30, 30), 2e-7),
    ("Sigmoid", lambda x: 1 / (1 + np.exp(-x)), spread(-87, 87), 3e-7),
    ("Softplus", lambda x: np.logaddexp(0, x), spread(-80, 80), 4e-7),
    ("Elu", lambda x: np.where(x < 0, np.expm1(x), x), spread(-80, 80), 2e-7),
    ("Erf", np.vectorize(erf), spread(-5, 5), 4e-7),
]


@everywhere
@pytest.mark.parametrize(("name", "function", "x", "bound"), BOUNDS, ids=lambda v: v if isinstance(v, str) else "")
def test_relative_error(
    name: str, function: Callable[[Array], Array], x: Array, bound: float, target: CpuTarget
) -> None:
    got = run((Link(name, numbers=(1.0,)),), [x], target)
    want = function(x.astype(np.float64))
    normal = np.abs(want) > 1.2e-38
    assert (np.abs(got - want)[normal] <= bound * np.abs(want)[normal]).all()
    assert (np.abs(got - want)[~normal] <= 2e-45).all()


@everywhere
def test_ends_of_the_number_line(target: CpuTarget) -> None:
    x = np.array([-np.inf, np.inf, np.nan, 0.0, -1.0], np.float32)
    wanted = {
        "Exp": [0, np.inf, np.nan, 1, np.exp(np.float32(-1))],
        "Log": [np.nan, np.inf, np.nan, -np.inf, np.nan],
        "Tanh": [-1, 1, np.nan, 0, np.tanh(np.float32(-1))],
        "Sigmoid": [0, 1, np.nan, 0.5, 1 / (1 + np.e)],
        "Erf": [-1, 1, np.nan, 0, -erf(1)],
        "Sqrt": [np.nan, np.inf, np.nan, 0, np.nan],
        "Relu": [0, np.inf, np.nan, 0, 0],
        "Clip": [0, 1, np.nan, 0, 0],
    }
    for name, want in wanted.items():
        got = run((Link(name, numbers=(0.0, 1.0)),), [x], target)
        np.testing.assert_allclose(got, np.array(want, np.float32), rtol=3e-7, err_msg=name)


@everywhere
@pytest.mark.parametrize("shape", [(3,), (70_001,), (2, 5, 4099), (3, 2, 1)])
def test_operands_of_every_kind(shape: tuple[int, ...], target: CpuTarget, random: np.random.Generator) -> None:
    """Numbers, what was kept, tensors of the same shape, of one image and of one number a channel, on either side."""
    x = random.standard_normal(shape).astype(np.float32)
    same = random.standard_normal(shape).astype(np.float32)
    arrays, links = [x, same], [KEEP, Link("Mul", 1), Link("Sub", NUMBER, (0.5,), True), Link("Add", KEPT)]
    want = (0.5 - x.astype(np.float64) * same) + x
    if len(shape) > 1:
        image = random.uniform(1, 2, (1, *shape[1:])).astype(np.float32)
        channel = random.uniform(1, 2, (shape[0], shape[1], *(1,) * (len(shape) - 2))).astype(np.float32)
        arrays += [image, channel]
        links += [Link("Div", 2), Link("Max", 3), Link("Sub", 3, (), True)]
        want = channel - np.maximum(want / image, channel)
    got = run(tuple(links), arrays, target)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_threads_agree(random: np.random.Generator) -> None:
    x = random.standard_normal((2, 3, 50_000)).astype(np.float32)
    gate = random.standard_normal((2, 3, 1)).astype(np.float32)
    links = (Link("Swish", numbers=(1.0,)), Link("Mul", 1))
    alone = run(links, [x, gate], TARGETS[0], threads=1)
    assert np.array_equal(alone, run(links, [x, gate], TARGETS[0], threads=4))
