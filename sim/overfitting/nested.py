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
    with `shares` of shape (degree + 1, n). For many sets of points all have the same axes in front.
    """

    rank: int
    at_points: Array
    coefficients: Array
    recurrence: Array
    shares: Array

    def at(self, x: Array) -> Array:
        """The values of all of them at `x`, shape (len(x), degree + 1)."""
        R = self.recurrence
        values = np.empty((*R.shape[:-2], x.size, R.shape[-1]))
        values[..., 0] = 1 / np.sqrt(self.at_points.shape[-2])
        for k in range(1, R.shape[-1]):
            here = R[..., k, None]
            values[..., k] = x * values[..., k - 1] - (values[..., :k] @ here[..., :k, :])[..., 0]
            values[..., k] /= here[..., k, :]
        return values

    @property
    def least(self) -> Array:
        """Shape (degree + 1, rank): coefficients of the fits to the first `rank` of them."""
        C, V = self.coefficients, self.at_points
        least: Array = C @ (self.shares @ V)
        return least

    def left_over(self, y: Array) -> Array:
        """The sum of squared residuals for every degree; shape (..., degree + 1), y like x.

        It is the sum of the squared shares that are missing, so it never rises with the degree, and
        is 0, not only nearly so, where the fit passes through all points.
        """
        n, terms = self.shares.shape[-1], self.shares.shape[-2]
        squares = np.zeros((*y.shape[:-1], terms + 1))
        z = (self.at_points.mT @ y[..., None])[..., 0]
        squares[..., : self.rank] = z**2
        if self.rank < n:  # what no degree up to here takes away
            beyond = y - (self.at_points @ z[..., None])[..., 0]
            squares[..., -1] = (beyond**2).sum(axis=-1)
        sums: Array = np.cumsum(squares[..., :0:-1], axis=-1)[..., ::-1]
        return sums


def nested(x: Array, degree: int, times_x: Callable[[Array], Array], sizes: Array) -> Nested:
    """`Nested` for the points `x`, of shape (n,), or for many sets of distinct points, (m, n).

    `times_x` takes the coefficients of polynomials, shape (..., degree + 1) with a zero at the end,
    to those of x times them; the constant 1 has the coefficients 1, 0, 0, ... What is least, of all
    that fit equally well, is the sum of (sizes * coefficients)**2.
    """
    n, (*many, _) = x.shape[-1], x.shape
    distinct = n if many else len(set(x.tolist()))
    V = np.zeros((*many, n, degree + 1))
    C, R = np.zeros((2, *many, degree + 1, degree + 1))
    V[..., 0] = C[..., 0, 0] = 1 / np.sqrt(n)
    rank = 1
    for k in range(1, degree + 1):
        v, c = x * V[..., k - 1], times_x(C[..., k - 1])
        if rank == k:  # all so far are orthonormal on the points
            before = np.linalg.norm(v, axis=-1)
            for _ in range(2):  # the second time takes away what rounding left
                shadow = V[..., :k].mT @ v[..., None]
                v, c = v - (V[..., :k] @ shadow)[..., 0], c - (C[..., :k] @ shadow)[..., 0]
                R[..., :k, k] += shadow[..., 0]
            length = np.linalg.norm(v, axis=-1)
            rank += bool(k < distinct and (length > SAME * before).all())
        if rank <= k:  # zero at the points, and so is x times it
            v, null = np.zeros_like(v), sizes[:, None] * C[..., rank:k]
            for _ in range(2):
                shadow = null.mT @ (sizes * c)[..., None]
                c = c - (C[..., rank:k] @ shadow)[..., 0]
                R[..., rank:k, k] += shadow[..., 0]
            length = np.linalg.norm(sizes * c, axis=-1)
        R[..., k, k] = length
        V[..., k], C[..., k] = v / length[..., None], c / length[..., None]
    # Along what the points say nothing of, the fit is as small as it can be.
    weighed, on_points = sizes[:, None] * C, V[..., :rank]
    unseen = -weighed[..., rank:].mT @ (weighed[..., :rank] @ on_points.mT)
    shares = np.concatenate([on_points.mT, unseen], axis=-2)
    return Nested(rank, on_points, C, R, shares)
