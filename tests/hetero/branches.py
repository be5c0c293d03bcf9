"""A small network with branches that join, so that plans can cut it in many ways, and frames for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from tests.models import model

SHAPE = (1, 16, 12, 12)
Array = np.ndarray[Any, Any]


def build() -> Any:
    """Convolutions one after the other and side by side, joined by sums and concatenations; two outputs."""
    random = np.random.default_rng(1)

    def weights(*shape: int) -> Array:
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    constants = {name: weights(16, 16, 3, 3) for name in ("w1", "w2", "w3")} | {"w4": weights(16, 32, 1, 1)}

    def convolution(x: str, w: str, y: str) -> Any:
        size = constants[w].shape[2]
        return helper.make_node("Conv", [x, w], [y], name=y, kernel_shape=[size] * 2, pads=[size // 2] * 4)

    nodes = [
        convolution("x", "w1", "a"),
        convolution("a", "w2", "b"),
        helper.make_node("MaxPool", ["a"], ["c"], name="c", kernel_shape=[3, 3], pads=[1] * 4),
        convolution("c", "w3", "d"),
        helper.make_node("Sigmoid", ["d"], ["e"], name="e"),
        helper.make_node("Concat", ["b", "e"], ["f"], name="f", axis=1),
        convolution("f", "w4", "g"),
        helper.make_node("Add", ["g", "a"], ["h"], name="h"),
        helper.make_node("GlobalAveragePool", ["h"], ["y"], name="y"),
        helper.make_node("AveragePool", ["f"], ["z"], name="z", kernel_shape=[4, 4], strides=[4, 4]),
    ]
    return model(nodes, {"x": SHAPE}, ["y", "z"], constants)


def frames(count: int) -> list[Array]:
    """Seeded noise."""
    random = np.random.default_rng(3)
    return [random.standard_normal(SHAPE, np.float32) for _ in range(count)]
