"""Every way to a convolution on the CPU, against float64: the error each may have, for several vector widths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest

from engine.devices.device import Bound, Memory
from engine.devices.numba_cpu import NumbaDevice
from kernels.chain import KEEP, KEPT, Link
from kernels.cpu import conv, winograd
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering, CpuStep, Spec
from kernels.space import Choice, Question
from kernels.winograd import POINTS, matrices, values

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


def by_tiles(size: int, tiles: int, parts: int) -> Lower:
    """Winograd's, of one size, in bands of at most so many tiles, each cut into tasks."""
    return lambda call, target: winograd.lower(call, target, {"size": size, "tiles": tiles, "parts": parts})


WAYS = [
    pytest.param(direct, 2e-6, id="direct"),
    pytest.param(by_tiles(2, 256, 1), 2e-5, id="winograd2"),
    pytest.param(by_tiles(2, 8, 2), 2e-5, id="winograd2-bands"),
    pytest.param(by_tiles(4, 256, 1), 1e-4, id="winograd4"),
    pytest.param(by_tiles(4, 4, 3), 1e-4, id="winograd4-bands"),
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

    def each_poisoned(nbytes: int) -> Memory:
        return replace(poisoned(nbytes * threads), each=nbytes)

    areas = [poisoned(-(-nbytes // 4) * 4) for nbytes in lowering.scratch]
    y = poisoned(out.nbytes)

    def place(operand: Any) -> Memory:
        if operand.kind == "constant":
            return Memory(device.upload(operand.array))
        known = {
            "output": lambda: y,
            "scratch": lambda: areas[operand.index],
            "private": lambda: each_poisoned(operand.index),
            "absent": lambda: Memory(None),
        }
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
@pytest.mark.parametrize("extra", ["plain", "residual and clamp", "chain"])
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
    if extra == "chain":
        attributes["chain"] = (KEEP, Link("Sigmoid"), Link("Mul", KEPT))
        want = want / (1 + np.exp(-want))
    if extra == "residual and clamp":
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


@pytest.mark.parametrize("size", list(POINTS))
def test_without_factors_windows_are_values_of_polynomials(size: int, random: np.random.Generator) -> None:
    outputs, window = values(size)
    g, d = random.standard_normal(3), random.standard_normal(size + 2)
    got = outputs @ ((window @ g) * (matrices(size)[2] @ d))
    np.testing.assert_allclose(got, np.correlate(d, g, "valid"), rtol=1e-12)
    np.testing.assert_array_equal(window[:-1], [[1, p, p * p] for p in POINTS[size]])
    np.testing.assert_array_equal(window[-1], [0, 0, 1])


@pytest.mark.parametrize(("size", "times"), [(2, 12 / 9), (4, 18 / 9)])
def test_weights_are_transformed_one_way(size: int, times: float) -> None:
    """Both ways they would take 16 and 36 numbers for every 9."""
    call = square(64, 96, 28)
    (step,) = by_tiles(size, 64, 1)(call, CpuTarget(16, 32)).steps
    packed = max(operand.array.nbytes for operand in step.operands if operand.array is not None)
    assert packed == times * call.constants[1].nbytes


def test_the_faster_way_is_taken() -> None:
    """Large images of many channels by Winograd, tiny ones directly."""
    assert "winograd" in names(square(64, 64, 56), CpuTarget(16, 32))
    assert "winograd" not in names(square(16, 16, 2), CpuTarget(16, 32))


def square(c: int, k: int, side: int) -> Call:
    """A 3x3 convolution of a square image."""
    attributes = {"kernel_shape": (3, 3), "strides": (1, 1), "dilations": (1, 1), "pads": (1,) * 4, "group": 1}
    x, y = (Spec((1, channels, side, side), layout="blocked") for channels in (c, k))
    weights = np.zeros((k, c, 3, 3), np.float32)
    return Call("Conv", attributes, (x, Spec(weights.shape)), (y,), {1: weights})


def lowered(call: Call, target: CpuTarget) -> CpuLowering:
    """What the operator makes of a call."""
    lowering = conv.lower(call, target)
    assert lowering is not None
    return lowering


def names(call: Call, target: CpuTarget) -> set[str]:
    """The names of the steps."""
    return {step.name for step in lowered(call, target).steps}


def test_a_stored_choice_is_obeyed_and_one_that_does_not_fit_is_refused() -> None:
    call, target = square(64, 64, 56), CpuTarget(16, 32)
    (question, default), *_ = heard(call, target)
    assert question.fits(default)
    assert default["size"] == 4

    def tasks(**choice: int) -> list[tuple[str, int]]:
        tuned = replace(target, tunings={question.key: choice})
        return [(step.name, step.tasks) for step in lowered(call, tuned).steps if isinstance(step, CpuStep)]

    usual = tasks(**default)
    assert tasks(size=4, tiles=32, parts=2) == [("winograd", 2 * 7)]  # of 196 tiles
    assert tasks(size=2, tiles=256, parts=1) == [("winograd", 4)]
    assert [name for name, _ in tasks(size=0, tiles=4, parts=1)] == ["pad", "dense"]
    assert tasks(size=3, tiles=32, parts=1) == usual  # no tiles of that size
    assert tasks(size=4, tiles=32, parts=32) == usual  # more parts than there are output blocks
    assert tasks(size=4, tiles=32) == usual


def heard(call: Call, target: CpuTarget) -> list[tuple[Question, Choice]]:
    """What a lowering asks its target, and is answered."""
    found: list[tuple[Question, Choice]] = []
    lowered(call, replace(target, heard=found))
    return found


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("call", [square(64, 64, 56), square(512, 512, 14), square(40, 20, 9)], ids=str)
def test_a_band_stays_in_the_cache_and_every_thread_has_work(call: Call, workers: int) -> None:
    """By default: where weights are few; many are better read once."""
    target = CpuTarget(16, 32, workers=workers)
    ((question, choice),) = heard(call, target)
    if choice["size"]:
        bands = winograd.Bands(call, target, choice)
        assert bands.count * bands.parts >= min(workers, call.outputs[0].blocks)
        smaller = [c for c in question.space.choices() if question.cost(c) < question.cost(choice)]
        assert not smaller
    if call.need(0).shape[1] == 64:
        assert bands.room <= target.cache
