"""The polynomial and its fit: least squares with or without an L2 or L1 penalty."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.overfitting.lasso import lasso_path
from sim.overfitting.least_squares import ridge_operators, ridge_path
from sim.overfitting.nested import Nested, nested
from sim.overfitting.sample import Sample

Array = npt.NDArray[np.float64]
PenaltyKind = Literal["l2", "l1"]


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """f(x) = sum over k of coefficients[k] * x**k.

    `coefficients` has shape (degree + 1,), lowest power first, and is read-only. Where they are
    huge, f is less than what their rounding does to it; so a fit may bring the polynomials that it
    is made of, and its `shares` of them, shape (degree + 1,), and is worked out from these.
    """

    coefficients: Array
    basis: Nested | None = None
    shares: Array | None = None

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
        """f at every entry of `x`; the result has the shape of `x`."""
        points = np.asarray(x, dtype=np.float64)
        if self.basis is not None and self.shares is not None:
            return np.reshape(self.basis.at(points.ravel()) @ self.shares, points.shape)
        return np.asarray(np.polynomial.polynomial.polyval(points, self.coefficients))

    @property
    def degree(self) -> int:
        """The highest power that has a coefficient (which may be zero)."""
        return self.coefficients.size - 1

    @property
    def largest_coefficient(self) -> float:
        """The largest |w_k| over k >= 1, the intercept left out; 0.0 at degree 0."""
        return float(np.abs(self.coefficients[1:]).max(initial=0.0))


def fit_polynomial(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    degree: int,
    penalty: float = 0.0,
    penalty_kind: PenaltyKind = "l2",
) -> Polynomial:
    """Minimise (1/n) * sum of (y - f(x))^2 + penalty * sum over k >= 1 of w_k^2, or of |w_k|.

    The intercept w_0 is never penalised, and the penalty acts on the coefficients of the plain
    powers of x. With "l2", the squares, this is PRML (1.4) up to the factor n/2 and the intercept,
    and scikit-learn's Ridge(alpha=n * penalty) on x, ..., x**degree. With "l1", the absolute
    values, it is scikit-learn's Lasso(alpha=penalty / 2), solved exactly: see `lasso_path`.

    With `penalty` = 0 and fewer than degree + 1 distinct positions, many polynomials fit equally
    well; the result, for both kinds, is the limit penalty -> 0+ of "l2", the one whose sum of
    w_k^2 over k >= 1 is least. It is solved in polynomials made for the points (`nested`), so also
    where powers of x are nearly dependent it holds to about 1e-12 of the largest value; positions
    that only rounding tells apart count as one.

    `x` and `y` are finite, of shape (n,) with n >= 1. Raises ValueError for other shapes, for a
    negative degree, for a penalty that is negative or not finite, for an unknown kind, and when
    x**degree overflows.
    """
    x, y, degree, penalties, kind = _checked(x, y, degree, np.array([penalty]), penalty_kind)
    if penalty == 0:
        basis = nested_powers(x, degree)
        shares = basis.shares @ y
        return Polynomial(basis.coefficients @ shares, basis, shares)
    return Polynomial(_fit(x, y, degree, penalties, kind)[0])


def fit_path(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    degree: int,
    penalties: npt.ArrayLike,
    penalty_kind: PenaltyKind = "l2",
) -> Array:
    """The coefficients of `fit_polynomial` at every penalty, shape (penalties, degree + 1).

    One factorisation serves all L2 penalties of 1e-12 and more, which is meant for x on [-1, 1];
    another one the smaller ones. Raises ValueError as `fit_polynomial` does, and when
    `penalties` is not one-dimensional.
    """
    return _fit(*_checked(x, y, degree, penalties, penalty_kind), fast=True)


def mean_squared_error(model: Polynomial, sample: Sample) -> float:
    """The mean over the sample of (y - f(x))^2, in the units of y squared."""
    return float(np.mean((sample.y - model(sample.x)) ** 2))


def powers_of(x: Array, degree: int) -> Array:
    """The columns x, x**2, ..., x**degree; shape (n, degree). ValueError when they overflow.

    By products: `**` takes ten times as long and is nearer to the true power by a rounding or two.
    """
    with np.errstate(over="ignore"):
        powers: Array = np.multiply.accumulate(np.repeat(x[:, None], degree, axis=1), axis=1)
    if not np.isfinite(powers).all():
        raise ValueError(f"x**{degree} is too large for a float; rescale x, to [-1, 1] say.")
    return powers


def nested_powers(x: Array, degree: int) -> Nested:
    """`nested` in powers of x, least being the sum of squared weights without the intercept."""
    powers_of(x.ravel(), degree)  # the check
    sizes = np.ones(degree + 1)
    sizes[0] = 0.0
    return nested(x, degree, lambda c: np.roll(c, 1, axis=-1), sizes)  # the last one is 0


def least_norm(x: Array, degree: int) -> tuple[Array, Array]:
    """M, (degree, r), and U, (n, r): the weights of the fit without a penalty are M U' y."""
    basis = nested_powers(x, degree)
    return basis.least[1:, 1:], basis.at_points[:, 1:]


