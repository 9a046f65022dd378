"""Least squares with an L2 penalty, never through normal equations.

Their error grows with the square of the condition number and is visible from degree 9 on.
"""

import numpy as np
import numpy.typing as npt
import scipy.linalg

Array = npt.NDArray[np.float64]


def ridge_operator(A: Array, penalty: float, max_rank: int) -> tuple[Array, Array]:
    """Matrices M, shape (columns, r), and U, shape (rows, r), with w = M U' y for every y.

    w minimises |y - A w|^2 / rows + penalty * |w|^2; at penalty 0, of all that fit best, it has
    the least |w|. One factorisation so serves any number of y. `max_rank` is the rank of A when
    that is known to be less than the least dimension.

    Where the penalty is far above rounding, plain SVD is accurate. Otherwise it matters that the
    columns of A (powers of x) can differ by many orders of magnitude: the data term is factored
    with columns of length one, A = U S V' D, and the size of w is weighed in afterwards
    (the null-space method; Bjorck, Numerical Methods for Least Squares Problems, section 5.1).
    """
    n, columns = A.shape
    if np.linalg.norm(A) < 1e4 * np.sqrt(n) * np.sqrt(penalty):
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        return Vt.T * (s / (s**2 + n * penalty)), U
    lengths = np.linalg.norm(A, axis=0)
    D = np.where(lengths > 0, lengths, 1.0)
    U, s, Vt = np.linalg.svd(A / D, full_matrices=n < columns)
    cutoff = np.finfo(np.float64).eps * max(n, columns) * s.max(initial=0.0)
    rank = min(int(np.count_nonzero(s > cutoff)), max_rank)
    U, s, V, null = U[:, :rank], s[:rank], Vt[:rank].T, Vt[rank:].T
    if rank == 0:
        return V, U

    # w = K p for row-space coordinates p, with the null-space part chosen to make |w| least. The
    # columns of `null` do not change the fit, so a rounding error here cannot spoil it. The second
    # round removes what the first one left by rounding where D is small.
    if rank < columns:
        for _ in range(2):
            V = V - null @ _least_squares(null / D[:, None], V / D[:, None])
    K = V / D[:, None] / s
    if penalty > 0:
        shrink = np.sqrt(n) * np.sqrt(penalty) * K
        K = K @ _least_squares(np.vstack([np.eye(rank), shrink]), np.eye(rank + columns, rank))
    return K, U


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
