"""Tuning spaces: what fits is right, what does not fit is never taken, and the defaults are of the space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from kernels.op import Call
from kernels.opencl import conv
from kernels.opencl.target import GpuTarget
from kernels.space import Choice, Question
from kernels.spaces import spaces
from tests.kernels.opencl.harness import close, reference, run, spec, target

# (N, C, H, W, K, kernel, stride, pad, group)
SHAPES = [
    (1, 48, 9, 13, 40, 3, 1, 1, 1),
    (2, 20, 7, 9, 37, 1, 1, 0, 1),
    (1, 3, 23, 21, 24, 7, 2, 3, 1),
    (1, 24, 5, 6, 112, 1, 1, 0, 4),
    (2, 40, 9, 8, 40, 3, 1, 1, 40),
]


@dataclass(frozen=True)
class Noting(GpuTarget):
    """A target that notes what it is asked."""

    asked: list[Question] = field(default_factory=list)

    def choose(self, question: Question) -> Choice:
        self.asked.append(question)
        return super().choose(question)


def convolution(shape: tuple[int, ...]) -> tuple[Call, list[Any]]:
    n, c, h, w, k, size, stride, pad, group = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, h, w), np.float32)
    weights = rng.standard_normal((k, c // group, size, size), np.float32)
    attributes = {"strides": (stride, stride), "pads": (pad,) * 4, "group": group}
    out = [(length + 2 * pad - size) // stride + 1 for length in (h, w)]
    x_spec = spec(x.shape, "plain" if c < 16 else "blocked")
    y_spec = spec((n, k, *out), "blocked")
    return Call("Conv", attributes, (x_spec, spec(weights.shape)), (y_spec,), {1: weights}), [x, weights]


def questions(call: Call, how: GpuTarget) -> Iterator[Question]:
    noting = Noting(**{name: getattr(how, name) for name in how.__dataclass_fields__})
    conv.lower(call, noting)
    yield from noting.asked


@pytest.mark.parametrize("simt", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_fits_is_right(shape: tuple[int, ...], simt: bool) -> None:
    call, arrays = convolution(shape)
    how = target(simt)
    (expected,) = reference("Conv", arrays, **call.attributes)
    rng = np.random.default_rng(1)
    for question in questions(call, how):
        fitting = [choice for choice in question.space.choices() if question.fits(choice)]
        for index in rng.choice(len(fitting), min(6, len(fitting)), replace=False):
            tuned = replace(how, tunings={question.key: fitting[index]})
            (actual,) = run(conv.lower, call, arrays, tuned)
            close(actual, expected, 1e-4)


@pytest.mark.parametrize("simt", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_defaults_are_of_the_space(shape: tuple[int, ...], simt: bool) -> None:
    asked = list(questions(convolution(shape)[0], target(simt)))
    assert asked
    assert all(question.fits(question.default) for question in asked)
    assert all(question.space is spaces()[question.space.name] for question in asked)


def test_a_tuned_choice_reaches_the_kernel_and_a_bad_one_does_not() -> None:
    call, _ = convolution(SHAPES[1])
    how = replace(target(simt=False), tunings={})
    (question,) = questions(call, how)

    def pixels(tuned: dict[str, int]) -> int:
        lowering = conv.lower(call, replace(how, tunings={question.key: tuned}))
        assert lowering is not None
        return int(dict(lowering.steps[-1].defines)["T"])

    default = dict(question.default)
    assert pixels(default | {"pixels": 2}) == 2
    usual = default["pixels"]
    for bad in (
        default | {"pixels": 64},  # not in the space
        default | {"pixels": 32, "blocks": 4},  # more registers than there are
        default | {"speed": 1},
        {"pixels": 2},
        default | {"pixels": "2); evil("},  # type: ignore[dict-item]
    ):
        assert pixels(bad) == usual


def test_spaces_are_found_by_their_files() -> None:
    assert {"direct", "winograd", "implicit", "depthwise"} <= spaces().keys()
    for space in spaces().values():
        assert len({tunable.name for tunable in space.tunables}) == len(space.tunables)
        assert all(tunable.unit for tunable in space.tunables)
        assert len(space.digest) == 16
