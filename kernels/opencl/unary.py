"""Elementwise functions of one value, in any layout."""

from __future__ import annotations

from math import prod

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Spec, read, write
from kernels.opencl.activation import LARGEST
from kernels.opencl.grid import ceil_div, grid
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

# The attributes each function has, with ONNX's defaults; the expressions are in unary.cl.
_FUNCTIONS: dict[str, tuple[tuple[str, float], ...]] = {
    "Relu": (),
    "Clip": (("min", -LARGEST), ("max", LARGEST)),
    "LeakyRelu": (("alpha", 0.01),),
    "Elu": (("alpha", 1.0),),
    "Sigmoid": (),
    "Tanh": (),
    "HardSigmoid": (("alpha", 0.2), ("beta", 0.5)),
    "HardSwish": (),
    "Exp": (),
    "Log": (),
    "Sqrt": (),
    "Neg": (),
    "Abs": (),
    "Reciprocal": (),
    "Floor": (),
    "Ceil": (),
    "Softplus": (),
    "Erf": (),
}


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch; None for a function that unary.cl does not have."""
    x, y = call.need(0), call.outputs[0]
    if call.op not in _FUNCTIONS or x.dtype != np.float32 or x.layout != y.layout:
        return None
    images, count = images_of(x)
    given = []
    for name, default in _FUNCTIONS[call.op]:
        value = call.attributes.get(name)
        given.append(min(max(float(default if value is None else value), -LARGEST), LARGEST))
    a, b = (*given, 0.0, 0.0)[:2]
    mask = has_spare_lanes(x)
    plane = (prod(x.stored[2:]), x.shape[1]) if mask else (1, 1)
    lanes = lanes_of(x, target)
    row = grid(ceil_div(count, lanes), target)
    step = GpuStep(
        template("unary"),
        "unary",
        (read(0), write()),
        (row.span, count, image_stride(x), image_stride(y), *plane, a, b),
        (row.items, images),
        (row.group, 1),
        (("V", lanes), ("OP", call.op), ("BLOCK", x.block), ("MASK", int(mask))),
    )
    return GpuLowering((step,))


def images_of(spec: Spec) -> tuple[int, int]:
    """Stretches of neighbouring elements a tensor has, and the length of each."""
    if spec.layout == "plain":
        return 1, spec.size
    return spec.shape[0], prod(spec.stored[1:])


def image_stride(spec: Spec) -> int:
    """Elements from one stretch of `images_of` to the next; 0 where there is but one."""
    return spec.stride if spec.layout == "blocked" else 0


def lanes_of(spec: Spec, target: GpuTarget) -> int:
    """Floats to do at a time: no vector may reach into another channel block."""
    return target.lanes if spec.layout == "plain" else min(target.lanes, spec.block)


def has_spare_lanes(spec: Spec) -> bool:
    """Whether lanes beyond the last channel exist."""
    return spec.layout == "blocked" and spec.shape[1] % spec.block != 0
