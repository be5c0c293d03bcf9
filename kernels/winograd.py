"""Winograd's convolution: the matrices that both devices' kernels apply.

An m x m tile of outputs comes from an (m + 2) x (m + 2) tile of inputs by Y = A'((G g G') * (B' d B))A, the product
taken number by number (Winograd 1980; for networks Lavin and Gray, 2016, arXiv 1509.09308). The matrices follow from
interpolation points by Toom and Cook's construction.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Points beside infinity, by size of the output tile: small numbers of both signs keep the error small.
POINTS = {2: (0, 1, -1), 4: (0, 1, -1, 2, -2)}


@cache
def matrices(size: int) -> tuple[Array, Array, Array]:
    """A' (m, m + 2), G (m + 2, 3) and B' (m + 2, m + 2) in float64 for output tiles of m = `size`.

    Exact but for the last rounding: y = A'((G g) * (B' d)) is the correlation of g, 3 numbers, with d.
    """
    points = [Fraction(p) for p in POINTS[size]]
    count = len(points) + 1
    evaluate = [[p**k for k in range(size)] for p in points]
    evaluate.append([Fraction(int(k == size - 1)) for k in range(size)])
    windows = []
    for i, p in enumerate(points):
        scale = Fraction(1)
        for j, q in enumerate(points):
            scale *= p - q if i != j else 1
        windows.append([p**k / scale for k in range(3)])
    windows.append([Fraction(int(k == 2)) for k in range(3)])
    # Rows of B' hold, from the constant on, the product of (x - q) over all other points; all points at infinity.
    inputs = []
    for i in range(count):
        row = [Fraction(1)]
        for j, q in enumerate(points):
            if j != i:
                row = [(row[k - 1] if k else 0) - q * (row[k] if k < len(row) else 0) for k in range(len(row) + 1)]
        inputs.append(row + [Fraction(0)] * (count - len(row)))
    transposed = [list(column) for column in zip(*evaluate, strict=True)]
    as_floats = [np.array([[float(v) for v in row] for row in m]) for m in (transposed, windows, inputs)]
    return as_floats[0], as_floats[1], as_floats[2]


@cache
def values(size: int) -> tuple[Array, Array]:
    """A' and G with G's factors moved to A': rows of G then take a polynomial's values, at p by (1, p, p^2)."""
    outputs, windows, _ = matrices(size)
    factors = np.append(windows[:-1, 0], 1.0)
    return outputs * factors, windows / factors[:, None]


def transformed(weights: Array, size: int) -> Array:
    """Weights (K, C, 3, 3) as [(size + 2)^2][K][C], computed in float64 and rounded once to float32."""
    _, window, _ = matrices(size)
    both = np.kron(window, window)
    places = np.empty((len(both), *weights.shape[:2]), np.float32)
    for k, filters in enumerate(weights):  # one at a time: all in float64 would be the most memory of the start
        places[:, k] = both @ filters.reshape(-1, 9).T.astype(np.float64)
    return places
