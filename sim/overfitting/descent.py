"""Double descent: the error past the degree at which a polynomial passes through every point.

Belkin, Hsu, Ma and Mandal, "Reconciling modern machine-learning practice and the classical
bias-variance trade-off", PNAS 116 (2019); with the penalty tuned there is no peak: Nakkiran,
Venkat, Kakade and Ma, "Optimal regularization can mitigate double descent", ICLR 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.overfitting.polynomial import check_degree, check_penalties
from sim.overfitting.sample import check_draw, truth

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PENALTIES = np.logspace(-6, 2, 25)  # among which leave-one-out chooses
SMOOTH = 40  # the truth has no coefficients beyond, in double precision
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(SMOOTH + 24)


@dataclass(frozen=True, slots=True, eq=False)
class LegendreSeries:
    """f(x) = sum over k of coefficients[k] * sqrt(2k + 1) * P_k(x), P_k the Legendre polynomials.

    These functions are orthonormal under the uniform distribution on [-1, 1]. `coefficients` has
    shape (degree + 1,).
    """

    coefficients: Array

    def __call__(self, x: npt.ArrayLike) -> Array:
        """f at every entry of `x`, by Clenshaw's recurrence; the result has the shape of `x`."""
        scale = np.sqrt(2 * np.arange(self.coefficients.size) + 1)
        points = np.asarray(x, dtype=np.float64)
        return np.asarray(np.polynomial.legendre.legval(points, scale * self.coefficients))


@dataclass(frozen=True, slots=True, eq=False)
class DoubleDescent:
    """Mean squared errors against the degree; arrays of shape (degrees,), means over data sets.

    `train_mse` and `test_mse` belong to the fit without a penalty, of least norm; `tuned_train_mse`
    and `tuned_test_mse` to the fit whose penalty leave-one-out chose for each data set and degree,
    from the training points alone, and `tuned_penalty` is the median choice. `threshold` is the
    degree n - 1, from which on the fit passes through every point.
    """

    degrees: Integers
    train_mse: Array
    test_mse: Array
    tuned_train_mse: Array
    tuned_test_mse: Array
    tuned_penalty: Array
    threshold: int


