"""Every way to a convolution on the CPU, against float64: the error each may have, for several vector widths."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

from engine.devices.device import Bound, Memory
from engine.devices.numba_cpu import NumbaDevice
from kernels.cpu import conv, winograd
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, Spec
from kernels.winograd import POINTS, matrices

Array = np.ndarray[Any, Any]
Lower = Callable[[Call, CpuTarget], CpuLowering]
TARGETS = [CpuTarget(16, 32), CpuTarget(8, 16), CpuTarget(4, 32)]  # AVX-512, AVX2, NEON
SHAPES = [  # images, channels, outputs, height, width
    (1, 64, 96, 14, 14), (1, 16, 64, 27, 19), (2, 40, 72, 9, 9), (1, 24, 20, 5, 30), (3, 33, 17, 7, 4),
]  # fmt: skip


def direct(call: Call, target: CpuTarget) -> CpuLowering:
    """The convolution by its definition, whatever would be faster."""
    lowering = conv.direct(call, target)
    assert lowering is not None
    return lowering


def by_tiles(size: int) -> Lower:
    """Winograd's, of one size."""
    return lambda call, target: winograd.lower(call, target, size)


WAYS = [
    pytest.param(direct, 2e-6, id="direct"),
    pytest.param(by_tiles(2), 2e-5, id="winograd2"),
    pytest.param(by_tiles(4), 1e-4, id="winograd4"),
]


def blocked(value: Array, block: int, random: np.random.Generator) -> Array:
    """An image's blocked form; spare lanes hold numbers that must not matter."""
    n, c, h, w = value.shape
    full = random.standard_normal((n, -(-c // block) * block, h, w)).astype(np.float32)
    full[:, :c] = value
    return np.ascontiguousarray(full.reshape(n, -1, block, h, w).transpose(0, 1, 3, 4, 2))


def execute(lowering: CpuLowering, inputs: dict[int, Array], out: Spec, threads: int) -> Array:
    """Run the steps; scratch and output begin as not-a-number, so whatever is not written shows."""
    device = NumbaDevice(threads)

    def poisoned(nbytes: int) -> Memory:
        memory = device.allocate(nbytes)
        memory.view(np.float32)[:] = np.nan
        return Memory(memory)

    areas = [poisoned(-(-nbytes // 4) * 4) for nbytes in lowering.scratch]
    y = poisoned(out.nbytes)

    def place(operand: Any) -> Memory:
        if operand.kind == "constant":
            return Memory(device.upload(operand.array))
        known = {"output": lambda: y, "scratch": lambda: areas[operand.index], "absent": lambda: Memory(None)}
        if operand.kind == "input":
            return Memory(inputs[operand.index].view(np.uint8).reshape(-1))
        return known[operand.kind]()

    steps = [Bound(step, tuple(place(operand) for operand in step.operands)) for step in lowering.steps]
    device.record(steps).start()
    n, k, h, w = out.shape
    stored = y.base.view(np.float32)[: out.size].reshape(out.stored)
    return np.asarray(stored.transpose(0, 1, 4, 2, 3).reshape(n, -1, h, w)[:, :k])


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.lanes}lanes")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("way", "bound"), WAYS)
@pytest.mark.parametrize("extra", ["plain", "residual and clamp"])
def test_error_stays_within_its_bound(
    way: Lower, bound: float, shape: tuple[int, ...], target: CpuTarget, extra: str, random: np.random.Generator
) -> None:
    n, c, k, h, w = shape
    x = random.standard_normal((n, c, h, w)).astype(np.float32)
    weights = (random.standard_normal((k, c, 3, 3)) / np.sqrt(9 * c)).astype(np.float32)
    bias = random.standard_normal(k).astype(np.float32)
    spec = Spec(x.shape, layout="blocked", block=target.lanes)
    out = Spec((n, k, h, w), layout="blocked", block=target.lanes)
    attributes: dict[str, Any] = {
        "kernel_shape": (3, 3), "strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1), "group": 1,
    }  # fmt: skip
    inputs = {0: blocked(x, target.lanes, random)}
    specs: tuple[Spec | None, ...] = (spec, Spec(weights.shape), Spec(bias.shape))
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    want = np.einsum("nchwij,kcij->nkhw", windows, weights.astype(np.float64), optimize=True) + bias[:, None, None]
    if extra != "plain":
        attributes["activation"] = (0.0, inf, 0.1)
        residual = random.standard_normal(want.shape).astype(np.float32)
        inputs[3] = blocked(residual, target.lanes, random)
        specs += (out,)
        want = want + residual
        want = np.maximum(want, 0) + 0.1 * np.minimum(want, 0)
    call = Call("Conv", attributes, specs, (out,), {1: weights, 2: bias})
    got = execute(way(call, target), inputs, out, threads=2)
    assert np.abs(got - want).max() <= bound * np.abs(want).max()


@pytest.mark.parametrize("size", list(POINTS))
def test_the_matrices_make_a_correlation(size: int, random: np.random.Generator) -> None:
    outputs, window, inputs = matrices(size)
    g, d = random.standard_normal(3), random.standard_normal(size + 2)
    np.testing.assert_allclose(outputs @ ((window @ g) * (inputs @ d)), np.correlate(d, g, "valid"), rtol=1e-12)


def test_the_faster_way_is_taken() -> None:
    """Large images of many channels by Winograd, tiny ones directly."""
    target = CpuTarget(16, 32)

    def names(c: int, k: int, side: int) -> set[str]:
        attributes = {"kernel_shape": (3, 3), "strides": (1, 1), "dilations": (1, 1), "pads": (1,) * 4, "group": 1}
        x, y = (Spec((1, channels, side, side), layout="blocked") for channels in (c, k))
        weights = np.zeros((k, c, 3, 3), np.float32)
        lowering = conv.lower(Call("Conv", attributes, (x, Spec(weights.shape)), (y,), {1: weights}), target)
        assert lowering is not None
        return {step.name for step in lowering.steps}

    assert "winograd" in names(64, 64, 56)
    assert "winograd" not in names(16, 16, 2)
