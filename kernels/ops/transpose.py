"""Transpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.cpu import move as cpu
from kernels.op import Call, Case, Inferred, Layouts, Op, Spec, plain
from kernels.opencl import transpose as gpu


def infer(
    attributes: dict[str, Any], inputs: Sequence[Spec | None], constants: Mapping[int, Any], opset: int
) -> Inferred | None:
    """X of up to six dimensions -> its dimensions in the order of perm."""
    x = inputs[0]
    if x is None or x.dtype.itemsize != 4 or len(x.shape) > 6:
        return None
    perm = tuple(attributes.get("perm", reversed(range(len(x.shape)))))
    return {"perm": perm}, [Spec(tuple(x.shape[k] for k in perm), x.dtype)]


def layouts(call: Call) -> Layouts:
    """Images whose channels fill their blocks may come blocked; one that had its channels last goes on so."""
    x, y = call.need(0), call.outputs[0]
    perm = call.attributes["perm"]
    image = len(perm) == 4 and perm[0] == 0 and x.dtype == np.float32
    if image and x.layout == "blocked" and x.shape[1] % x.block == 0:
        return ("blocked",), ("plain",)
    # Of several images y might lie apart, in what channels are joined to.
    if image and perm == (0, 3, 1, 2) and y.shape[0] == 1 and y.shape[1] % y.block == 0:
        return ("plain",), ("blocked",)
    return plain(call)


OPS = (
    Op(
        "Transpose", infer, cpu.lower_transpose, gpu.lower, layouts=layouts,
        cases=(
            Case({}, ((3, 4, 5),)),
            Case({"perm": (0, 2, 1, 3, 4)}, ((1, 4, 28, 6, 6),)),
            Case({"perm": (0, 2, 3, 1)}, ((2, 20, 5, 6),)),
            Case({"perm": (0, 2, 3, 1)}, ((2, 37, 5, 7),)),
            Case({"perm": (2, 0, 1)}, ((3, 19, 45),)),
            Case({"perm": (0, 3, 1, 2)}, ((1, 5, 7, 32),)),
            Case({"perm": (0, 3, 1, 2)}, ((2, 5, 7, 32),)),
            Case({"perm": (0, 1, 4, 2, 5, 3)}, ((1, 2, 3, 3, 4, 5),)),
        ),
    ),
)  # fmt: skip
