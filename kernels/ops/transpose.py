"""Transpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernels.cpu import move as cpu
from kernels.op import Case, Inferred, Op, Spec
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


OPS = (
    Op(
        "Transpose", infer, cpu.lower_transpose, gpu.lower,
        cases=(
            Case({}, ((3, 4, 5),)),
            Case({"perm": (0, 2, 1, 3, 4)}, ((1, 4, 28, 6, 6),)),
            Case({"perm": (0, 2, 3, 1)}, ((2, 20, 5, 6),)),
            Case({"perm": (0, 1, 4, 2, 5, 3)}, ((1, 2, 3, 3, 4, 5),)),
        ),
    ),
)  # fmt: skip
