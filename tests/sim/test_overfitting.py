"""The polynomial fit, against PRML, scikit-learn, exact rational arithmetic and its promises."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sim.overfitting import (
    Polynomial,
    Sample,
    fit_polynomial,
    mean_squared_error,
    noisy_sine,
    truth,
)

patient = settings(deadline=None)  # time limits per example fail on a busy machine, not on a bug
seeds = st.integers(0, 2**32 - 1)

# PRML section 1.1: the ten data points, and the coefficients of table 1.1, lowest power first.
PRML_X = np.arange(10) / 9
# fmt: off
PRML_T = np.array([
    0.349486, 0.830839, 1.007332, 0.971507, 0.133066,
    0.166823, -0.848307, -0.445686, -0.563567, 0.261502,
])
PRML_TABLE = {
    0: [0.19],
    1: [0.82, -1.27],
    3: [0.31, 7.99, -25.43, 17.37],
    9: [0.35, 232.37, -5321.83, 48568.31, -231639.30,
        640042.26, -1061800.52, 1042400.18, -557682.99, 125201.43],
}
# fmt: on


def test_truth_is_one_period_of_a_sine():
    np.testing.assert_allclose(truth([-0.5, 0, 1 / 6, 0.5]), [-1, 0, 0.5, 1], atol=1e-15)


def test_more_points_keep_the_first_and_noise_rescales_the_deviations():
    few = noisy_sine(12, 0.3, np.random.default_rng(5))
    many = noisy_sine(40, 0.3, np.random.default_rng(5))
    np.testing.assert_array_equal(few.x, many.x[:12])
    np.testing.assert_array_equal(few.y, many.y[:12])
    louder = noisy_sine(12, 0.6, np.random.default_rng(5))
    np.testing.assert_array_equal(louder.x, few.x)
    np.testing.assert_allclose(louder.y - truth(few.x), 2 * (few.y - truth(few.x)), atol=1e-15)
    silent = noisy_sine(12, 0.0, np.random.default_rng(5))
    np.testing.assert_array_equal(silent.y, truth(silent.x))
    assert not np.array_equal(noisy_sine(12, 0.3, np.random.default_rng(6)).x, few.x)


def test_noisy_sine_has_the_stated_distribution():
    n, noise = 40_000, 0.4
    x, y = noisy_sine(n, noise, np.random.default_rng(8))
    deviations = (y - truth(x)) / noise
    assert x.min() >= -1
    assert x.max() <= 1
    assert (np.diff(x) < 0).any()  # not sorted
    # Five standard errors of each moment; the standard error of a variance is sqrt(2 / n).
    assert abs(x.mean()) < 5 * np.sqrt(1 / 3 / n)
    assert abs((x**2).mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / n)
    assert abs(deviations.mean()) < 5 / np.sqrt(n)
    assert abs(deviations.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((x * deviations).mean()) < 5 * np.sqrt(1 / 3 / n)


@pytest.mark.parametrize("degree", [0, 1, 3, 9])
def test_prml_table_1_1(degree):
    """Within the table's rounding plus what the rounding of the six-decimal data can do.

    The coefficients are linear in t, so data rounded by up to 5e-7 move coefficient k by up to
    5e-7 times the absolute row sum of the pseudo-inverse.
    """
    pseudo_inverse = np.linalg.pinv(np.vander(PRML_X, degree + 1, increasing=True))
    bound = 0.005 + 5e-7 * np.abs(pseudo_inverse).sum(axis=1)
    fitted = fit_polynomial(PRML_X, PRML_T, degree).coefficients
    assert fitted.shape == (degree + 1,)
    assert (np.abs(fitted - PRML_TABLE[degree]) <= bound).all()
    if degree <= 3:  # here the bound is the table's own rounding, and nothing is hidden by it
        assert bound.max() < 0.0051


def _solve_exactly(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = next(j for j in range(i, size) if rows[j][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(size):
            if j != i and rows[j][i] != 0:
                ratio = rows[j][i] / rows[i][i]
                rows[j] = [a - ratio * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


def exact_fit(x: np.ndarray, y: np.ndarray, degree: int, penalty: float) -> np.ndarray:
    """The definition in rational arithmetic, for distinct x: no rounding until the last line."""
    n = len(x)
    powers = [[Fraction(float(v)) ** k for k in range(1, degree + 1)] for v in x]
    means = [sum(column) / n for column in zip(*powers, strict=True)]
    A = [[v - mean for v, mean in zip(row, means, strict=True)] for row in powers]
    centre = sum(map(Fraction, y.tolist())) / n
    t = [Fraction(v) - centre for v in y.tolist()]

    def dot(a, b):
        return sum(p * q for p, q in zip(a, b, strict=True))

    columns = list(zip(*A, strict=True))
    if penalty > 0 or n > degree:
        gram = [[dot(a, b) for b in columns] for a in columns]
        for k in range(degree):
            gram[k][k] += n * Fraction(penalty)
        w = _solve_exactly(gram, [dot(a, t) for a in columns])
    else:  # least norm: w is a combination of the rows, of which the first n - 1 are independent
        rows = A[:-1]
        shares = _solve_exactly([[dot(a, b) for b in rows] for a in rows], t[:-1])
        w = [dot(shares, column[:-1]) for column in columns]
    return np.array([float(centre - dot(means, w)), *map(float, w)])


@pytest.mark.parametrize("penalty", [0.0, 1e-30, 1e-12, 1e-3, 10.0])
@pytest.mark.parametrize(("n", "degree"), [(20, 4), (30, 9), (10, 9), (6, 9)])
@pytest.mark.parametrize(
    ("low", "high", "tolerance"), [(-1, 1, 1e-11), (0, 1, 1e-7), (0, 100, 1e-7)]
)
def test_against_exact_arithmetic(low, high, tolerance, n, degree, penalty):
    """Relative to the largest value, coefficients and fitted values hold to `tolerance`.

    On [0, 1] and [0, 100] the powers are nearly dependent (condition number 1e7 and more at degree
    9), and no method in double precision does much better.
    """
    # Evenly spread with a little jitter: random positions can come close enough to make the
    # problem itself arbitrarily sensitive.
    rng = np.random.default_rng(n + degree)
    x = np.linspace(low, high, n) + rng.uniform(-0.2, 0.2, n) * (high - low) / n
    y = np.sin(3 * x) + 0.1 * rng.standard_normal(n)
    exact = Polynomial(exact_fit(x, y, degree, penalty))
    fitted = fit_polynomial(x, y, degree, penalty)
    scale = np.abs(exact.coefficients).max()
    np.testing.assert_allclose(
        fitted.coefficients, exact.coefficients, rtol=0, atol=tolerance * scale
    )
    np.testing.assert_allclose(fitted(x), exact(x), rtol=0, atol=tolerance * np.abs(y).max())


@patient
@given(seeds, st.integers(2, 60), st.integers(1, 12), st.floats(-6, 2))
def test_penalised_fit_is_scikit_learns_ridge(seed, n, degree, log_penalty):
    x, y = noisy_sine(n, 0.3, np.random.default_rng(seed))
    penalty = 10.0**log_penalty
    ridge = Ridge(alpha=penalty * n, solver="svd").fit(x[:, None] ** np.arange(1, degree + 1), y)
    fitted = fit_polynomial(x, y, degree, penalty).coefficients
    # Both solve to rounding; at a penalty of 1e-6 that is amplified by up to about 1e3.
    tolerance = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(fitted, [ridge.intercept_, *ridge.coef_], **tolerance)


@patient
@given(seeds, st.integers(1, 9), st.integers(0, 8))
def test_too_few_points_give_the_least_norm_fit(seed, n, surplus):
    degree = n + surplus
    rng = np.random.default_rng(seed)
    x = np.linspace(-0.9, 0.9, n) + rng.uniform(-0.03, 0.03, n)
    y = rng.standard_normal(n)
    powers = x[:, None] ** np.arange(1, degree + 1)
    expected, *_ = scipy.linalg.lstsq(powers - powers.mean(axis=0), y - y.mean(), cond=1e-12)
    fitted = fit_polynomial(x, y, degree)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(fitted.coefficients[1:], expected, rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(fitted(x), y, rtol=0, atol=1e-9)


@patient
@given(seeds, st.integers(2, 5), st.integers(1, 12))
def test_repeated_positions_give_the_limit_of_a_vanishing_penalty(seed, n_distinct, degree):
    rng = np.random.default_rng(seed)
    x = np.linspace(-0.9, 0.9, n_distinct)  # symmetric, so at two points even powers are constant
    x = np.concatenate([x, x, x])
    y = rng.standard_normal(x.size)
    limit = fit_polynomial(x, y, degree)
    nearly = fit_polynomial(x, y, degree, penalty=1e-13)
    np.testing.assert_allclose(limit.coefficients, nearly.coefficients, rtol=0, atol=1e-6)
    if degree >= n_distinct - 1:  # enough freedom to pass through the mean at each position
        np.testing.assert_allclose(limit(x), np.tile(y.reshape(3, -1).mean(axis=0), 3), atol=1e-10)


def test_one_position_gives_the_mean():
    for penalty in (0.0, 0.1):
        fitted = fit_polynomial([0.3, 0.3, 0.3], [1.0, 2.0, 6.0], 4, penalty)
        np.testing.assert_allclose(fitted.coefficients, [3, 0, 0, 0, 0], atol=1e-15)


def test_constant_powers_do_not_disturb_the_others():
    """At x = +-0.3 every even power is constant, and x, x**3, ... share the slope 10 / 3."""
    odd = 0.3 ** np.arange(1, 26, 2)
    fitted = fit_polynomial([0.3, -0.3, 0.3], [1.0, -1.0, 1.0], 25)
    np.testing.assert_allclose(fitted.coefficients[1::2], odd / (odd @ odd), rtol=0, atol=1e-14)
    np.testing.assert_allclose(fitted.coefficients[::2], 0.0, rtol=0, atol=1e-14)


@patient
@given(seeds, st.integers(1, 10))
def test_degree_n_minus_one_interpolates(seed, n):
    x, y = noisy_sine(n, 0.3, np.random.default_rng(seed))
    x = np.linspace(-1, 1, n) + x / (4 * n)  # distinct, with room between them
    assert mean_squared_error(fit_polynomial(x, y, n - 1), Sample(x, y)) < 1e-20


@patient
@given(seeds, st.integers(0, 9))
def test_a_polynomial_is_recovered_exactly(seed, degree):
    rng = np.random.default_rng(seed)
    w = rng.uniform(-3, 3, degree + 1)
    x = np.linspace(-1, 1, 30)
    fitted = fit_polynomial(x, np.polynomial.polynomial.polyval(x, w), degree)
    np.testing.assert_allclose(fitted.coefficients, w, rtol=0, atol=1e-10)


def test_high_degree_fit_is_accurate_where_the_lab_draws_it():
    """Degree 25 and 200 points on [-1, 1]: the fit equals the one in the Legendre basis."""
    sample = noisy_sine(200, 0.3, np.random.default_rng(4))
    legendre = np.polynomial.Legendre.fit(*sample, 25, domain=[-1, 1])
    x = np.linspace(sample.x.min(), sample.x.max(), 500)
    np.testing.assert_allclose(fit_polynomial(*sample, 25)(x), legendre(x), rtol=0, atol=1e-7)


@patient
@given(seeds, st.integers(1, 30), st.integers(1, 15), st.floats(-12, 3), st.floats(-12, 3))
def test_a_larger_penalty_shrinks_the_weights_and_fits_worse(seed, n, degree, one, other):
    sample = noisy_sine(n, 0.3, np.random.default_rng(seed))
    light, heavy = (fit_polynomial(*sample, degree, 10.0**log) for log in sorted([one, other]))
    # The slack is for rounding in penalties so close that the fits are the same but for rounding.
    sizes = [float(model.coefficients[1:] @ model.coefficients[1:]) for model in (light, heavy)]
    assert sizes[1] <= sizes[0] * (1 + 1e-9)
    assert mean_squared_error(light, sample) <= mean_squared_error(heavy, sample) + 1e-12


def test_a_huge_penalty_leaves_the_mean():
    sample = noisy_sine(20, 0.3, np.random.default_rng(2))
    for penalty in (1e12, 1e300):
        fitted = fit_polynomial(*sample, 9, penalty)
        assert fitted.coefficients[0] == pytest.approx(sample.y.mean(), abs=1e-11)
        assert fitted.largest_coefficient < 1e-11


def test_polynomial_evaluates_and_measures_itself():
    model = Polynomial(np.array([5.0, -2.0, 1.0]))
    assert model(np.array([[0.0, 1.0], [2.0, -1.0]])).tolist() == [[5.0, 4.0], [5.0, 8.0]]
    assert model.degree == 2
    assert model.largest_coefficient == 2.0
    assert Polynomial(np.array([5.0])).largest_coefficient == 0.0
    assert mean_squared_error(model, Sample(np.array([0.0, 1.0]), np.array([6.0, 7.0]))) == 5.0
    with pytest.raises(ValueError, match="read-only"):
        model.coefficients[0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([], [], 1), "not empty"),
        (([1.0, 2.0], [1.0], 1), "same length"),
        (([[1.0]], [[1.0]], 1), "one-dimensional"),
        (([1.0, np.nan], [1.0, 2.0], 1), "finite"),
        (([1.0, 2.0], [1.0, np.inf], 1), "finite"),
        (([1.0, 2.0], [1.0, 2.0], -1), "degree"),
        (([1.0, 2.0], [1.0, 2.0], 1, -0.1), "penalty"),
        (([1.0, 2.0], [1.0, 2.0], 1, np.nan), "penalty"),
        (([1e200, 2.0], [1.0, 2.0], 2), "too large"),
    ],
)
def test_bad_input_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_polynomial(*arguments)


def test_bad_samples_and_coefficients_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n_points"):
        noisy_sine(0, 0.1, rng)
    for noise in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="noise"):
            noisy_sine(3, noise, rng)
    for coefficients in (np.zeros(0), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="coefficients"):
            Polynomial(coefficients)
