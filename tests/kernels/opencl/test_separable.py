"""Separable convolutions in one launch and in two: whatever may be chosen is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from kernels.op import Call
from kernels.opencl import separable
from kernels.opencl.target import GpuTarget
from kernels.space import Choice, Question
from tests.kernels.opencl.harness import close, reference, run, spec, target

# (N, C, H, W, K, window, strides, pads, dilations)
SHAPES: list[tuple[Any, ...]] = [
    (2, 40, 9, 11, 37, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    (1, 58, 14, 14, 58, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    (1, 100, 12, 9, 20, (5, 3), (1, 2), (2, 0, 1, 2), (1, 2)),
    (1, 200, 4, 4, 16, (1, 2), (1, 1), (0, 0, 0, 1), (1, 1)),
]
LANES = [("Affine", 16, SHAPES[1]), ("Affine", 8, SHAPES[0]), ("Conv", 8, SHAPES[2]), ("Conv", 4, SHAPES[1])]


@dataclass(frozen=True)
class Told(GpuTarget):
    """A target that answers as it is told, where that fits."""

    answers: Mapping[str, Choice] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def choose(self, question: Question) -> Choice:
        self.asked.append(question.space.name)
        answer = self.answers.get(question.space.name)
        return answer if answer is not None and question.fits(answer) else question.default


def told(simt: bool, **answers: Choice) -> Told:
    how = target(simt)
    return Told(**{name: getattr(how, name) for name in how.__dataclass_fields__}, answers=answers)


def clamped(value: Any, activation: tuple[float, float, float]) -> Any:
    low, high, slope = activation
    return np.clip(value, low, high) + slope * np.minimum(value, 0)


def check(how: Told, first_op: str, shape: tuple[Any, ...], block: int, launches: int | None = None) -> None:
    """Against the reference's two convolutions, with everything that may be fused but a chain."""
    n, c, h, w, k, window, strides, pads, dilations = shape
    rng = np.random.default_rng(5)
    x, bias, product = (rng.standard_normal(size, np.float32) for size in ((n, c, h, w), (c,), (k, c, 1, 1)))
    attributes: dict[str, Any] = {"strides": strides, "pads": pads, "dilations": dilations, "group": c}
    first = (0.0, 1.5, 0.25)
    if first_op == "Affine":
        weights = rng.standard_normal(c, dtype=np.float32)
        own: dict[str, Any] = {}
        middle = x * weights[:, None, None] + bias[:, None, None]
    else:
        weights, own = rng.standard_normal((c, 1, *window), np.float32), {"kernel_shape": window, **attributes}
        (middle,) = reference("Conv", [x, weights, bias], **attributes)
    (expected,) = reference("Conv", [clamped(middle, first), product])
    residual = rng.standard_normal(expected.shape, np.float32)
    expected = clamped(expected + residual, (-1.0, 4.0, 0.0))
    y = spec(expected.shape, "blocked", block, 2)
    inputs = (
        spec(x.shape, "blocked", block, 1), spec(product.shape), None,
        spec(expected.shape, "blocked", block, 3), spec(weights.shape), spec(bias.shape),
    )  # fmt: skip
    own["activation"] = first
    made = {"activation": (-1.0, 4.0, 0.0), "first": (first_op, own), "kernel_shape": (1, 1), "strides": (1, 1)}
    call = Call("Separable", made, inputs, (y,), {1: product, 4: weights, 5: bias})
    if launches is not None:
        lowering = separable.lower(call, how)
        assert lowering is not None
        assert len(lowering.steps) == launches
    (actual,) = run(separable.lower, call, [x, product, None, residual, weights, bias], how)
    close(actual, expected)


@pytest.mark.parametrize(("op", "block", "shape"), [*(("Conv", 16, s) for s in SHAPES), *LANES])
def test_in_one_launch(op: str, block: int, shape: tuple[Any, ...]) -> None:
    tile = {"pixels": 16, "channels": 16, "item_pixels": 4, "item_channels": 4, "slices": 2, "splits": 1}
    check(told(True, separable={"fused": 1}, implicit=tile), op, shape, block, 1)


@pytest.mark.parametrize("op", ["Conv", "Affine"])
def test_with_a_split_reduction(op: str) -> None:
    tile = {"pixels": 16, "channels": 16, "item_pixels": 2, "item_channels": 4, "slices": 1, "splits": 4}
    check(told(True, separable={"fused": 1}, implicit=tile), op, SHAPES[2], 16, 2)


@pytest.mark.parametrize("simt", [True, False])
@pytest.mark.parametrize("op", ["Conv", "Affine"])
def test_in_two_launches(op: str, simt: bool) -> None:
    how = told(simt, separable={"fused": 0})
    check(how, op, SHAPES[0], 16, 2)
    assert ("separable" in how.asked) == simt


@pytest.mark.parametrize("pixels", [16, 64])
def test_by_default_many_pixels_and_few(pixels: int) -> None:
    check(told(True), "Conv", (1, 32, pixels, 16, 24, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)), 16)
