"""Operators that take every number by itself: Relu and its kin, Add and its kin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kernels.chain import blockable, chain_of
from kernels.cpu import elementwise as cpu
from kernels.op import Call, Case, Inferred, Layout, Layouts, Op, Spec
from kernels.opencl import elementwise as gpu


def infer_unary(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X -> the same."""
    x = inputs[0]
    return None if x is None or x.dtype != np.float32 else (attributes, [Spec(x.shape)])


def infer_clip(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X with constant bounds, attributes before opset 11, inputs since."""
    x = inputs[0]
    if x is None or x.dtype != np.float32:
        return None
    bounds = dict(attributes)
    for i, name in ((1, "min"), (2, "max")):
        if i in constants:
            bounds[name] = float(constants[i])
        elif i < len(inputs) and inputs[i] is not None:
            return None
    return {"min": bounds.get("min", -np.inf), "max": bounds.get("max", np.inf)}, [Spec(x.shape)]


def infer_binary(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """Inputs that broadcast -> their common shape."""
    given = [x for x in inputs if x is not None]
    if len(given) < 2 or any(x.dtype != np.float32 for x in given) or opset < 7:
        return None
    shape = np.broadcast_shapes(*(x.shape for x in given))
    for x in given:
        # Broadcasts of more than six dimensions that cannot be joined go to the reference.
        try:
            cpu.broadcast(shape, [x.shape, shape])
        except ValueError:
            return None
    return {}, [Spec(shape)]


def infer_chain(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """Never: the graph's passes make this operator, no model holds it."""
    return None


def layouts(call: Call) -> Layouts:
    """Blocked where an input of the output's shape is and the chain may run on it."""
    found = chain_of(call)
    shape = call.outputs[0].shape
    given = (x for x in call.inputs if x is not None and x.shape == shape)
    blocked = found is not None and any(x.layout == "blocked" for x in given) and blockable(call, found[1])
    layout: Layout = "blocked" if blocked else "plain"
    return (layout,) * len(call.inputs), (layout,)


def flops(call: Call) -> int:
    """One a number and function; transcendental functions count as one."""
    found = chain_of(call)
    return prod(call.outputs[0].shape) * (len(found[1]) if found else max(1, len(call.inputs) - 1))


SHAPE = (2, 20, 5, 7)


def _unary(name: str, *cases: Case, low: float = -4.0, high: float = 4.0) -> Op:
    given = cases or (Case({}, (SHAPE,), low=low, high=high), Case({}, ((70_001,),), low=low, high=high))
    return Op(name, infer_unary, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=given)


def _binary(name: str, low: float = -1.0, high: float = 1.0) -> Op:
    shapes = (
        (SHAPE, SHAPE), (SHAPE, (20, 1, 1)), ((1, 9, 1, 4), (3, 1, 5, 1)), ((6,), (4, 1)), ((2, 3), ()),
        (SHAPE, (2, 20, 1, 1)), ((1, 20, 1, 1), SHAPE), ((1, 20, 5, 7), SHAPE), ((3, 5), (5,)), ((20, 1, 1), SHAPE),
    )  # fmt: skip
    cases = tuple(Case({}, given, low=low, high=high) for given in shapes)
    cases += (Case({}, (SHAPE, (5, 7)), (1,), low=low, high=high),)
    return Op(name, infer_binary, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=cases)


def _many(name: str) -> Op:
    op = _binary(name)
    cases = (*op.cases, Case({}, (SHAPE,) * 3), Case({}, (SHAPE, (7,), (20, 5, 1), (1,))))
    return Op(name, infer_binary, cpu.lower, gpu.lower, layouts=layouts, flops=flops, cases=cases)


_CLIPS = (
    Case({}, (SHAPE, (), ()), (1, 2), {1: np.array(-0.5, "f"), 2: np.array(0.25, "f")}),
    Case({}, (SHAPE, None, ()), (2,), {2: np.array(0.25, "f")}),
)

OPS = (
    Op("Clip", infer_clip, cpu.lower, gpu.lower, data=1, layouts=layouts, flops=flops, cases=_CLIPS),
    _unary("LeakyRelu", Case({"alpha": 0.1}, (SHAPE,)), Case({}, (SHAPE,))),
    _unary("Elu", Case({"alpha": 0.7}, (SHAPE,)), Case({}, (SHAPE,))),
    _unary("HardSigmoid", Case({"alpha": 0.3, "beta": 0.4}, (SHAPE,)), Case({}, (SHAPE,), low=-4, high=4)),
    *(
        _unary(name)
        for name in (
            "Relu", "Sigmoid", "Tanh", "HardSwish", "Exp", "Neg", "Abs", "Floor", "Ceil", "Softplus", "Erf", "Mish",
        )
    ),
    _unary("Swish", Case({"alpha": 1.5}, (SHAPE,)), Case({}, (SHAPE,), low=-80, high=80)),
    _unary("Gelu", Case({}, (SHAPE,), low=-4, high=4), Case({"approximate": "tanh"}, (SHAPE,), low=-4, high=4)),
    _unary("Log", low=0.1),
    _unary("Sqrt", low=0.0),
    _unary("Reciprocal", low=0.2),
    *(_binary(name) for name in ("Add", "Sub", "Mul")),
    _binary("Div", low=0.5, high=2.0),
    _binary("Pow", low=0.5, high=2.0),
    *(_many(name) for name in ("Sum", "Max", "Min")),
    Op(
        "PRelu", infer_binary, cpu.lower, gpu.lower, layouts=layouts, flops=flops,
        cases=(Case({}, (SHAPE, (20, 1, 1)), (1,)), Case({}, (SHAPE, SHAPE))),
    ),
    Op("Chain", infer_chain, cpu.lower, gpu.lower, layouts=layouts, flops=flops),
)  # fmt: skip
