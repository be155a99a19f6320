r"""How much of a set of pages random writes have hit, 1 - exp(-x), as loops that a compiler can vectorise.

A call of the C library's exponential keeps LLVM from turning a loop into vector instructions, and ``1 -
exp(-x)`` loses all digits of a small x. So here, with n the whole number nearest to -x / ln 2 and r the rest,

.. math:: 1 - e^{-x} = (1 - 2^n) - 2^n (e^r - 1), \qquad e^r - 1 = r\,P(r), \quad |r| \le \ln(2) / 2

P interpolates (e^r - 1) / r at Chebyshev's nodes; its degree leaves an error below the type's rounding. The
rounding to n and the power of two are made from the bits of a floating-point number, as every processor with
vectors can do. Only compiled code may call :func:`saturation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload
from numpy.polynomial import Chebyshev, Polynomial

from analysis.model.jit import intrinsic

FAST = {"contract", "nsz"}
"""What the compiler may do to arithmetic: fuse products with sums, forget the sign of zero. Nothing else."""
_BITS = {types.float64: (64, 52, 1023), types.float32: (32, 23, 127)}
"""Width, digits after the point and exponent of 1 of the two types."""
_LN2 = Fraction(0.6931471805599453) + Fraction(2.3190468138462996e-17)
"""The natural logarithm of 2 to 33 digits, as the sum of two float64."""


def _coefficients(degree: int) -> tuple[float, ...]:
    """P's coefficients, lowest first: 1, and an interpolation of (P - 1) / r by its series."""
    half = math.log(2) / 2
    series = Polynomial([1 / math.factorial(k + 2) for k in range(20)])
    rest = Chebyshev.interpolate(series, degree - 1, domain=[-half, half]).convert(kind=Polynomial)
    return (1.0, *rest.coef.tolist())


def _split(digits: int) -> tuple[float, float]:
    """ln 2 as a part of so few digits that n times it is exact, and the rest."""
    high = Fraction(int(_LN2 * 2**digits), 2**digits)
    return float(high), float(_LN2 - high)


@intrinsic(float)
def _power_of_two(typingctx: Any, shifted: Any) -> Any:
    """2**n from a number whose last bits hold the whole number n."""
    width, digits, bias = _BITS[shifted]

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        whole = ir.IntType(width)
        moved = builder.shl(builder.bitcast(args[0], whole), ir.Constant(whole, digits))
        return builder.bitcast(builder.add(moved, ir.Constant(whole, bias << digits)), args[0].type)

    return shifted(shifted), emit


@intrinsic(float)
def like(typingctx: Any, x: Any, value: Any) -> Any:
    """A number in the type of another: a float32 stays one where it meets a constant."""

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[ir.Value]) -> ir.Value:
        return context.cast(builder, args[1], signature.args[1], signature.args[0])

    return x(x, value), emit


def saturation(x: float) -> float:
    """1 - exp(-x) for x of at least 0 (compiled code only); 1 beyond what the type can tell from it."""
    raise NotImplementedError("only compiled code can call this")


_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9 = _coefficients(9)
_MOST, _SHIFT, _LOG2E = 40.0, 1.5 * 2.0**52, 1 / math.log(2)
_LN2_HIGH, _LN2_LOW = _split(32)


def _saturation64(x: Any) -> Any:
    x = min(x, _MOST)
    shifted = _SHIFT - x * _LOG2E
    n = shifted - _SHIFT
    r = (-x - n * _LN2_HIGH) - n * _LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_C3 * r + _C2) * r2 + (_C1 * r + _C0)
    high = (_C7 * r + _C6) * r2 + (_C5 * r + _C4)
    p = (_C9 * r + _C8) * (r4 * r4) + (high * r4 + low)
    power = _power_of_two(shifted)
    return (1.0 - power) - power * (r * p)


_ONE = np.float32(1)
_MOST32, _SHIFT32, _LOG2E32 = np.float32(20), np.float32(1.5 * 2.0**23), np.float32(1 / math.log(2))
_LN2_HIGH32, _LN2_LOW32 = (np.float32(part) for part in _split(12))
_S0, _S1, _S2, _S3, _S4, _S5 = (np.float32(c) for c in _coefficients(5))


def _saturation32(x: Any) -> Any:
    x = min(x, _MOST32)
    shifted = _SHIFT32 - x * _LOG2E32
    n = shifted - _SHIFT32
    r = (-x - n * _LN2_HIGH32) - n * _LN2_LOW32
    r2 = r * r
    p = (_S5 * r + _S4) * (r2 * r2) + ((_S3 * r + _S2) * r2 + (_S1 * r + _S0))
    power = _power_of_two(shifted)
    return (_ONE - power) - power * (r * p)


# Numba compares its argument with those of what it returns, annotations included: hence Any for all three.
@overload(saturation, jit_options={"fastmath": FAST, "error_model": "numpy"})
def _saturation_of(x: Any) -> Callable[[Any], Any]:
    if x == types.float64:
        return _saturation64
    if x == types.float32:
        return _saturation32
    raise TypingError(f"saturation takes float64 or float32, not {x}")
