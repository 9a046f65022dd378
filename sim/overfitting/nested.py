"""Polynomials made for given points: least squares of every degree, to all digits.

Powers of x, and even Legendre polynomials, are so nearly dependent on as many points as there are
coefficients that a factorisation of their matrix knows the fit to a few digits or to none. Here
every polynomial is x times the one before, made orthogonal on the points to all before (Arnoldi's
method: Brubeck, Nakatsukasa and Trefethen, "Vandermonde with Arnoldi", SIAM Review 63, 2021). A
fit of degree d is then a sum of shares of the first d + 1 of them, and one more degree adds one
more share and changes none.

When there are as many polynomials as distinct points, the next is zero at all of them, and so is x
times it. These are made orthogonal by the size that shall be least, so the fit of least size, too,
has one more share for one more degree.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SAME = 16 * np.finfo(np.float64).eps  # positions nearer than this count as one


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Polynomials p_0, ..., p_degree, the k-th of degree k.

    The first `rank` of them, as many as there are distinct points, are orthonormal on the n points,
    with the values `at_points`, shape (n, rank); the others are zero there. `coefficients`, shape
    (degree + 1, degree + 1), has a column for each. x * p_(k-1) is the sum over j of
    recurrence[j, k] * p_j. The fit of degree d to y is the sum over k <= d of (shares @ y)[k] * p_k
    with `shares` of shape (degree + 1, n).
    """

    rank: int
    at_points: Array
    coefficients: Array
    recurrence: Array
    shares: Array

    def at(self, x: Array) -> Array:
        """The values of all of them at `x`, shape (len(x), degree + 1)."""
        R = self.recurrence
        values = np.empty((x.size, len(R)))
        values[:, 0] = 1 / np.sqrt(len(self.at_points))
        for k in range(1, len(R)):
            values[:, k] = (x * values[:, k - 1] - values[:, :k] @ R[:k, k]) / R[k, k]
        return values

    @property
    def least(self) -> Array:
        """Shape (degree + 1, rank): coefficients of the fits to the first `rank` of them."""
        C, V = self.coefficients, self.at_points
        least: Array = C @ (self.shares @ V)
        return least

    def left_over(self, y: Array) -> Array:
        """The sum of squared residuals for every degree; shape (degree + 1, ...) for y (n, ...).

        It is the sum of the squared shares that are missing, so it never rises with the degree, and
        is 0, not only nearly so, where the fit passes through all points.
        """
        squares = np.zeros((len(self.recurrence) + 1, *y.shape[1:]))
        z = self.at_points.T @ y
        squares[: self.rank] = z**2
        if self.rank < len(y):  # what no degree up to here takes away
            squares[-1] = ((y - self.at_points @ z) ** 2).sum(axis=0)
        sums: Array = np.cumsum(squares[:0:-1], axis=0)[::-1]
        return sums


def nested(x: Array, degree: int, times_x: Callable[[Array], Array], sizes: Array) -> Nested:
    """`Nested` for the points `x`, of shape (n,).

    `times_x` takes the coefficients of a polynomial, shape (degree + 1,) with a zero at the end, to
    those of x times it; the constant 1 has the coefficients 1, 0, 0, ... What is least, of all that
    fit equally well, is the sum of (sizes * coefficients)**2.
    """
    n, distinct = x.size, len(set(x.tolist()))
    V, C = np.zeros((n, degree + 1)), np.zeros((degree + 1, degree + 1))
    R = np.zeros((degree + 1, degree + 1))
    V[:, 0] = C[0, 0] = 1 / np.sqrt(n)
    rank = 1
    for k in range(1, degree + 1):
        v, c = x * V[:, k - 1], times_x(C[:, k - 1])
        if rank == k:  # all so far are orthonormal on the points
            before = np.linalg.norm(v)
            for _ in range(2):  # the second time takes away what rounding left
                shadow = V[:, :k].T @ v
                v, c = v - V[:, :k] @ shadow, c - C[:, :k] @ shadow
                R[:k, k] += shadow
            length = np.linalg.norm(v)
            rank += bool(k < distinct and length > SAME * before)
        if rank <= k:  # zero at the points, and so is x times it
            v, null = np.zeros(n), sizes[:, None] * C[:, rank:k]
            for _ in range(2):
                shadow = null.T @ (sizes * c)
                c = c - C[:, rank:k] @ shadow
                R[rank:k, k] += shadow
            length = np.linalg.norm(sizes * c)
        V[:, k], C[:, k], R[k, k] = v / length, c / length, length
    shares = V.T.copy()
    # Along what the points say nothing of, the fit is as small as it can be.
    weighed = sizes[:, None] * C
    shares[rank:] = -weighed[:, rank:].T @ (weighed[:, :rank] @ V[:, :rank].T)
    return Nested(rank, V[:, :rank], C, R, shares)