def centred(powers: Array) -> Array:
    """The columns less their means; zero exactly where a column is constant but for rounding.

    Where a power is constant (x**2 on x = +-0.3) only rounding is left, which the factorisation
    would scale to length one.
    """
    columns: Array = powers - powers.mean(axis=0)
    rounding = len(powers) * np.finfo(np.float64).eps * np.linalg.norm(powers, axis=0)
    columns[:, np.linalg.norm(columns, axis=0) <= rounding] = 0.0
    return columns


def check_penalties(penalties: Array) -> None:
    """Raise ValueError unless `penalties` is one-dimensional and holds finite numbers >= 0."""
    if penalties.ndim != 1:
        raise ValueError(f"penalties must be one-dimensional, not of shape {penalties.shape}.")
    for penalty in penalties[~(np.isfinite(penalties) & (penalties >= 0))]:
        raise ValueError(f"penalty must be a finite number that is zero or more, not {penalty}.")


def check_degree(degree: int) -> None:
    """Raise ValueError when the degree is negative."""
    if degree < 0:
        raise ValueError(f"degree must be zero or more, not {degree}.")


def _checked(
    x: npt.ArrayLike, y: npt.ArrayLike, degree: int, penalties: npt.ArrayLike, kind: PenaltyKind
) -> tuple[Array, Array, int, Array, PenaltyKind]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    penalties = np.asarray(penalties, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(
            "x and y must be one-dimensional, of the same length and not empty; "
            f"their shapes are {x.shape} and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y must hold finite numbers only, no NaN and no infinity.")
    check_degree(degree)
    check_penalties(penalties)
    if kind not in ("l2", "l1"):
        raise ValueError(f'penalty_kind must be "l2" or "l1", not {kind!r}.')
    return x, y, degree, penalties, kind


def _fit(
    x: Array, y: Array, degree: int, penalties: Array, kind: PenaltyKind, fast: bool = False
) -> Array:
    """The coefficients at every penalty, arguments checked; `fast` shares one SVD."""
    powers = powers_of(x, degree)
    A, centre = centred(powers), y.mean()
    weights = np.empty((len(penalties), degree))
    together = penalties > 0 if kind == "l1" else (penalties >= 1e-12) & fast
    path = lasso_path if kind == "l1" else ridge_path
    if degree and together.any():
        weights[together] = path(A, y - centre, penalties[together])
    operators = ridge_operators(A, penalties[~together], lambda: least_norm(x, degree))
    for k, (M, U) in zip(np.flatnonzero(~together), operators, strict=True):
        weights[k] = M @ (U.T @ (y - centre))
    return np.column_stack([centre - weights @ powers.mean(axis=0), weights])
