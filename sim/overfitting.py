"""Polynomial curve fitting: a noisy sine, and least squares with or without an L2 penalty.

The example of Bishop, *Pattern Recognition and Machine Learning* (PRML), section 1.1, on the
interval [-1, 1]. The fit never forms normal equations, whose error grows with the square of the
condition number and is visible from degree 9 on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.linalg

Array = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """Data points: `x` and `y`, both float64 of shape (n,)."""

    x: Array
    y: Array


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """f(x) = sum over k of coefficients[k] * x**k.

    `coefficients` has shape (degree + 1,), lowest power first, and is read-only.
    """

    coefficients: Array

    def __post_init__(self) -> None:
        coefficients = np.array(self.coefficients, dtype=np.float64)
        if coefficients.ndim != 1 or coefficients.size == 0:
            raise ValueError(
                "coefficients must be a one-dimensional array with at least one number, "
                f"not an array of shape {coefficients.shape}."
            )
        coefficients.flags.writeable = False
        object.__setattr__(self, "coefficients", coefficients)

    def __call__(self, x: npt.ArrayLike) -> Array:
        """f at every entry of `x`, by Horner's scheme; the result has the shape of `x`."""
        points = np.asarray(x, dtype=np.float64)
        return np.asarray(np.polynomial.polynomial.polyval(points, self.coefficients))

    @property
    def degree(self) -> int:
        """The highest power that has a coefficient (which may be zero)."""
        return self.coefficients.size - 1

    @property
    def largest_coefficient(self) -> float:
        """The largest |w_k| over k >= 1, the intercept left out; 0.0 at degree 0."""
        return float(np.abs(self.coefficients[1:]).max(initial=0.0))


def truth(x: npt.ArrayLike) -> Array:
    """The function behind the data, sin(pi x): one full period on [-1, 1]."""
    return np.asarray(np.sin(np.pi * np.asarray(x, dtype=np.float64)))


def noisy_sine(n_points: int, noise: float, rng: np.random.Generator) -> Sample:
    """Draw `n_points` positions uniformly on [-1, 1], unsorted, with y = truth(x) + Gaussian noise.

    `noise` is the standard deviation in the units of y. Positions and deviations come from two
    child streams of `rng`: under one seed a larger `n_points` keeps the first points as they are,
    and another `noise` rescales the same deviations.

    Raises ValueError when n_points < 1, or when noise is negative or not finite.
    """
    if n_points < 1:
        raise ValueError(f"n_points must be at least 1, not {n_points}.")
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be a finite number that is zero or more, not {noise}.")
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1.0, 1.0, n_points)
    return Sample(x, truth(x) + noise * deviations.standard_normal(n_points))


def fit_polynomial(
    x: npt.ArrayLike, y: npt.ArrayLike, degree: int, penalty: float = 0.0
) -> Polynomial:
    """Minimise (1/n) * sum of (y - f(x))^2 + penalty * sum over k >= 1 of w_k^2.

    The intercept w_0 is never penalised, and the penalty acts on the coefficients of the plain
    powers of x: PRML (1.4) up to the factor n/2 and the intercept, and scikit-learn's
    Ridge(alpha=n * penalty) on x, ..., x**degree.

    With `penalty` = 0 and fewer than degree + 1 distinct positions, many polynomials fit equally
    well; the result is the limit penalty -> 0+, the one whose sum of w_k^2 over k >= 1 is least.
    Directions are taken as undetermined when their singular value, in the centred design matrix
    with columns of length one, is below eps * max(n, degree) times the largest (eps = 2.2e-16).
    So up to about 20 random points on [-1, 1] are interpolated when the degree allows it; beyond
    that the powers of x are too nearly dependent for double precision, and a residual remains.

    `x` and `y` are finite, of shape (n,) with n >= 1. Raises ValueError for other shapes, for a
    negative degree, for a penalty that is negative or not finite, and when x**degree overflows.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(
            "x and y must be one-dimensional, of the same length and not empty; "
            f"their shapes are {x.shape} and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y must hold finite numbers only, no NaN and no infinity.")
    if degree < 0:
        raise ValueError(f"degree must be zero or more, not {degree}.")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise ValueError(f"penalty must be a finite number that is zero or more, not {penalty}.")
    with np.errstate(over="ignore"):
        powers = x[:, None] ** np.arange(1, degree + 1)
    if not np.isfinite(powers).all():
        raise ValueError(f"x**{degree} is too large for a float; rescale x, to [-1, 1] say.")

    means, centre = powers.mean(axis=0), y.mean()
    centred = powers - means
    # Where a power is constant (x**2 on x = +-0.3) only rounding is left: clear it, because the
    # factorisation scales every column that is not zero to length one.
    rounding = x.size * np.finfo(np.float64).eps * np.linalg.norm(powers, axis=0)
    centred[:, np.linalg.norm(centred, axis=0) <= rounding] = 0.0
    # Of n distinct points, n - 1 directions remain when the intercept is out.
    weights = _ridge(centred, y - centre, penalty, np.unique(x).size - 1)
    return Polynomial(np.concatenate([[centre - means @ weights], weights]))


def mean_squared_error(model: Polynomial, sample: Sample) -> float:
    """The mean over the sample of (y - f(x))^2, in the units of y squared."""
    return float(np.mean((sample.y - model(sample.x)) ** 2))


def _ridge(A: Array, y: Array, penalty: float, max_rank: int) -> Array:
    """The w, shape (columns,), that minimises |y - A w|^2 / n + penalty * |w|^2.

    The columns of A (powers of x) can differ by many orders of magnitude, so the data term is
    factored with columns of length one, A = U S V' D, and the size of w is weighed in afterwards
    (the null-space method; Bjorck, Numerical Methods for Least Squares Problems, section 5.1).
    """
    n, columns = A.shape
    lengths = np.linalg.norm(A, axis=0)
    D = np.where(lengths > 0, lengths, 1.0)
    U, s, Vt = np.linalg.svd(A / D, full_matrices=True)
    cutoff = np.finfo(np.float64).eps * max(n, columns) * s.max(initial=0.0)
    rank = min(int(np.count_nonzero(s > cutoff)), max_rank)
    if rank == 0:
        return np.zeros(columns)
    U, s, V, null = U[:, :rank], s[:rank], Vt[:rank].T, Vt[rank:].T

    # w = K p for row-space coordinates p, with the null-space part chosen to make |w| least. The
    # columns of `null` do not change the fit, so a rounding error here cannot spoil it. The second
    # round removes what the first one left by rounding where D is small.
    if rank < columns:
        for _ in range(2):
            V = V - null @ _least_squares(null / D[:, None], V / D[:, None])
    K = V / D[:, None] / s
    p = U.T @ y
    if penalty > 0:
        shrink = np.sqrt(n) * np.sqrt(penalty) * K
        p = _least_squares(
            np.vstack([np.eye(rank), shrink]), np.concatenate([p, np.zeros(columns)])
        )
    weights: Array = K @ p
    return weights


def _least_squares(A: Array, b: Array) -> Array:
    """Least squares for A of full column rank whose rows differ widely in size.

    Householder QR is stable row by row when large rows come first and columns are pivoted
    (Higham, Accuracy and Stability of Numerical Algorithms, section 20.3).
    """
    order = np.argsort(-np.abs(A).max(axis=1))
    Q, R, pivots = scipy.linalg.qr(A[order], mode="economic", pivoting=True)
    solution: Array = np.empty((A.shape[1], *b.shape[1:]))
    solution[pivots] = scipy.linalg.solve_triangular(R, Q.T @ b[order])
    return solution
