"""Exponential and its kin on vectors, as LLVM code: range reduction and polynomials, no calls a lane.

The polynomials were fitted for this file (least squares at Chebyshev's nodes, reweighted towards the smallest largest
error). Errors are relative, over all float32 numbers: `exp`, `expm1`, `log` and `tanh` below 2e-7, `erf` below 4e-7.
Not-a-number comes out where it goes in.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from kernels.cpu.compiler import intrinsic, ir
from kernels.cpu.vector import maximum_ir, minimum_ir, vector_call_ir

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4  # their sum is ln 2, and the first has few bits
ROUND = 12582912.0  # 1.5 * 2^23: what is added to it is rounded to an integer
# (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
_EXP = (0.5, 0.166666668558, 0.0416662696923, 0.00833326541721, 0.00139460867618, 0.000199178301796)
# (log(1 + f) - f) / f^2 for sqrt(1/2) <= 1 + f <= sqrt(2)
_LOG = (
    -0.499999891566, 0.333333082934, -0.250015221314, 0.200030154908, -0.166111481564, 0.141634708840,
    -0.132088161441, 0.130048266725, -0.0782331821666,
)  # fmt: skip
# erf(x) / x for |x| <= 1, in x^2
_ERF = (
    1.12837916591, -0.37612627136, 0.112836001763, -0.0268544445916, 0.00518953533929, -0.000802084127881,
    7.88911952715e-05,
)  # fmt: skip
# -log(1 - erf(x)) for 1 <= x <= 4
_ERFC = (
    -0.000188040222271, 1.12957842424, 0.633219893134, 0.108418577291, -0.025208256715, 0.00420456186663,
    -0.000441336375835, 2.16868498634e-05,
)  # fmt: skip


def same(x, value):
    """The number in every lane of a vector like x."""
    return ir.Constant(x.type, [value] * x.type.count)


def _integers(x):
    return ir.VectorType(ir.IntType(32), x.type.count)


def _fma(builder, a, b, c):
    return vector_call_ir(builder, "fmuladd", [a, b, c])


def _polynomial(builder, x, coefficients):
    total = same(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = _fma(builder, total, x, same(x, coefficient))
    return total


def _bounded(builder, x, low, high):
    # The bounds come first: where x is not a number, it is what comes out.
    return minimum_ir(builder, same(x, high), maximum_ir(builder, same(x, low), x))


def _power_of_two(builder, k, kind):
    """2^k of int32 lanes from -126 to 127, as float32 lanes."""
    biased = builder.add(k, ir.Constant(k.type, [127] * k.type.count))
    return builder.bitcast(builder.shl(biased, ir.Constant(k.type, [23] * k.type.count)), kind)


def _reduced(builder, x):
    """(q, k) with e^x = (1 + q) * 2^k, k an integer."""
    shifted = _fma(builder, x, same(x, LOG2_E), same(x, ROUND))
    k = builder.sub(builder.bitcast(shifted, _integers(x)), builder.bitcast(same(x, ROUND), _integers(x)))
    n = builder.fsub(shifted, same(x, ROUND))
    r = _fma(builder, n, same(x, -LN2_LOW), _fma(builder, n, same(x, -LN2_HIGH), x))
    return _fma(builder, builder.fmul(r, r), _polynomial(builder, r, _EXP), r), k


def exp(builder, x):
    """e^x: zero and infinity where it is too small or large."""
    q, k = _reduced(builder, _bounded(builder, x, -104.0, 89.0))
    # In two factors, as 2^k alone may lie outside what a float32 holds.
    half = builder.ashr(k, ir.Constant(k.type, [1] * k.type.count))
    scale = _power_of_two(builder, half, x.type)
    return builder.fmul(_fma(builder, q, scale, scale), _power_of_two(builder, builder.sub(k, half), x.type))


def expm1(builder, x):
    """e^x - 1 for x <= 88."""
    q, k = _reduced(builder, _bounded(builder, x, -87.0, 88.0))
    scale = _power_of_two(builder, k, x.type)
    return _fma(builder, q, scale, builder.fsub(scale, same(x, 1.0)))


def magnitude(builder, x):
    """|x|."""
    return vector_call_ir(builder, "fabs", [x])


def sigmoid(builder, x):
    """1 / (1 + e^-x)."""
    return builder.fdiv(same(x, 1.0), builder.fadd(same(x, 1.0), exp(builder, builder.fsub(same(x, -0.0), x))))


def tanh(builder, x):
    """Hyperbolic tangent."""
    power = expm1(builder, builder.fmul(same(x, -2.0), magnitude(builder, x)))
    size = builder.fdiv(builder.fsub(same(x, -0.0), power), builder.fadd(same(x, 2.0), power))
    return vector_call_ir(builder, "copysign", [size, x])


def log(builder, x):
    """Natural logarithm: -infinity of zero, not-a-number of what is negative."""
    tiny = builder.fcmp_ordered("<", x, same(x, 1.17549435e-38))
    scaled = builder.select(tiny, builder.fmul(x, same(x, 8388608.0)), x)
    bits, kind = builder.bitcast(scaled, _integers(x)), _integers(x)
    root = builder.bitcast(same(x, 0.70710678), kind)
    exponent = builder.ashr(builder.sub(bits, root), ir.Constant(kind, [23] * kind.count))
    mantissa = builder.sub(bits, builder.shl(exponent, ir.Constant(kind, [23] * kind.count)))
    f = builder.fsub(builder.bitcast(mantissa, x.type), same(x, 1.0))
    n = builder.sitofp(exponent, x.type)
    n = builder.select(tiny, builder.fsub(n, same(x, 23.0)), n)
    series = builder.fmul(builder.fmul(f, f), _polynomial(builder, f, _LOG))
    small = builder.fadd(_fma(builder, n, same(x, LN2_LOW), series), f)
    result = _fma(builder, n, same(x, LN2_HIGH), small)
    infinity = same(x, float("inf"))
    # Infinity and not-a-number come out as they are.
    result = builder.select(builder.fcmp_ordered("<", x, infinity), result, x)
    result = builder.select(builder.fcmp_ordered("==", x, same(x, 0.0)), same(x, float("-inf")), result)
    return builder.select(builder.fcmp_ordered("<", x, same(x, 0.0)), same(x, float("nan")), result)


def softplus(builder, x):
    """log(1 + e^x)."""
    power = exp(builder, builder.fsub(same(x, -0.0), magnitude(builder, x)))
    whole = builder.fadd(power, same(x, 1.0))
    # What rounding took from 1 + power is put back as a factor.
    rounded = builder.fsub(whole, same(x, 1.0))
    exact = builder.fdiv(builder.fmul(log(builder, whole), power), rounded)
    small = builder.select(builder.fcmp_ordered("==", rounded, same(x, 0.0)), power, exact)
    return builder.fadd(maximum_ir(builder, same(x, 0.0), x), small)


def erf(builder, x):
    """The error function."""
    size = magnitude(builder, x)
    inner = builder.fmul(size, _polynomial(builder, builder.fmul(x, x), _ERF))
    far = _polynomial(builder, minimum_ir(builder, same(x, 4.0), size), _ERFC)
    outer = builder.fsub(same(x, 1.0), exp(builder, builder.fsub(same(x, -0.0), far)))
    near = builder.fcmp_ordered("<", size, same(x, 1.0))
    return vector_call_ir(builder, "copysign", [builder.select(near, inner, outer), x])


@intrinsic
def exponential(typing, a):
    """Lane by lane."""
    return a(a), lambda context, builder, signature, arguments: exp(builder, arguments[0])


@intrinsic
def logarithm(typing, a):
    """Lane by lane, natural."""
    return a(a), lambda context, builder, signature, arguments: log(builder, arguments[0])
