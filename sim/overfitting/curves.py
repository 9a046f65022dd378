"""Training and test error against the degree, the number of points and the penalty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre, polynomial

from sim.overfitting.polynomial import (
    PenaltyKind,
    check_degree,
    check_penalties,
    fit_path,
    fit_polynomial,
    mean_squared_error,
    nested_powers,
    powers_of,
)
from sim.overfitting.sample import Sample, check_draw, truth

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
GRID = np.linspace(-1.0, 1.0, 201)  # where errors against the truth are averaged
GRID.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """Mean squared errors against the degree; arrays of shape (degrees,).

    `best_degree` is the one with the least test error, the lower one of equals.
    """

    degrees: Integers
    train_mse: Array
    test_mse: Array
    best_degree: int


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """Mean squared errors against the number of training points; arrays of shape (sizes,).

    `train_mse` and `test_mse` are medians over the data sets, `train_quartiles` and
    `test_quartiles`, of shape (2, sizes), the lower and the upper quartile.
    """

    sizes: Integers
    train_mse: Array
    test_mse: Array
    train_quartiles: Array
    test_quartiles: Array


@dataclass(frozen=True, slots=True, eq=False)
class PenaltyCurve:
    """Mean squared errors and coefficients against the penalty; errors of shape (penalties,).

    `cv_mse` is the mean over the folds of the error on the fold left out; it needs no test set.
    `best_by_test` and `best_by_cv` are penalties: where that error is least, the first of equals.
    `coefficients` has shape (penalties, degree + 1), the intercept first.
    """

    penalties: Array
    train_mse: Array
    test_mse: Array
    cv_mse: Array
    best_by_test: float
    best_by_cv: float
    coefficients: Array


def error_curve(
    train: Sample,
    test: Sample,
    degrees: Sequence[int] = range(26),
    penalty: float = 0.0,
    penalty_kind: PenaltyKind = "l2",
) -> ErrorCurve:
    """The training and the test error of `fit_polynomial` on `train`, degree by degree.

    Without a penalty a higher degree contains the lower ones: `train_mse` never rises, and is 0
    where the fit passes through all points.

    Raises ValueError for no degrees at all, and as `fit_polynomial` does.
    """
    if not len(degrees):
        raise ValueError("degrees must name at least one degree.")
    if penalty == 0 and train.x.size and min(degrees) >= 0:
        train_mse, test_mse = _least_squares_errors(train, test, degrees)
    else:
        models = [fit_polynomial(*train, degree, penalty, penalty_kind) for degree in degrees]
        train_mse, test_mse = (
            np.array([mean_squared_error(model, sample) for model in models])
            for sample in (train, test)
        )
    best = int(degrees[int(np.argmin(test_mse))])
    return ErrorCurve(np.array(degrees), train_mse, test_mse, best)


def _least_squares_errors(
    train: Sample, test: Sample, degrees: Sequence[int]
) -> tuple[Array, Array]:
    """Training and test error without a penalty: one more degree adds one more polynomial."""
    basis = fit_polynomial(*train, max(degrees)).basis
    assert basis is not None
    fits = np.cumsum(basis.at(test.x) * (basis.shares @ train.y), axis=1)[:, list(degrees)]
    left_over = basis.left_over(train.y)[list(degrees)]
    return left_over / train.y.size, ((test.y[:, None] - fits) ** 2).mean(axis=0)


def penalty_curve(
    train: Sample,
    test: Sample,
    degree: int,
    penalties: npt.ArrayLike,
    penalty_kind: PenaltyKind = "l2",
    folds: int = 10,
) -> PenaltyCurve:
    """Training, test and cross-validated error of `fit_path`, and its coefficients.

    The folds are those of `k_fold_mse`. Raises ValueError as `fit_path` and `k_fold_mse` do, and
    when there are no penalties.
    """
    penalties = np.asarray(penalties, dtype=np.float64)
    if not penalties.size:
        raise ValueError("penalties must name at least one penalty.")
    coefficients = fit_path(*train, degree, penalties, penalty_kind)
    cv_mse = np.mean(
        [
            _errors(fit_path(*kept, degree, penalties, penalty_kind), left_out)
            for kept, left_out in _splits(train, folds)
        ],
        axis=0,
    )
    test_mse = _errors(coefficients, test)
    return PenaltyCurve(
        penalties,
        _errors(coefficients, train),
        test_mse,
        cv_mse,
        float(penalties[np.argmin(test_mse)]),
        float(penalties[np.argmin(cv_mse)]),
        coefficients,
    )


def k_fold_mse(
    sample: Sample,
    degree: int,
    penalty: float = 0.0,
    folds: int = 10,
    penalty_kind: PenaltyKind = "l2",
) -> Array:
    """The error on each fold of a fit to the other folds, shape (folds,).

    Folds are runs of neighbouring points in the order of the sample, the first ones larger by one
    point where the number does not divide: scikit-learn's KFold without shuffling, which is what
    its cross_val_score takes. Raises ValueError as `fit_polynomial` does, and unless
    2 <= folds <= n.
    """
    return np.array(
        [
            mean_squared_error(fit_polynomial(*kept, degree, penalty, penalty_kind), left_out)
            for kept, left_out in _splits(sample, folds)
        ]
    )


def learning_curve(
    degree: int,
    penalty: float,
    sizes: Sequence[int],
    noise: float,
    n_datasets: int,
    rng: np.random.Generator,
) -> LearningCurve:
    """Training and test error (L2 penalty) against n, each over `n_datasets` noisy sines.

    The test error is exact but for the grid: the mean of (f(x) - truth(x))^2 over 201 even points
    on [-1, 1], plus noise^2. Medians, because a fit with about as many coefficients as points is
    now and then wild beyond all measure, and one such fit would be the whole mean.

    A data set grows: its first points are the same at every size. Positions and deviations come
    from child streams of `rng`, so degree, penalty, noise and sizes leave the draws as they are.
    With penalty 0 and n <= degree + 1 the fit passes through all points, and for n <= degree it is
    the least-norm one, as in `fit_polynomial`.

    Raises ValueError for a size or `n_datasets` below 1, and a degree, penalty or noise that is
    negative or not finite.
    """
    if not len(sizes) or min(sizes) < 1:
        raise ValueError(f"sizes must name at least one size, each at least 1, not {list(sizes)}.")
    if n_datasets < 1:
        raise ValueError(f"n_datasets must be at least 1, not {n_datasets}.")
    check_draw(min(sizes), noise)
    check_degree(degree)
    check_penalties(np.array([penalty], dtype=np.float64))
    positions, deviations = rng.spawn(2)
    x = np.stack([stream.uniform(-1, 1, max(sizes)) for stream in positions.spawn(n_datasets)])
    epsilon = np.stack(
        [stream.standard_normal(max(sizes)) for stream in deviations.spawn(n_datasets)]
    )
    y = truth(x) + noise * epsilon
    powers = np.asarray(polynomial.polyvander(x, degree), dtype=np.float64)
    smooth = np.asarray(legendre.legvander(x, degree), dtype=np.float64)
    grid = polynomial.polyvander(GRID, degree), legendre.legvander(GRID, degree)

    train = np.empty((n_datasets, len(sizes)))
    test = np.empty_like(train)
    for k, n in enumerate(sizes):
        if penalty > 0:
            train[:, k], weights = _penalised_together(powers[:, :n], y[:, :n], penalty)
            curves = weights @ grid[0].T
        elif n < 2 * degree:  # near the threshold
            basis = nested_powers(x[:, :n], degree)
            weights = (basis.coefficients @ (basis.shares @ y[:, :n, None]))[..., 0]
            train[:, k], curves = basis.left_over(y[:, :n])[:, degree] / n, weights @ grid[0].T
        else:  # far from it Legendre polynomials will do, and are quicker
            shares, left_over = _solve_together(smooth[:, :n], y[:, :n])
            train[:, k], curves = left_over / n, shares @ grid[1].T
        test[:, k] = ((curves - truth(GRID)) ** 2).mean(axis=1) + noise**2
    (train_low, train_mid, train_high), (test_low, test_mid, test_high) = (
        np.quantile(errors, [0.25, 0.5, 0.75], axis=0) for errors in (train, test)
    )
    return LearningCurve(
        np.array(sizes),
        train_mid,
        test_mid,
        np.stack([train_low, train_high]),
        np.stack([test_low, test_high]),
    )


def _penalised_together(powers: Array, y: Array, penalty: float) -> tuple[Array, Array]:
    """Training errors (m,) and weights (m, degree + 1) of m fits; powers (m, n, degree + 1)."""
    X = powers[:, :, 1:]
    m, n, degree = X.shape
    means, centre = X.mean(axis=1), y.mean(axis=1)
    shrink = np.broadcast_to(np.sqrt(n * penalty) * np.eye(degree), (m, degree, degree))
    A = np.concatenate([X - means[:, None], shrink], axis=1)
    b = np.pad(y - centre[:, None], ((0, 0), (0, degree)))
    slopes, _ = _solve_together(A, b)
    weights = np.column_stack([centre - (means * slopes).sum(axis=1), slopes])
    return ((y - (powers @ weights[..., None])[..., 0]) ** 2).mean(axis=1), weights


def _solve_together(A: Array, b: Array) -> tuple[Array, Array]:
    """The w of least |b - A w|^2, (m, columns), and that least, (m,); A is (m, rows, columns)."""
    columns = A.shape[2]
    R = np.asarray(np.linalg.qr(np.concatenate([A, b[..., None]], axis=2), mode="r"))
    w = np.linalg.solve(R[:, :columns, :columns], R[:, :columns, columns:])[..., 0]
    return w, (R[:, columns:, columns] ** 2).sum(axis=1)


def _splits(sample: Sample, folds: int) -> Iterator[tuple[Sample, Sample]]:
    """For each fold, the points kept and the points left out."""
    n = sample.x.size
    if not 2 <= folds <= n:
        raise ValueError(f"folds must be at least 2 and at most the {n} points, not {folds}.")
    for fold in np.array_split(np.arange(n), folds):
        yield (
            Sample(np.delete(sample.x, fold), np.delete(sample.y, fold)),
            Sample(sample.x[fold], sample.y[fold]),
        )


def _errors(coefficients: Array, sample: Sample) -> Array:
    """The mean squared error on the sample of every row of coefficients."""
    degree = coefficients.shape[1] - 1
    fitted = coefficients[:, :1] + coefficients[:, 1:] @ powers_of(sample.x, degree).T
    errors: Array = ((sample.y - fitted) ** 2).mean(axis=1)
    return errors
