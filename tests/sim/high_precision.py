"""Least squares with 100 digits: the definition, solved without any care; none is needed."""

from __future__ import annotations

from collections.abc import Sequence

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 100
Row = list[mpf]


def powers(x: Sequence[float], degree: int) -> list[Row]:
    """Rows of 1, x, ..., x**degree."""
    return [[mpf(float(v)) ** k for k in range(degree + 1)] for v in x]


def legendre(x: Sequence[float], degree: int) -> list[Row]:
    """Rows of Legendre polynomials, orthonormal under the uniform distribution on [-1, 1]."""
    rows = []
    for v in map(mpf, map(float, x)):
        row = [mpf(1), v]
        for k in range(1, degree):
            row.append(((2 * k + 1) * v * row[k] - k * row[k - 1]) / (k + 1))
        rows.append([mpmath.sqrt(2 * k + 1) * row[k] for k in range(degree + 1)])
    return rows


def least_squares(B: list[Row], y: Sequence[mpf], sizes: Sequence[float]) -> Row:
    """The c of least |y - B c|^2; where many have none left, the least sum of (sizes * c)**2.

    Positions are distinct. In the second case, Lagrange's equations: D^2 c + B' m = 0, B c = y.
    """
    n, columns = len(B), len(B[0])
    if columns < n:
        gram = [
            [*(_dot(_column(B, a), _column(B, b)) for b in range(columns)), _dot(_column(B, a), y)]
            for a in range(columns)
        ]
        return _solve(gram)
    zeros = [mpf(0)] * n
    above = [
        [*(mpf(sizes[a]) ** 2 * (a == b) for b in range(columns)), *_column(B, a), mpf(0)]
        for a in range(columns)
    ]
    return _solve(above + [[*B[i], *zeros, y[i]] for i in range(n)])[:columns]


def values(B: list[Row], c: Row) -> np.ndarray:
    """B c, rounded to floats at the end."""
    return np.array([float(_dot(row, c)) for row in B])


def mean_square(B: list[Row], c: Row, y: Sequence[mpf]) -> float:
    """The mean of (y - B c)^2."""
    residuals = [v - _dot(row, c) for row, v in zip(B, y, strict=True)]
    return float(_dot(residuals, residuals) / len(y))


def _dot(a: Sequence[mpf], b: Sequence[mpf]) -> mpf:
    return mpmath.fsum(p * q for p, q in zip(a, b, strict=True))


def _column(B: list[Row], k: int) -> Row:
    return [row[k] for row in B]


def _solve(rows: list[Row]) -> Row:
    """Gauss, with the right-hand side as the last column."""
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(i + 1, size):
            if ratio := rows[j][i] / rows[i][i]:
                rows[j] = [
                    *rows[j][: i + 1],
                    *(
                        a - ratio * b
                        for a, b in zip(rows[j][i + 1 :], rows[i][i + 1 :], strict=True)
                    ),
                ]
    solution: Row = [mpf(0)] * size
    for i in reversed(range(size)):
        known = _dot(rows[i][i + 1 : size], solution[i + 1 :])
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return solution
