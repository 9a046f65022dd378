"""Double descent: the error past the degree at which a polynomial passes through every point.

Belkin, Hsu, Ma and Mandal, "Reconciling modern machine-learning practice and the classical
bias-variance trade-off", PNAS 116 (2019). With the best penalty there is next to no peak: Nakkiran,
Venkat, Kakade and Ma, "Optimal regularization can mitigate double descent", ICLR 2021. A penalty
that is chosen from the training points alone may leave one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import spherical_jn

from sim.overfitting.nested import Nested, nested
from sim.overfitting.polynomial import check_degree, check_penalties
from sim.overfitting.sample import check_draw, truth

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PENALTIES = np.logspace(-6, 2, 25)  # among which leave-one-out chooses
NEAR = 1.25  # up to this multiple of n, directions are too nearly dependent for plain SVD
SMOOTH = 40  # the truth has no coefficients beyond, in double precision


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
    from the training points alone, and `tuned_penalty` is the median choice. `best_test_mse` is
    what the best of those penalties for each data set would give, and `too_small` in how many data
    sets leave-one-out chose a smaller one. `threshold` is the degree n - 1, from which on the fit
    passes through every point.
    """

    degrees: Integers
    train_mse: Array
    test_mse: Array
    tuned_train_mse: Array
    tuned_test_mse: Array
    tuned_penalty: Array
    best_test_mse: Array
    too_small: Integers
    threshold: int


def fit_legendre(
    x: npt.ArrayLike, y: npt.ArrayLike, degree: int, penalty: float = 0.0
) -> LegendreSeries:
    """Minimise (1/n) * sum of (y - f(x))^2 + penalty * sum of ((k + 1) * c_k)^2, all k >= 0.

    c_k are the coefficients of the orthonormal Legendre functions, and each counts k + 1 times:
    smooth functions are the small ones. At penalty 0, of all that fit best, the one whose
    sum of ((k + 1) * c_k)^2 is least; positions that only rounding tells apart count as one. `x`
    lies in [-1, 1], and `x` and `y` have shape (n,).

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
    if penalty == 0 and degree < NEAR * x.size:
        basis = _nested(x, degree)
        return LegendreSeries(basis.coefficients @ (basis.shares @ y))
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
    the coefficients to those of the truth. Without a penalty it holds to 1e-9 of its value up to
    degree n + 1, and to 1e-4 beyond, however high the peak: from 1e2 to 1e20 at 20 points, by how
    far apart they happen to lie. The data sets share their positions, as in `bias_variance`, and
    the positions are those of `noisy_sine` under the same seed.

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
    most = max(SMOOTH, *degrees)
    basis, target = _basis(x, most), _truth_coefficients(most)
    near = _nested(x, max(n_points - 1, *(min(d, int(NEAR * n_points)) for d in degrees)))
    left_over = np.mean([near.left_over(column) for column in y.T], axis=0) / n_points

    columns = []
    for degree in degrees:
        U, s, V = _factors(basis[:, : degree + 1], degree)
        z, aim = U.T @ y, target[: degree + 1]
        if degree < NEAR * n_points:
            of_truth, per_noise = _errors_near(near, basis, target, degree)
            error = of_truth[:, None] + noise * (per_noise @ epsilon)
        else:
            error = V @ (_gains(s, 0.0)[:, None] * z) - aim[:, None]

        gains = s / (s**2 + n_points * PENALTIES[:, None])  # (penalties, rank)
        tuned, best = _leave_one_out(U, s, y), _least_distance(V, gains, z, aim)
        of_tuned, of_best = (
            ((V @ (gains[choice].T * z) - aim[:, None]) ** 2).sum(axis=0).mean()
            for choice in (tuned, best)
        )
        residual = y - U @ (s[:, None] * gains[tuned].T * z)
        floor = (target[degree + 1 :] ** 2).sum() + noise**2  # of any fit of this degree
        columns.append(
            [
                left_over[degree] if degree < n_points else 0.0,
                (error**2).sum(axis=0).mean() + floor,
                (residual**2).mean(),
                of_tuned + floor,
                np.median(PENALTIES[tuned]),
                of_best + floor,
                np.count_nonzero(tuned < best),
            ]
        )
    train, test, tuned_train, tuned_test, penalty, best_test, too_small = np.array(columns).T
    return DoubleDescent(
        degrees=np.array(degrees),
        train_mse=train,
        test_mse=test,
        tuned_train_mse=tuned_train,
        tuned_test_mse=tuned_test,
        tuned_penalty=penalty,
        best_test_mse=best_test,
        too_small=too_small.astype(np.int64),
        threshold=n_points - 1,
    )


def _nested(x: Array, degree: int) -> Nested:
    """`nested` in the orthonormal Legendre functions and their norm."""
    k = np.arange(1, degree + 1)
    step = k / np.sqrt(4.0 * k**2 - 1)  # x p_k = step_(k+1) p_(k+1) + step_k p_(k-1)

    def times_x(c: Array) -> Array:
        higher, lower = np.append(0.0, step * c[:-1]), np.append(step * c[1:], 0.0)
        return np.asarray(higher + lower)

    return nested(x, degree, times_x, np.arange(1.0, degree + 2))


def _errors_near(near: Nested, basis: Array, target: Array, degree: int) -> tuple[Array, Array]:
    """What the fit to the truth itself misses, (degree + 1,), and what a deviation adds, (., n).

    The truth's own coefficients up to the degree come out as they are, but for what the points say
    nothing of. So only the rest of the truth goes through the fit, which may enlarge rounding by
    1e10: where there is no noise there is none here.
    """
    C, k = near.coefficients[: degree + 1, : degree + 1], np.arange(1.0, degree + 2)
    per_noise = C @ near.shares[: degree + 1]
    unseen = k[:, None] * C[:, near.rank :]
    lost = unseen @ (unseen.T @ (k * target[: degree + 1])) / k
    return per_noise @ (basis[:, degree + 1 :] @ target[degree + 1 :]) - lost, per_noise


def _least_distance(V: Array, gains: Array, z: Array, aim: Array) -> Integers:
    """For each column of z, which penalty's fit V @ (gains * z) is nearest to `aim`."""
    shares = gains[:, :, None] * z  # (penalties, rank, n_datasets)
    distances = ((V.T @ V @ shares - 2 * (V.T @ aim)[:, None]) * shares).sum(axis=1)
    nearest: Integers = np.argmin(distances, axis=0)
    return nearest


