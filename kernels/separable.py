"""Separable: a 1x1 convolution of what a depthwise convolution, or a scale and shift a channel, gives."""

from __future__ import annotations

from dataclasses import replace

from kernels.op import Call, Spec

OWN_INPUTS = 4  # X, W, B and a residual, as Conv's; behind them a chain's, then the first operator's two


def parts(call: Call) -> tuple[Call, Call]:
    """The two operators that a Separable is made of, the second one a Conv of the first one's output.

    The attribute `first` holds the first one's operator, Conv or Affine, and attributes; the others are the Conv's.
    """
    x, y, last = call.need(0), call.outputs[0], len(call.inputs) - 2
    middle = Spec((x.shape[0], x.shape[1], *y.shape[2:]), x.dtype, "blocked", x.block)
    attributes = dict(call.attributes)
    op, own = attributes.pop("first")
    known = {1 + i: call.constants[last + i] for i in (0, 1) if last + i in call.constants}
    first = Call(op, own, (x, *call.inputs[last:]), (middle,), known)
    known = {i: value for i, value in call.constants.items() if i < last}
    return first, replace(
        call, op="Conv", attributes=attributes, inputs=(middle, *call.inputs[1:last]), constants=known
    )
