"""Least squares with an L1 penalty, by an active set: exact zeros, exact weights."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

Array = npt.NDArray[np.float64]
EPS = np.finfo(np.float64).eps
ROUNDS = 1000  # ten times what one fit was ever seen to take


def lasso_path(A: Array, y: Array, penalties: Array) -> Array:
    """The minimisers of |y - A w|^2 / rows + penalty * |w|_1, shape (penalties, columns).

    Coordinate descent crawls where columns are nearly dependent, as powers of x are. An active
    set instead solves for all nonzero weights at once, and lets weights enter and leave one at a
    time, from the largest penalty down (Lee, Battle, Raina and Ng, "Efficient sparse coding
    algorithms", NIPS 2006). A weight is zero exactly or not at all.

    Optimal means that A'(y - A w) * 2 / rows is penalty * sign(w) where w is not zero, and within
    +-penalty elsewhere, up to 1e-9 of the penalty plus the rounding of that product. With powers
    of x on [-1, 1] the duality gap is then below 1e-8 of mean(y**2) for penalties of 1e-5 and
    more; below that, what rounding leaves grows with the weights: 100 * eps * |w|_1**2.
    """
    n, columns = A.shape
    lengths = np.linalg.norm(A, axis=0) / np.sqrt(n)
    lengths[lengths == 0] = 1.0
    # Columns of length one: minimise |y - B v|^2 / 2 + sum of weight_j * |v_j|. A rotation leaves
    # at most columns + 1 rows; rows of zeros make every choice of columns as tall as it is wide.
    scaled = np.column_stack([A / lengths, y]) / np.sqrt(n)
    rotated = np.asarray(np.linalg.qr(scaled, mode="r"))
    rotated = np.pad(rotated, ((0, max(0, columns - n)), (0, 0)))
    B, y = rotated[:, :-1], rotated[:, -1]
    v, signs, size = np.zeros(columns), np.zeros(columns), np.sqrt(y @ y)
    path = np.empty((len(penalties), columns))
    for k in np.argsort(penalties)[::-1]:
        weight = penalties[k] / 2 / lengths
        for _ in range(ROUNDS):
            pull = B.T @ (y - B @ v) - weight * signs
            tolerance = 1e-9 * weight + 2 * EPS * (size + np.abs(v).sum())
            excess = np.abs(pull) - tolerance - weight * (signs == 0)
            if excess.max() <= 0:
                break
            active = signs.nonzero()[0]
            if active.size and excess[active].max() > 0:
                force = pull[active]
            else:  # the others stand right: let one more in, and push that one alone
                entering = excess.argmax()
                signs[entering] = np.sign(pull[entering])
                active = signs.nonzero()[0]
                force = signs[active] * excess[active] * (active == entering)
            old = v[active]
            step = _solve(B[:, active], force)
            crossing = ((old != 0) & ((old + step) * signs[active] <= 0)).nonzero()[0]
            if crossing.size:  # signs last as far as the first weight that reaches zero
                shares = -old[crossing] / step[crossing]
                leaving = active[crossing[shares.argmin()]]
                v[active] = old + shares.min() * step
                v[leaving] = signs[leaving] = 0.0
            else:
                v[active] = old + step
        path[k] = v / lengths
    return path


def _solve(B: Array, force: Array) -> Array:
    """The step d with B'B d = force, through B = Q R; huge along what B leaves undetermined."""
    columns = B.shape[1]
    R = lapack.dgeqrf(B)[0][:columns]
    diagonal = R.diagonal()
    if np.abs(diagonal).min() < EPS:
        np.fill_diagonal(R, np.where(np.abs(diagonal) < EPS, EPS, diagonal))
    step: Array = lapack.dtrtrs(R, lapack.dtrtrs(R, force, trans=1)[0])[0]
    return step