def _basis(x: Array, degree: int) -> Array:
    """The orthonormal Legendre functions at x, shape (n, degree + 1)."""
    scale = np.sqrt(2 * np.arange(degree + 1) + 1)
    return np.asarray(np.polynomial.legendre.legvander(x, degree) * scale)


def _factors(basis: Array, degree: int) -> tuple[Array, Array, Array]:
    """U, s and V for which the fit to y has the coefficients V @ (gains * (U' y))."""
    weights = 1.0 / np.arange(1, degree + 2)
    U, s, Vt = np.linalg.svd(basis * weights, full_matrices=False)
    return U, s, weights[:, None] * Vt.T


def _gains(s: Array, penalty: float) -> Array:
    """s / (s^2 + penalty), and nothing along what is the same position twice."""
    determined = s > 1e-14 * s.max()
    gains: Array = np.where(determined, s, 0.0) / (np.where(determined, s, 1.0) ** 2 + penalty)
    return gains


def _leave_one_out(U: Array, s: Array, y: Array) -> Integers:
    """For each column of y, which penalty has the least leave-one-out error, (n_datasets,).

    With H = U diag(s^2 / (s^2 + n * penalty)) U', leaving point i out makes an error of
    (y - H y)_i / (1 - H_ii) at it (The Elements of Statistical Learning, section 7.10).
    """
    shrunk = len(y) * PENALTIES[:, None] / (s**2 + len(y) * PENALTIES[:, None])  # 1 less the factor
    z = U.T @ y
    outside = 1.0 - (U**2).sum(axis=1)
    residual = (y - U @ z) + (U * shrunk[:, None, :]) @ z  # (penalties, n, n_datasets)
    slack = outside + shrunk @ (U**2).T
    errors = ((residual / slack[:, :, None]) ** 2).mean(axis=1)
    chosen: Integers = np.argmin(errors, axis=0)
    return chosen


def _truth_coefficients(degree: int) -> Array:
    """Those of `truth` in the basis, up to `degree` or `SMOOTH`, whichever is more.

    Im exp(i pi x) = sum of (2k + 1) Im(i^k) j_k(pi) P_k(x): DLMF 10.60.7.
    """
    k = np.arange(SMOOTH + 1)
    signs = np.array([0.0, 1.0, 0.0, -1.0])[k % 4]
    smooth = np.sqrt(2 * k + 1) * signs * spherical_jn(k, np.pi)
    return np.asarray(np.pad(smooth, (0, max(0, degree - SMOOTH))))


def hump(errors: Array) -> tuple[int, float]:
    """The place of the highest hump of `errors`, shape (k,) with k >= 2, and its height.

    That is the factor by which it stands above both the least before it and the last of all; at
    most 1 where the errors do not rise and come down again. The last is above 0.
    """
    heights = errors[1:] / np.maximum(np.minimum.accumulate(errors)[:-1], errors[-1])
    place = int(np.argmax(heights))
    return place + 1, float(heights[place])
