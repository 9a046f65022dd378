"""Bias, variance and noise: what the error of a fit is made of.

A fit with an L2 penalty is linear in y: its values on a grid are S y, with a matrix S that depends
on the positions alone. So one factorisation serves all data sets with the same positions, and all
penalties, and bias and variance have closed forms beside their Monte-Carlo figures. Hastie,
Tibshirani and Friedman, *The Elements of Statistical Learning*, sections 3.4 and 7.3; PRML
section 3.2.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from sim.overfitting.curves import GRID
from sim.overfitting.least_squares import ridge_operators
from sim.overfitting.polynomial import (
    centred,
    check_degree,
    check_penalties,
    least_norm,
    nested_powers,
    powers_of,
)
from sim.overfitting.sample import check_draw, truth

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BiasVariance:
    """The error of one model, taken apart, with the fits that it was measured on.

    Numbers, averaged over the grid, in the units of y squared:
    `bias_squared`, of the mean fit; `variance`, of the fits around their mean; `noise`, sigma^2;
    `expected_error`, measured by itself, on fresh noisy targets; `standard_error`, what Monte
    Carlo leaves uncertain in bias_squared + variance + noise = expected_error;
    `exact_bias_squared` and `exact_variance`, the limits for ever more data sets.

    Curves over the `grid`, shape (grid,): `truth`, `mean_fit`, `bias_squared_at`, `variance_at`.
    `fits` has shape (n_datasets, grid); `positions`, shape (n_points,), are the x of every data
    set.
    """

    bias_squared: float
    variance: float
    noise: float
    expected_error: float
    standard_error: float
    exact_bias_squared: float
    exact_variance: float
    grid: Array
    truth: Array
    mean_fit: Array
    bias_squared_at: Array
    variance_at: Array
    fits: Array
    positions: Array


@dataclass(frozen=True, slots=True, eq=False)
class BiasVarianceCurve:
    """The numbers of `BiasVariance` along a sweep; arrays of shape (values,), `noise` a number.

    `values` are the degrees or the penalties of the sweep.
    """

    values: Array
    bias_squared: Array
    variance: Array
    noise: float
    expected_error: Array
    standard_error: Array
    exact_bias_squared: Array
    exact_variance: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Positions (n,), the mean of the targets over the data sets (n,), their deviations from it
    (n_datasets, n), and fresh noise on the grid (n_datasets, grid).

    The deviations are exactly 0 where there is no noise.
    """

    positions: Array
    mean_targets: Array
    deviations: Array
    fresh: Array
    noise: float


def smoother(positions: npt.ArrayLike, grid: npt.ArrayLike, degree: int, penalty: float) -> Array:
    """The matrix S, shape (grid, n), with S @ y = fit_polynomial(positions, y, ...)(grid).

    L2 penalty. Each row sums to 1: a constant is fitted as it is. Raises ValueError for a degree
    or penalty that is negative or not finite.
    """
    (S,) = _smoothers(positions, grid, degree, [penalty])
    return S


def bias_variance(
    degree: int,
    penalty: float,
    n_points: int,
    noise: float,
    n_datasets: int,
    rng: np.random.Generator,
) -> BiasVariance:
    """Fit `n_datasets` noisy sines with one degree and L2 penalty, and take the error apart.

    All data sets share their positions, drawn once and uniformly, and differ in the noise: the
    fixed design, the classical setting of a linear smoother. So variance is that of the noise
    alone. Averages are over 201 even points on [-1, 1], ends included. With a high degree on few
    points the numbers are huge, and are those of the fits that `fit_polynomial` makes.

    `bias_squared` is that of the mean over the data sets and so carries 1 / n_datasets of the
    variance, as `variance` (which divides by n_datasets) lacks it: their sum is unbiased.

    Positions, noise and fresh targets come from child streams of `rng`: degree and penalty leave
    the draws as they are, more points keep the first ones, and another noise rescales the same
    deviations. The positions are those of `noisy_sine` under the same seed.

    Raises ValueError when n_points < 1 or n_datasets < 2, and for a noise, degree or penalty that
    is negative or not finite.
    """
    draws = _draw(n_points, noise, n_datasets, rng)
    S = smoother(draws.positions, GRID, degree, penalty)
    mean_fit = S @ draws.mean_targets
    around = draws.deviations @ S.T
    return BiasVariance(
        **_parts(S, draws),
        noise=noise**2,
        grid=GRID,
        truth=truth(GRID),
        mean_fit=mean_fit,
        bias_squared_at=(mean_fit - truth(GRID)) ** 2,
        variance_at=(around**2).mean(axis=0),
        fits=mean_fit + around,
        positions=draws.positions,
    )


def bias_variance_by_degree(
    degrees: Sequence[int],
    penalty: float,
    n_points: int,
    noise: float,
    n_datasets: int,
    rng: np.random.Generator,
) -> BiasVarianceCurve:
    """`bias_variance` at every degree, all on the same draws; the same numbers, without the fits.

    Raises ValueError as `bias_variance` does.
    """
    draws = _draw(n_points, noise, n_datasets, rng)
    smoothers = _smoothers_by_degree(draws.positions, GRID, degrees, penalty)
    return _curve(degrees, smoothers, draws)


