"""Convolution in every form: direct, implicit product, depthwise, grouped, fused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.chain import Link
from kernels.op import Call, GpuLowering, Spec
from kernels.opencl import conv, direct, implicit, winograd
from kernels.opencl.convolution import Convolution
from kernels.opencl.target import GpuTarget
from tests.kernels.opencl.harness import Lower, reference, run, spec, target

# (N, C, H, W, K, kernel, strides, pads, dilations, group)
SHAPES: list[tuple[Any, ...]] = [
    (1, 16, 8, 8, 16, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (2, 20, 7, 5, 37, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (2, 20, 7, 9, 37, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (1, 33, 9, 40, 50, (3, 3), (1, 1), (1, 2, 0, 1), (1, 1), 1),
    (2, 24, 11, 13, 40, (5, 5), (2, 2), (2, 2, 2, 2), (1, 1), 1),
    (1, 18, 12, 14, 17, (3, 3), (2, 1), (0, 1, 2, 1), (1, 2), 1),
    (1, 18, 13, 14, 17, (3, 2), (1, 1), (2, 1, 2, 1), (2, 1), 1),
    (1, 40, 6, 6, 33, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    (1, 16, 1, 1, 70, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    (2, 3, 23, 21, 24, (7, 7), (2, 2), (3, 3, 3, 3), (1, 1), 1),
    (1, 3, 35, 35, 20, (11, 11), (4, 4), (2, 2, 2, 2), (1, 1), 1),
    (2, 1, 9, 9, 5, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (1, 3, 9, 9, 5, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 1),
    (1, 3, 10, 10, 6, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 3),
    (2, 32, 7, 7, 32, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 2),
    (1, 24, 5, 6, 112, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 4),
    (1, 60, 6, 5, 36, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 3),
    (2, 37, 9, 8, 37, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 37),
    (1, 32, 15, 17, 32, (5, 3), (2, 2), (2, 1, 2, 1), (1, 1), 32),
    (1, 40, 9, 9, 40, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 40),
    (2, 48, 14, 18, 36, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (1, 512, 2, 2, 20, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    (2, 64, 33, 30, 40, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),  # Winograd's tiles in several bands
]
ACTIVATIONS = [None, (0.0, float("inf"), 0.0), (0.0, 6.0, 0.0), (0.0, float("inf"), 0.1)]


def activated(v: Any, activation: tuple[float, float, float] | None) -> Any:
    low, high, slope = activation or (-np.inf, np.inf, 0.0)
    return np.clip(v, low, high) + slope * np.minimum(v, 0)


def of_call(lower: Callable[[Convolution, GpuTarget], GpuLowering]) -> Lower:
    return lambda call, target: lower(Convolution.of(call), target)


def check(shape: tuple[Any, ...], block: int, simt: bool, variant: int) -> None:
    n, c, h, w, k, kernel, strides, pads, dilations, group = shape
    rng = np.random.default_rng(variant)
    x = rng.standard_normal((n, c, h, w), np.float32)
    weights = rng.standard_normal((k, c // group, *kernel), np.float32)
    bias = rng.standard_normal(k, np.float32) if variant % 2 == 0 else None
    attributes: dict[str, Any] = {
        "kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations, "group": group,
    }  # fmt: skip
    (expected,) = reference("Conv", [x, weights, bias], **attributes)
    residual = rng.standard_normal(expected.shape, np.float32) if variant % 3 == 0 else None
    activation = ACTIVATIONS[variant % 4]
    expected = activated(expected + (0 if residual is None else residual), activation)
    x_layout = "plain" if c < block else "blocked"
    gap = variant % 2 * 3
    y = spec(expected.shape, "blocked", block, gap * 2)
    inputs: tuple[Spec | None, ...] = (
        spec(x.shape, x_layout, block, gap if x_layout == "blocked" else 0),
        spec(weights.shape),
        None if bias is None else spec(bias.shape),
        None if residual is None else spec(expected.shape, "blocked", block, gap),
    )
    constants = {1: weights} | ({} if bias is None else {2: bias})
    arrays, how = [x, weights, bias, residual], target(simt)
    attributes["activation"] = activation
    if variant % 5 in (1, 3):
        # A chain behind the clamp: a function, a slope a channel, and a tensor that lies apart.
        slope = rng.uniform(0.1, 0.9, (k, 1, 1)).astype(np.float32)
        other = rng.standard_normal(expected.shape, np.float32)
        attributes["chain"] = (Link("Swish", numbers=(1.5,)), Link("PRelu", 4), Link("Sub", 5, (), True))
        expected = expected / (1 + np.exp(-1.5 * expected))
        expected = other - np.where(expected < 0, slope * expected, expected)
        inputs += spec(slope.shape), spec(other.shape, "blocked", block, gap)
        constants[4] = slope
        arrays += [slope, other]
    call = Call("Conv", attributes, inputs, (y,), constants)
    ways: list[tuple[Lower, float]] = [(conv.lower, 1e-5)]
    if kernel == (3, 3) and strides == dilations == (1, 1) and group == 1 and x_layout == "blocked":
        # Winograd may be off by more; what it stands in for is held to its own bound.
        product = implicit if simt else direct
        ways = [(of_call(winograd.lower), 1e-4), (of_call(product.lower), 1e-5)]
    for lower, bound in ways:
        (actual,) = run(lower, call, arrays, how)
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() <= bound * np.abs(expected).max()


@pytest.mark.parametrize("simt", [False, True])
@pytest.mark.parametrize("block", [16, 8, 4])
@pytest.mark.parametrize("index", range(len(SHAPES)))
def test_conv(index: int, block: int, simt: bool) -> None:
    check(SHAPES[index], block, simt, index)


@pytest.mark.parametrize("simt", [False, True])
@pytest.mark.parametrize("width", [*range(1, 20), 28, 31, 40])
def test_every_width(width: int, simt: bool) -> None:
    check((1, 16, 3, width, 40, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1), 16, simt, width)
