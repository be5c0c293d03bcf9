"""Reductions as both devices see them: a tensor as elements before, along and behind the reduced axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from kernels.op import Shape
from kernels.view import dense_strides

# How numbers are joined, and what becomes of the result.
WAYS = ("sum", "sum of magnitudes", "sum of squares", "largest", "smallest")
OPERATORS = {
    "ReduceSum": "sum", "ReduceMean": "sum", "ReduceL1": "sum of magnitudes", "ReduceSumSquare": "sum of squares",
    "ReduceL2": "sum of squares", "ReduceMax": "largest", "ReduceMin": "smallest",
}  # fmt: skip


@dataclass(frozen=True)
class Reduction:
    """`outer` x `length` x `inner` elements become `outer` x `inner`.

    Where the axes lie apart, the tensor has to be copied first: `sizes` and `strides` are those of a view of it in
    which they come last. Both are None where it serves as it lies.
    """

    outer: int
    length: int
    inner: int
    sizes: Shape | None = None
    strides: Shape | None = None

    @staticmethod
    def of(shape: Shape, axes: Sequence[int]) -> Reduction:
        """Of a plain tensor along sorted axes."""
        length = prod(shape[k] for k in axes)
        real = [k for k in axes if shape[k] > 1]
        first, end = (real[0], real[-1] + 1) if real else (0, 0)
        if prod(shape[first:end]) == length:
            return Reduction(prod(shape[:first]), length, prod(shape[end:]))
        order = [*(k for k in range(len(shape)) if k not in axes), *axes]
        steps = dense_strides(shape)
        return Reduction(
            prod(shape) // length, length, 1, tuple(shape[k] for k in order), tuple(steps[k] for k in order)
        )
