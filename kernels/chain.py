"""Chains: functions of single numbers, one after another, in one pass over memory.

A chain begins with a tensor's number; each link makes a number of the one before it, and of an operand where its
function takes two. Elementwise operators are chains; convolutions and their kin may end in one, behind their clamp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, pi, sqrt
from typing import Any, Literal

from kernels.op import Call, Shape

KEPT = -1  # as an operand: the number that the last Keep found
NUMBER = -2  # as an operand: the first of the link's own numbers
OPERANDS = 6  # tensors a chain may read besides the one it begins with


@dataclass(frozen=True)
class Link:
    """`function` of the value so far and, where it takes two, of an operand.

    `operand` is the position of one of the call's inputs, KEPT or NUMBER; it is the function's first argument if
    `first` is set, else the second. `numbers` are the function's attributes, at most two.
    """

    function: str
    operand: int | None = None
    numbers: tuple[float, ...] = ()
    first: bool = False


KEEP = Link("Keep")  # changes nothing; later links may have the value as it was here

# Functions of one number under ONNX's names: their attributes and the defaults those have.
UNARY: dict[str, tuple[tuple[str, float], ...]] = {
    "Relu": (),
    "Clip": (("min", -inf), ("max", inf)),
    "LeakyRelu": (("alpha", 0.01),),
    "Elu": (("alpha", 1.0),),
    "Sigmoid": (),
    "Swish": (("alpha", 1.0),),
    "Tanh": (),
    "HardSigmoid": (("alpha", 0.2), ("beta", 0.5)),
    "HardSwish": (),
    "Softplus": (),
    "Erf": (),
    "Exp": (),
    "Log": (),
    "Sqrt": (),
    "Neg": (),
    "Abs": (),
    "Reciprocal": (),
    "Floor": (),
    "Ceil": (),
}
BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu")
# What keeps finite numbers finite, so that nothing bad comes into a block's spare lanes.
TOTAL = frozenset(
    (
        "Keep", "Relu", "Clip", "LeakyRelu", "Elu", "Sigmoid", "Swish", "Tanh", "HardSigmoid", "HardSwish", "Softplus",
        "Erf", "Neg", "Abs", "Floor", "Ceil", "Add", "Sub", "Mul", "Max", "Min", "PRelu",
    )
)  # fmt: skip


def _times(number: float) -> Link:
    return Link("Mul", NUMBER, (number,))


def _plus(number: float) -> Link:
    return Link("Add", NUMBER, (number,))


def _gelu(attributes: Mapping[str, Any]) -> tuple[Link, ...]:
    by_kept = Link("Mul", KEPT)
    if attributes.get("approximate", "none") == "tanh":
        inner: tuple[Link, ...] = (
            by_kept, _times(0.044715), _plus(1.0), by_kept, _times(sqrt(2 / pi)), Link("Tanh"),
        )  # fmt: skip
    else:
        inner = (_times(sqrt(0.5)), Link("Erf"))
    return (KEEP, *inner, _plus(1.0), by_kept, _times(0.5))


# Operators that are several functions of one number.
COMPOSED: dict[str, Callable[[Mapping[str, Any]], tuple[Link, ...]]] = {
    "Gelu": _gelu,
    "Mish": lambda attributes: (KEEP, Link("Softplus"), Link("Tanh"), Link("Mul", KEPT)),
}


def two(function: str, operand: int, number: float | None = None, *, first: bool = False) -> Link:
    """A link of two arguments, in the one order where the function does not care."""
    turned = first and function not in ("Add", "Mul", "Max", "Min")
    return Link(function, operand, () if number is None else (number,), turned)


def chain_of(call: Call) -> tuple[int, tuple[Link, ...]] | None:
    """A call of an elementwise operator as the position of the input its chain begins with, and the links.

    None where no input has the output's shape, or another one neither has it nor is one number a channel.
    """
    return next(chains_of(call), None)


def chains_of(call: Call) -> Iterator[tuple[int, tuple[Link, ...]]]:
    """As `chain_of`, but one for each input that a chain may begin with; nothing for other operators."""
    if call.op == "Chain":
        yield 0, call.attributes["chain"]
    elif call.op in COMPOSED:
        yield 0, COMPOSED[call.op](call.attributes)
    elif call.op in UNARY:
        yield 0, (Link(call.op, numbers=_numbers(call)),)
    elif call.op in BINARY or call.op == "Sum":
        out = call.outputs[0].shape
        for i in range(len(call.inputs)):
            if i not in call.constants and call.need(i).shape == out:
                links = [_second(call, other, other < i) for other in range(len(call.inputs)) if other != i]
                whole = tuple(link for link in links if link is not None)
                if len(whole) == len(links):
                    yield i, whole


def _second(call: Call, position: int, first: bool) -> Link | None:
    """The link for another input of an operator of two or more."""
    value = call.constants.get(position)
    function = "Add" if call.op == "Sum" else call.op
    if value is not None and value.size == 1 and value.ndim <= len(call.outputs[0].shape):
        return two(function, NUMBER, float(value.reshape(-1)[0]), first=first)
    if spread(call.need(position).shape, call.outputs[0].shape) is None:
        return None
    return two(function, position, first=first)


def _numbers(call: Call) -> tuple[float, ...]:
    given = ((call.attributes.get(name), default) for name, default in UNARY[call.op])
    return tuple(float(default if value is None else value) for value, default in given)


def spread(shape: Shape, out: Shape) -> Literal["full", "channel"] | None:
    """How an operand spreads over an output: a number each, or one a channel; of each image, or the same in all."""
    wide = (1,) * (len(out) - len(shape)) + shape
    if wide == out:
        return "full"
    if len(out) < 2 or wide[0] not in (1, out[0]):
        return None
    if wide[1:] == out[1:]:
        return "full"
    return "channel" if wide[1] == out[1] and all(size == 1 for size in wide[2:]) else None


def extent(call: Call, links: Sequence[Link]) -> tuple[int, int, int]:
    """How a chain's output is taken apart: images, rows of an image, elements of a row.

    A row is a channel, or a block of channels, where an operand has one number a channel, else the image; a plain
    tensor is one image where no operand is shared by several.
    """
    y = call.outputs[0]
    shapes = [call.need(link.operand).shape for link in links if link.operand is not None and link.operand >= 0]
    by_channel = any(spread(shape, y.shape) == "channel" for shape in shapes)
    images = 1 if y.layout == "plain" and all(shape == y.shape for shape in shapes) else y.shape[0]
    rows = 1 if not by_channel else y.blocks if y.layout == "blocked" else y.shape[1]
    return images, rows, y.size // max(1, images * rows)


def blockable(call: Call, links: Sequence[Link]) -> bool:
    """Whether a chain may run on blocked images: spare lanes stay finite, and its operands are images too."""
    for link in links:
        operand = link.operand
        fixed = operand == NUMBER or operand in call.constants
        if link.function not in TOTAL and not (link.function == "Div" and fixed and not link.first):
            return False
        if operand is not None and operand >= 0 and not fixed and len(call.need(operand).shape) != 4:
            return False
    return len(call.outputs[0].shape) == 4
