"""Least squares with an L2 penalty, never through normal equations.

Their error grows with the square of the condition number and is visible from degree 9 on.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import scipy.linalg

Array = npt.NDArray[np.float64]


def ridge_operators(
    A: Array, penalties: Array, least_norm: Callable[[], tuple[Array, Array]]
) -> Iterator[tuple[Array, Array]]:
    """For each penalty, matrices M, (columns, r), and U, (rows, r), with w = M U' y for every y.

    w minimises |y - A w|^2 / rows + penalty * |w|^2; at penalty 0, of all that fit best, it has
    the least |w|. So one factorisation serves any number of y, and all penalties: all that are far
    above rounding share plain SVD, and all others the M and U that `least_norm` gives for 0.
    """
    n, columns = A.shape
    plain = np.linalg.norm(A) < 1e4 * np.sqrt(n) * np.sqrt(penalties)
    if plain.any():
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
    if not plain.all():
        K, W = least_norm()
    for penalty, shared in zip(penalties, plain, strict=True):
        if shared:
            yield Vt.T * (s / (s**2 + n * penalty)), U
        elif penalty == 0 or not K.size:
            yield K, W
        else:
            shrink = np.sqrt(n) * np.sqrt(penalty) * K
            rank = K.shape[1]
            size = _least_squares(np.vstack([np.eye(rank), shrink]), np.eye(rank + columns, rank))
            yield K @ size, W


def ridge_path(A: Array, y: Array, penalties: Array) -> Array:
    """The minimisers of |y - A w|^2 / rows + penalty * |w|^2, shape (penalties, columns).

    One SVD serves all penalties, which must be well above the rounding in the squares of A's
    entries: 1e-12 or more where these are at most 1.
    """
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    path: Array = (s * (U.T @ y) / (s**2 + len(y) * penalties[:, None])) @ Vt
    return path


def _least_squares(A: Array, b: Array) -> Array:
    """Least squares for A of full column rank whose rows differ widely in size.

    Householder QR is stable row by row when large rows come first and columns are pivoted
    (Higham, Accuracy and Stability of Numerical Algorithms, section 20.3).
    """
    order = np.argsort(-np.abs(A).max(axis=1))
    Q, R, pivots = scipy.linalg.qr(A[order], mode="economic", pivoting=True, check_finite=False)
    solution: Array = np.empty((A.shape[1], *b.shape[1:]))
    solution[pivots] = scipy.linalg.solve_triangular(R, Q.T @ b[order], check_finite=False)
    return solution
