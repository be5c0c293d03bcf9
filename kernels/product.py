"""Matrix products as both devices see them: how the stacks of matrices lie, in elements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

from kernels.op import Call, Shape, Spec
from kernels.view import dense_strides

PRODUCTS = ("Gemm", "MatMul")  # a MatMul may have a third operand as Gemm has, once an Add was fused into it
Strides = tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """Images of M x K times K x N. Strides of A and B are over the leading dimensions `batch`, row and column."""

    batch: Shape
    m: int
    k: int
    n: int
    a: Strides
    b: Strides

    @staticmethod
    def of(call: Call) -> Product:
        """A Gemm's or MatMul's."""
        a, b, (*batch, m, n) = call.need(0).shape, call.need(1).shape, call.outputs[0].shape
        if call.op == "Gemm":
            across, along = (call.attributes.get(name, 0) for name in ("transA", "transB"))
            k = a[0] if across else a[1]
            return Product((), m, k, n, (1, m) if across else (k, 1), (1, k) if along else (n, 1))
        rank = len(batch) + 2
        return Product(tuple(batch), m, a[-1], n, _spread(a, rank), _spread(b, rank))


def _spread(shape: Shape, rank: int) -> Strides:
    """Strides of a stack of matrices that is repeated along leading dimensions it lacks."""
    full = (1,) * (rank - len(shape)) + shape
    strides = dense_strides(full)
    repeated = (0 if size == 1 else step for size, step in zip(full[:-2], strides, strict=False))
    return (*repeated, *strides[-2:])


def image_stride(batch: Shape, strides: Strides) -> int | None:
    """Elements from one matrix to the next where they all lie equally far apart, else None."""
    real = [(size, step) for size, step in zip(batch, strides, strict=False) if size > 1]
    even = all(step == below * size for (_, step), (size, below) in pairwise(real))
    return (real[-1][1] if real else 0) if even else None


def as_rows(call: Call) -> Call:
    """An elementwise call behind a product: a stack of matrices, and whatever else has columns, as one matrix."""
    columns = call.outputs[0].shape[-1:]

    def rows(spec: Spec) -> Spec:
        return replace(spec, shape=(prod(spec.shape[:-1]), *columns)) if spec.shape[-1:] == columns else spec

    return replace(
        call, inputs=tuple(spec and rows(spec) for spec in call.inputs), outputs=tuple(map(rows, call.outputs))
    )
