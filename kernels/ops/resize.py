"""Resize, and Upsample, which it replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.cpu import resize as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec
from kernels.opencl import resize as gpu
from kernels.resampling import COORDINATES, NEAREST, TAPS

OLD = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}  # before opset 11
DEFAULTS = {
    "mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor",
    "cubic_coeff_a": -0.75, "exclude_outside": 0, "antialias": 0, "keep_aspect_ratio_policy": "stretch",
}  # fmt: skip


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X (N, C, H, W), constant scales or sizes -> (N, C, H', W'). The attribute `scales` is for height and width."""
    x = inputs[0]
    full = DEFAULTS | (OLD if opset < 11 else {}) | attributes
    if x is None or len(x.shape) != 4 or x.dtype != np.float32 or not _served(full):
        return None
    found = _sizes(x.shape, full, constants, 1 if opset < 11 else 2)
    if found is None or found[0][:2] != x.shape[:2]:
        return None
    size, scales = found
    kept = ("mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside")
    return {name: full[name] for name in kept} | {"scales": scales[2:]}, [Spec(size)]


def _served(full: Mapping[str, Any]) -> bool:
    names = full["mode"] in TAPS and full["nearest_mode"] in NEAREST
    plain = not full["antialias"] and full["keep_aspect_ratio_policy"] == "stretch"
    return names and plain and full["coordinate_transformation_mode"] in COORDINATES


def _sizes(
    shape: tuple[int, ...], full: Mapping[str, Any], constants: Mapping[int, Any], place: int
) -> tuple[tuple[int, ...], tuple[float, ...]] | None:
    """The output's shape and the scale of each axis, from scales at a place of the inputs or sizes behind it."""
    axes = full.get("axes", range(len(shape)))
    size, scales = list(shape), [1.0] * len(shape)
    given = constants.get(place, np.array(full.get("scales", ()), np.float32))
    if given.size:
        for axis, scale in zip(axes, given, strict=True):
            size[axis], scales[axis] = int(np.floor(np.float32(shape[axis]) * scale)), float(scale)
    elif place + 1 in constants:
        for axis, length in zip(axes, constants[place + 1], strict=True):
            size[axis], scales[axis] = int(length), length / shape[axis]
    else:
        return None
    return tuple(size), tuple(scales)


def layouts(call: Call) -> Layouts:
    """Blocked in and out."""
    return ("blocked",), ("blocked",)


def flops(call: Call) -> int:
    """A multiply-add a tap."""
    return 2 * prod(call.outputs[0].shape) * TAPS[call.attributes["mode"]] ** 2


IMAGE = (2, 20, 5, 7)


def _sized(high: int, wide: int, mode: str = "linear", **attributes: Any) -> Case:
    given = {3: np.array((*IMAGE[:2], high, wide), np.int64)}
    return Case({"mode": mode, **attributes}, (IMAGE, None, None, (4,)), (3,), given)


def _scaled(high: float, wide: float, mode: str = "nearest", **attributes: Any) -> Case:
    return Case({"mode": mode, **attributes}, (IMAGE, None, (4,)), (2,), {2: np.array((1, 1, high, wide), np.float32)})


CASES = (
    _scaled(2, 2, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    *(
        _sized(high, wide, mode, coordinate_transformation_mode=how)
        for mode in TAPS
        for how in COORDINATES[:-1]
        for high, wide in ((13, 4), (2, 28))
    ),
    *(_sized(9, 5, "nearest", nearest_mode=mode, coordinate_transformation_mode="asymmetric") for mode in NEAREST),
    *(_sized(1, 1, coordinate_transformation_mode=how) for how in COORDINATES[:-1]),
    _scaled(0.6, 1.7, "linear"),
    _scaled(2, 3, "cubic", cubic_coeff_a=-0.5, exclude_outside=1),
    Case({"mode": "linear", "axes": (2, 3)}, (IMAGE, None, None, (2,)), (3,), {3: np.array((10, 14), np.int64)}),
)

OPS = (
    Op("Resize", infer, cpu.lower, gpu.lower, data=1, layouts=layouts, flops=flops, cases=CASES),
    Op("Upsample", infer, cpu.lower, gpu.lower, data=1, layouts=layouts, flops=flops),
)