def fit_legendre(
    x: npt.ArrayLike, y: npt.ArrayLike, degree: int, penalty: float = 0.0
) -> LegendreSeries:
    """Minimise (1/n) * sum of (y - f(x))^2 + penalty * sum of ((k + 1) * c_k)^2, all k >= 0.

    c_k are the coefficients of the orthonormal Legendre functions, and each counts k + 1 times:
    smooth functions are the small ones. At penalty 0, of all that fit best, the one whose
    sum of ((k + 1) * c_k)^2 is least; directions whose singular value is below 1e-14 of the largest
    count as undetermined. `x` lies in [-1, 1], and `x` and `y` have shape (n,).

    Raises ValueError for other shapes, positions outside [-1, 1], values that are not finite, and a
    negative degree or penalty.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    check_degree(degree)
    check_penalties(np.array([penalty], dtype=np.float64))
    if (
        x.ndim != 1
        or x.shape != y.shape
        or not x.size
        or not (np.abs(x) <= 1).all()
        or not np.isfinite(y).all()
    ):
        raise ValueError(
            "x must be one-dimensional, not empty and inside [-1, 1], y as long and finite; "
            f"their shapes are {x.shape} and {y.shape}."
        )
    U, s, V = _factors(_basis(x, degree), degree)
    return LegendreSeries(V @ (_gains(s, x.size * penalty) * (U.T @ y)))


def double_descent(
    n_points: int,
    noise: float,
    degrees: Sequence[int],
    rng: np.random.Generator,
    n_datasets: int = 20,
) -> DoubleDescent:
    """The errors of `fit_legendre` for degrees far beyond the number of points.

    Past degree n - 1 every fit passes through all points, and more degrees only give it more ways
    to do so; the smallest of them is ever smoother, and the error comes down again. It does for
    this norm: where all coefficients count alike, the smallest function that passes through the
    points is zero between them but for a spike at each, and the error ends near that of f = 0.

    The test error is exact: over x uniform on [-1, 1] it is noise^2 plus the squared distance of
    the coefficients to those of the truth. The data sets share their positions, as in
    `bias_variance`, and the positions are those of `noisy_sine` under the same seed. The height of
    the peak depends on how far apart they happen to lie: from 1e2 to 1e20 at 20 points.

    Raises ValueError for no degrees or a negative one, when n_points < 2 or n_datasets < 1, and
    when noise is negative or not finite.
    """
    check_draw(n_points, noise)
    if n_points < 2 or n_datasets < 1:
        raise ValueError(
            "n_points must be at least 2 and n_datasets at least 1, "
            f"not {n_points} and {n_datasets}."
        )
    if not len(degrees) or min(degrees) < 0:
        raise ValueError(f"degrees must be zero or more, and at least one, not {list(degrees)}.")
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1.0, 1.0, n_points)
    epsilon = deviations.standard_normal((n_points, n_datasets))
    y = truth(x)[:, None] + noise * epsilon
    basis, target = _basis(x, max(degrees)), _truth_coefficients(max(degrees))

    columns = []
    for degree in degrees:
        U, s, V = _factors(basis[:, : degree + 1], degree)
        z = U.T @ y
        plain, chosen = _gains(s, 0.0)[:, None], _leave_one_out(U, s, y)
        tuned = _gains(s[:, None], n_points * chosen)
        row = [float(np.median(chosen))]
        for gains in (plain, tuned):
            distance = ((V @ (gains * z) - target[: degree + 1, None]) ** 2).sum(axis=0)
            out_of_reach = (target[degree + 1 :] ** 2).sum()
            residual = y - U @ (s[:, None] * gains * z)
            row += [(residual**2).mean(), distance.mean() + out_of_reach + noise**2]
        columns.append(row)
    penalty, train, test, tuned_train, tuned_test = np.array(columns).T
    return DoubleDescent(
        np.array(degrees), train, test, tuned_train, tuned_test, penalty, n_points - 1
    )


def _basis(x: Array, degree: int) -> Array:
    """The orthonormal Legendre functions at x, shape (n, degree + 1)."""
    scale = np.sqrt(2 * np.arange(degree + 1) + 1)
    return np.asarray(np.polynomial.legendre.legvander(x, degree) * scale)


def _factors(basis: Array, degree: int) -> tuple[Array, Array, Array]:
    """U, s and V for which the fit to y has the coefficients V @ (gains * (U' y))."""
    weights = 1.0 / np.arange(1, degree + 2)
    U, s, Vt = np.linalg.svd(basis * weights, full_matrices=False)
    return U, s, weights[:, None] * Vt.T


def _gains(s: Array, penalty: float | Array) -> Array:
    """s / (s^2 + penalty), and nothing along what the data leave undetermined."""
    determined = s > 1e-14 * s.max()
    gains: Array = np.where(determined, s, 0.0) / (np.where(determined, s, 1.0) ** 2 + penalty)
    return gains


def _leave_one_out(U: Array, s: Array, y: Array) -> Array:
    """For each column of y, the penalty of least leave-one-out error, shape (n_datasets,).

    With H = U diag(s^2 / (s^2 + n * penalty)) U', leaving point i out makes an error of
    (y - H y)_i / (1 - H_ii) at it (The Elements of Statistical Learning, section 7.10).
    """
    shrunk = len(y) * PENALTIES[:, None] / (s**2 + len(y) * PENALTIES[:, None])  # 1 less the factor
    z = U.T @ y
    outside = 1.0 - (U**2).sum(axis=1)
    residual = (y - U @ z) + (U * shrunk[:, None, :]) @ z  # (penalties, n, n_datasets)
    slack = outside + shrunk @ (U**2).T
    errors = ((residual / slack[:, :, None]) ** 2).mean(axis=1)
    chosen: Array = PENALTIES[np.argmin(errors, axis=0)]
    return chosen


def _truth_coefficients(degree: int) -> Array:
    """Those of `truth` in the basis, up to `degree` or `SMOOTH`, whichever is more."""
    smooth = _basis(NODES, SMOOTH).T @ (NODE_WEIGHTS / 2 * truth(NODES))
    return np.pad(smooth, (0, max(0, degree - SMOOTH)))