def bias_variance_by_penalty(
    degree: int,
    penalties: Sequence[float],
    n_points: int,
    noise: float,
    n_datasets: int,
    rng: np.random.Generator,
) -> BiasVarianceCurve:
    """`bias_variance` at every penalty, all on the same draws; the same numbers, without the fits.

    Raises ValueError as `bias_variance` does.
    """
    draws = _draw(n_points, noise, n_datasets, rng)
    return _curve(penalties, _smoothers(draws.positions, GRID, degree, penalties), draws)


def unbiased_parts(
    bias_squared: npt.ArrayLike, variance: npt.ArrayLike, n_datasets: int
) -> tuple[Array, Array]:
    """Bias squared and variance less what a finite number of data sets takes for bias.

    The mean of n_datasets fits varies itself, by variance / (n_datasets - 1) as measured. That part
    goes over to the variance, or all of `bias_squared` if it is smaller; the sum stays as it is.
    Arguments and results have any one shape.
    """
    bias_squared, variance = np.asarray(bias_squared), np.asarray(variance)
    taken = np.minimum(bias_squared, variance / (n_datasets - 1))
    return bias_squared - taken, variance + taken


def _smoothers(
    positions: npt.ArrayLike, grid: npt.ArrayLike, degree: int, penalties: Sequence[float]
) -> Iterator[Array]:
    """`smoother` at every penalty, from one factorisation."""
    positions, grid = np.asarray(positions, dtype=np.float64), np.asarray(grid, dtype=np.float64)
    strengths = np.asarray(penalties, dtype=np.float64)
    check_degree(degree)
    check_penalties(strengths)
    powers = powers_of(positions, degree)
    reach = powers_of(grid, degree) - powers.mean(axis=0)
    exact = partial(least_norm, positions, degree)
    for M, U in ridge_operators(centred(powers), strengths, exact):
        yield reach @ M @ U.T + 1 / positions.size


def _smoothers_by_degree(
    positions: Array, grid: Array, degrees: Sequence[int], penalty: float
) -> Iterator[Array]:
    """`smoother` at every degree; without a penalty one degree adds to the one below."""
    if penalty == 0 and len(degrees) and min(degrees) >= 0:
        basis = nested_powers(positions, max(degrees))
        values = basis.at(grid)
        for degree in degrees:
            yield values[:, : degree + 1] @ basis.shares[: degree + 1]
    else:
        for degree in degrees:
            yield smoother(positions, grid, degree, penalty)


def _draw(n_points: int, noise: float, n_datasets: int, rng: np.random.Generator) -> _Draws:
    check_draw(n_points, noise)
    if n_datasets < 2:
        raise ValueError(f"n_datasets must be at least 2 to show a variance, not {n_datasets}.")
    positions, deviations, targets = rng.spawn(3)
    x = positions.uniform(-1.0, 1.0, n_points)
    epsilon = deviations.standard_normal((n_points, n_datasets)).T
    fresh = targets.standard_normal((n_datasets, GRID.size))
    centre = epsilon.mean(axis=0)
    return _Draws(x, truth(x) + noise * centre, noise * (epsilon - centre), noise * fresh, noise)


def _parts(S: Array, draws: _Draws) -> dict[str, float]:
    """The numbers of `BiasVariance` but the noise.

    The fits are S y, so all but the fresh targets is worked out on the n points, not on the grid.
    """
    mean_error = S @ draws.mean_targets - truth(GRID)
    deviations = draws.deviations
    bias_squared = float((mean_error**2).mean())
    variance = float(np.vdot(deviations @ (S.T @ S), deviations) / deviations.shape[0] / GRID.size)
    # Of the squared distance to a fresh target, what bias^2 + variance does not know already:
    # (error - fresh)^2 - error^2, for each data set.
    shared = ((draws.fresh @ S) * deviations).sum(axis=1) + draws.fresh @ mean_error
    surprise = ((draws.fresh**2).sum(axis=1) - 2 * shared) / GRID.size
    exact_bias = S @ truth(draws.positions) - truth(GRID)
    return {
        "bias_squared": bias_squared,
        "variance": variance,
        "expected_error": float(bias_squared + variance + surprise.mean()),
        "standard_error": float(surprise.std(ddof=1) / np.sqrt(surprise.size)),
        "exact_bias_squared": float((exact_bias**2).mean()),
        "exact_variance": float(draws.noise**2 * (S**2).sum(axis=1).mean()),
    }


def _curve(values: Sequence[float], smoothers: Iterable[Array], draws: _Draws) -> BiasVarianceCurve:
    parts = [_parts(S, draws) for S in smoothers]
    if not parts:
        raise ValueError("a sweep needs at least one degree or penalty.")
    columns = {name: np.array([part[name] for part in parts]) for name in parts[0]}
    return BiasVarianceCurve(np.array(values, float), noise=draws.noise**2, **columns)
