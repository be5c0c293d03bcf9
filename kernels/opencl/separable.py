"""Separable convolution on OpenCL: on SIMT devices in one launch where that is faster, or one after the other."""

from __future__ import annotations

from math import prod

from kernels.op import Call, GpuLowering, Spec
from kernels.opencl import affine, conv, implicit
from kernels.opencl.convolution import Convolution
from kernels.opencl.target import GpuTarget
from kernels.separable import parts
from kernels.sequence import sequence
from kernels.space import Question, Space, Tunable

_TAP = 0.25  # cycles of a tap of a channel at a pixel in a launch of its own

SPACE = Space(
    "separable",
    (Tunable("fused", (0, 1), "1: the first part is computed where the second reads it, 0: in a launch of its own"),),
    ("opencl/implicit.cl", "opencl/depthwise.cl"),
)


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """Both parts have kernels wherever a convolution has one."""
    first, second = parts(call)
    product, filters = Convolution.of(second), Convolution.of(_as_convolution(first))
    if target.simt and _fused(product, filters, target):
        return implicit.lower(product, target, filters)
    made = (affine if first.op == "Affine" else conv).lower(first, target)
    after = conv.lower(second, target)
    return None if made is None or after is None else sequence(made, after, first.outputs[0].nbytes)


def _as_convolution(first: Call) -> Call:
    """A scale and shift a channel is a depthwise convolution with a window of one pixel."""
    if first.op == "Conv":
        return first
    weights = first.constants[1].reshape(-1, 1, 1, 1)
    attributes = {"group": len(weights)} | dict(first.attributes)
    inputs = (first.need(0), Spec(weights.shape), first.need(2))
    return Call("Conv", attributes, inputs, first.outputs, {1: weights, 2: first.constants[2].reshape(-1)})


def _fused(product: Convolution, filters: Convolution, target: GpuTarget) -> bool:
    """Whether one launch is faster: by the model of cycles, if nobody measured."""
    n, _, height, width = filters.y.shape
    taps = n * height * width * filters.y.blocks * filters.block * (1 + prod(filters.kernel))
    apart = implicit.cycles(product, target) + implicit.LAUNCH + _TAP * taps / target.compute_units
    cycles = {0: apart, 1: implicit.cycles(product, target, filters)}
    problem = implicit.problem(product, filters)
    question = Question(SPACE, problem, {"fused": int(cycles[1] < apart)}, lambda choice: cycles[choice["fused"]])
    return bool(target.choose(question)["fused"])
