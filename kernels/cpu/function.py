"""Functions of single numbers on the CPU: the vocabulary of chains, each compiled over a stretch of memory."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from typing import Any

from kernels.cpu.compiler import intrinsic
from kernels.cpu.mathematics import erf, exp, expm1, log, magnitude, same, sigmoid, softplus, tanh
from kernels.cpu.record import kernel, number
from kernels.cpu.vector import load, load_part, maximum_ir, minimum_ir, splat, store, store_part, vector_call_ir


def _negative(b, x, small):
    """X where it is not negative, else what `small` makes of it."""
    return b.select(b.fcmp_ordered("<", x, same(x, 0.0)), small, x)


def _clip(b, x, low, high):
    # The bounds come first: where x is not a number, it is what comes out.
    return minimum_ir(b, high, maximum_ir(b, low, x))


def _hard_sigmoid(b, x, slope, shift):
    return _clip(b, vector_call_ir(b, "fmuladd", [slope, x, shift]), same(x, 0.0), same(x, 1.0))


# The code of every function: of the builder, x, the operand y, and the numbers p and q.
FUNCTIONS = {
    "Keep": lambda b, x, y, p, q: x,
    "Relu": lambda b, x, y, p, q: maximum_ir(b, same(x, 0.0), x),
    "Clip": lambda b, x, y, p, q: _clip(b, x, p, q),
    "LeakyRelu": lambda b, x, y, p, q: _negative(b, x, b.fmul(p, x)),
    "Elu": lambda b, x, y, p, q: _negative(b, x, b.fmul(p, expm1(b, x))),
    "Sigmoid": lambda b, x, y, p, q: sigmoid(b, x),
    "Swish": lambda b, x, y, p, q: b.fmul(x, sigmoid(b, b.fmul(p, x))),
    "Tanh": lambda b, x, y, p, q: tanh(b, x),
    "HardSigmoid": lambda b, x, y, p, q: _hard_sigmoid(b, x, p, q),
    "HardSwish": lambda b, x, y, p, q: b.fmul(x, _hard_sigmoid(b, x, same(x, 1 / 6), same(x, 0.5))),
    "Softplus": lambda b, x, y, p, q: softplus(b, x),
    "Erf": lambda b, x, y, p, q: erf(b, x),
    "Exp": lambda b, x, y, p, q: exp(b, x),
    "Log": lambda b, x, y, p, q: log(b, x),
    "Sqrt": lambda b, x, y, p, q: vector_call_ir(b, "sqrt", [x]),
    "Neg": lambda b, x, y, p, q: b.fneg(x),
    "Abs": lambda b, x, y, p, q: magnitude(b, x),
    "Reciprocal": lambda b, x, y, p, q: b.fdiv(same(x, 1.0), x),
    "Floor": lambda b, x, y, p, q: vector_call_ir(b, "floor", [x]),
    "Ceil": lambda b, x, y, p, q: vector_call_ir(b, "ceil", [x]),
    "Add": lambda b, x, y, p, q: b.fadd(x, y),
    "Sub": lambda b, x, y, p, q: b.fsub(x, y),
    "Mul": lambda b, x, y, p, q: b.fmul(x, y),
    "Div": lambda b, x, y, p, q: b.fdiv(x, y),
    "Pow": lambda b, x, y, p, q: vector_call_ir(b, "pow", [x, y]),
    "Max": lambda b, x, y, p, q: maximum_ir(b, x, y),
    "Min": lambda b, x, y, p, q: minimum_ir(b, x, y),
    "PRelu": lambda b, x, y, p, q: _negative(b, x, b.fmul(x, y)),
}
_NAMES = tuple(FUNCTIONS)


@intrinsic(prefer_literal=True)
def evaluate(typing, code, swapped, x, y, p, q):
    """Function number `code` of x and y, or of y and x, and of the numbers p and q."""
    emit, turned = FUNCTIONS[_NAMES[code.literal_value]], bool(swapped.literal_value)

    def codegen(context, builder, signature, arguments):
        _, _, a, b, low, high = arguments
        return emit(builder, *((b, a) if turned else (a, b)), low, high)

    return x(code, swapped, x, y, p, q), codegen


@cache
def _compiled(code: int, swapped: int, lanes: int) -> Any:
    """Compiled kernel; see `function`."""

    def apply(args: Any, task: Any) -> None:
        to, x, y, step, elements = args[0], args[1], args[2], args[3], args[4]
        p, q = splat(number(args, 5), lanes), splat(number(args, 6), lanes)
        whole = elements // lanes
        for i in range(whole):
            at = i * lanes * 4
            value = evaluate(code, swapped, load(x + at, lanes), load(y + i * step, lanes), p, q)
            store(to + at, value)
        left = elements - whole * lanes
        if left > 0:
            at = whole * lanes * 4
            one, other = load_part(x + at, left, lanes), load_part(y + whole * step, left, lanes)
            store_part(to + at, evaluate(code, swapped, one, other, p, q), left)

    return kernel(apply)


def function(name: str, swapped: bool, lanes: int) -> int:
    """Address of the kernel of to[i] = name(x[i], y[i]), or name(y[i], x[i]) if swapped.

    Record: to, x, y (addresses); bytes that y moves a vector, 0 where one vector serves all; elements; p, q. y must
    be readable even where the function takes one number. There is but one task.
    """
    return int(_compiled(_NAMES.index(name), int(swapped), lanes).address)
