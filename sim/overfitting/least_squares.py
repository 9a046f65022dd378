"""Least squares with an L2 penalty, never through normal equations.

Their error grows with the square of the condition number and is visible from degree 9 on.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.linalg

Array = npt.NDArray[np.float64]


def ridge_operators(A: Array, penalties: Array, max_rank: int) -> Iterator[tuple[Array, Array]]:
    """For each penalty, matrices M, (columns, r), and U, (rows, r), with w = M U' y for every y.

    w minimises |y - A w|^2 / rows + penalty * |w|^2; at penalty 0, of all that fit best, it has
    the least |w|. So one factorisation serves any number of y, and all penalties: all that are far
    above rounding share plain SVD, and all others the careful one of `_least_norm`. `max_rank` is
    the rank of A when that is known to be less than the least dimension.
    """
    n, columns = A.shape
    plain = np.linalg.norm(A) < 1e4 * np.sqrt(n) * np.sqrt(penalties)
    if plain.any():
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
    if not plain.all():
        K, W = _least_norm(A, max_rank)
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


def _least_norm(A: Array, max_rank: int) -> tuple[Array, Array]:
    """M and U of `ridge_operators` at penalty 0.

    It matters that the columns of A (powers of x) can differ by many orders of magnitude: the data
    term is factored with columns of length one, A = U S V' D, and the size of w is weighed in
    afterwards (the null-space method; Bjorck, Numerical Methods for Least Squares Problems,
    section 5.1).
    """
    n, columns = A.shape
    lengths = np.linalg.norm(A, axis=0)
    D = np.where(lengths > 0, lengths, 1.0)
    U, s, Vt = np.linalg.svd(A / D, full_matrices=n < columns)
    cutoff = np.finfo(np.float64).eps * max(n, columns) * s.max(initial=0.0)
    rank = min(int(np.count_nonzero(s > cutoff)), max_rank)
    U, s, V, null = U[:, :rank], s[:rank], Vt[:rank].T, Vt[rank:].T
    # w = K p for row-space coordinates p, with the null-space part chosen to make |w| least. The
    # columns of `null` do not change the fit, so a rounding error here cannot spoil it. The second
    # round removes what the first one left by rounding where D is small.
    if 0 < rank < columns:
        for _ in range(2):
            V = V - null @ _least_squares(null / D[:, None], V / D[:, None])
    return V / D[:, None] / s, U


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
