"""Least squares near the degree that passes through all points: to all digits, 0 where it is 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.overfitting import (
    Sample,
    bias_variance,
    bias_variance_by_degree,
    edit,
    error_curve,
    fit_polynomial,
    learning_curve,
    mean_squared_error,
    noisy_sine,
    smoother,
    truth,
)
from sim.overfitting.polynomial import nested_powers
from tests.sim import high_precision as exact

brief = settings(deadline=None, derandomize=True, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
GRID = np.linspace(-1, 1, 21)


def data(n: int, noise: float, seed: int) -> tuple[Sample, Sample]:
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    return noisy_sine(n, noise, train_rng), noisy_sine(1000, noise, test_rng)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("n", "degree"),
    [
        *[(5, 4), (5, 25), (12, 11), (18, 17), (18, 25), (20, 18), (20, 19), (20, 20)],
        *[(25, 23), (25, 24), (25, 25), (26, 25), (27, 25), (40, 25)],
    ],
)
def test_weights_curve_and_residuals_hold_to_their_digits(n, degree, seed):
    """Relative to the largest of each; a factorisation of the powers keeps none at (26, 25)."""
    train, _ = data(n, 0.3, seed)
    B = exact.powers(train.x, degree)
    y = [exact.mpf(float(v)) for v in train.y]
    c = exact.least_squares(B, y, [0, *[1] * degree])
    weights, curve = np.array([float(v) for v in c]), exact.values(exact.powers(GRID, degree), c)
    model = fit_polynomial(*train, degree)
    size = np.abs(weights).max()
    np.testing.assert_allclose(model.coefficients, weights, rtol=0, atol=1e-11 * size)
    np.testing.assert_allclose(model(GRID), curve, rtol=0, atol=1e-11 * np.abs(curve).max())
    left_over = error_curve(train, train, [degree]).train_mse[0]
    if degree >= n - 1:
        assert left_over == 0
        # Evaluated at the points, it is 0 to the rounding of a curve so high between them.
        assert mean_squared_error(model, train) < 1e-26 * max(1.0, np.abs(curve).max()) ** 2
    else:
        assert left_over == pytest.approx(exact.mean_square(B, c, y), rel=1e-9)


@brief
@given(seeds, st.integers(1, 60), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_training_errors_never_rise_and_are_zero_where_they_are(seed, n, noise):
    train, test = data(n, noise, seed)
    errors = error_curve(train, test).train_mse
    assert (np.diff(errors) <= 0).all()
    assert (errors[n - 1 :] == 0).all()
    assert noise == 0 or (errors[: n - 1] > 0).all()


def test_they_did_rise_on_some_of_these_seeds():
    """100 seeds at n = 25: with a cut-off in the powers of x, 10 of them rose."""
    for seed in range(100):
        errors = error_curve(*data(25, 0.3, seed)).train_mse
        assert (np.diff(errors) <= 0).all()
        assert errors[24] == errors[25] == 0


@brief
@given(seeds, st.integers(2, 40), st.integers(1, 8))
def test_points_that_share_a_position_leave_their_spread(seed, n, steps):
    """Positions on a coarse grid: no curve does better than the mean at each."""
    train, _ = data(n, 0.3, seed)
    train = Sample(np.round(train.x * steps) / steps, train.y)
    spread = sum(((y - y.mean()) ** 2).sum() for y in (train.y[train.x == v] for v in set(train.x)))
    errors = error_curve(train, train).train_mse
    assert (np.diff(errors) <= 0).all()
    assert errors[25] == pytest.approx(spread / n, rel=1e-9, abs=1e-28)
    if len(set(train.x)) == n:
        assert errors[25] == 0


def test_positions_that_only_rounding_tells_apart_count_as_one():
    x = np.array([-0.5, 0.3, np.nextafter(0.3, 1), 0.7])
    y = np.array([0.0, 1.0, 2.0, -1.0])
    near = fit_polynomial(x, y, 5)
    one = fit_polynomial(np.where(x > 0.3, np.where(x < 0.5, 0.3, x), x), y, 5)
    np.testing.assert_allclose(near.coefficients, one.coefficients, rtol=1e-12)


def test_a_moved_point_next_to_another_is_no_trouble():
    """A thousandth apart, as near as the screen lets a hand put them."""
    train, _ = data(20, 0.3, 37)
    beside = edit(
        train,
        {3: (round(float(train.x[7]), 3), 1.0), 5: (round(float(train.x[7]), 3) + 0.001, -1.0)},
    )
    errors = error_curve(beside, beside).train_mse
    assert (np.diff(errors) <= 0).all()
    assert errors[19] == 0


@brief
@given(seeds, st.integers(1, 26))
def test_more_degrees_need_less_weight_to_pass_through_all_points(seed, n):
    """Each has all curves of the one before to choose from."""
    train, _ = data(n, 0.3, seed)
    sizes = [
        float(w[1:] @ w[1:])
        for w in (fit_polynomial(*train, degree).coefficients for degree in range(n - 1, 26))
    ]
    assert (np.diff(sizes) <= 1e-9 * np.array(sizes[:-1])).all()


@brief
@given(seeds, st.integers(1, 40), st.integers(0, 25), st.integers(0, 25))
def test_one_more_degree_changes_no_share(seed, n, degree, other):
    x = data(n, 0.3, seed)[0].x
    few, many = (nested_powers(x, d) for d in sorted([degree, other]))
    size = min(degree, other) + 1
    for here, there in ((few.shares[:size], many.shares[:size]), (few.at(GRID).T, many.at(GRID).T)):
        for one, same in zip(here[:size], there[:size], strict=True):
            np.testing.assert_allclose(one, same, rtol=0, atol=1e-11 * np.abs(one).max())


@brief
@given(seeds, st.integers(2, 30), st.integers(0, 24), st.sampled_from([0.0, 1e-6, 1e-2]))
def test_a_share_that_a_curve_follows_its_point_by(seed, n, degree, penalty):
    """What to see: it grows with the degree, shrinks with a penalty, and is within 0 and 1."""
    x = np.linspace(-1, 1, n) + data(n, 0.3, seed)[0].x / (4 * n)

    def shares(degree: int, penalty: float) -> np.ndarray:
        basis = nested_powers(x, degree)
        S = basis.at_points @ basis.at_points.T if penalty == 0 else smoother(x, x, degree, penalty)
        return np.diag(S)

    here = shares(degree, penalty)
    assert (here > -1e-9).all()
    assert (here < 1 + 1e-9).all()
    assert (shares(degree + 1, penalty) >= here - 1e-9).all()
    assert (shares(degree, 10 * penalty + 1e-6) <= here + 1e-9).all()


@brief
@given(seeds, st.integers(2, 40), st.sampled_from([0.05, 0.3, 1.0]))
def test_variance_grows_with_the_degree_until_the_curve_passes_through_all_points(seed, n, noise):
    curve = bias_variance_by_degree(range(26), 0.0, n, noise, 2, np.random.default_rng(seed))
    variance = curve.exact_variance[:n]
    assert (np.diff(variance) >= -1e-9 * variance[1:]).all()


@pytest.mark.parametrize(("n", "degree"), [(20, 19), (25, 24), (26, 25), (20, 25)])
def test_the_parts_at_the_threshold_are_those_of_the_fits(n, degree):
    part = bias_variance(degree, 0.0, n, 0.3, 5, np.random.default_rng(1))
    curve = bias_variance_by_degree([3, degree], 0.0, n, 0.3, 5, np.random.default_rng(1))
    _, deviations, _ = np.random.default_rng(1).spawn(3)
    epsilon = deviations.standard_normal((n, 5))
    for r in range(5):
        model = fit_polynomial(part.positions, truth(part.positions) + 0.3 * epsilon[:, r], degree)
        size = np.abs(part.fits[r]).max()
        np.testing.assert_allclose(part.fits[r], model(part.grid), rtol=0, atol=1e-10 * size)
    for field in ("variance", "expected_error", "exact_variance"):
        assert getattr(curve, field)[1] == pytest.approx(getattr(part, field), rel=1e-9)


@pytest.mark.parametrize(("degree", "noise"), [(15, 0.3), (19, 0.05), (25, 1.0)])
def test_learning_curves_hold_at_the_threshold(degree, noise):
    """Against the fits one by one; 0 up to degree + 1 points."""
    sizes, m = [5, degree - 1, degree, degree + 1, degree + 2, degree + 6, 2 * degree, 60], 20
    curve = learning_curve(degree, 0.0, sizes, noise, m, np.random.default_rng(4))
    positions, deviations = np.random.default_rng(4).spawn(2)
    x = np.stack([s.uniform(-1, 1, max(sizes)) for s in positions.spawn(m)])
    epsilon = np.stack([s.standard_normal(max(sizes)) for s in deviations.spawn(m)])
    y, grid = truth(x) + noise * epsilon, np.linspace(-1, 1, 201)
    for k, n in enumerate(sizes):
        models = [fit_polynomial(x[r, :n], y[r, :n], degree) for r in range(m)]
        test = np.median([np.mean((f(grid) - truth(grid)) ** 2) for f in models]) + noise**2
        assert curve.test_mse[k] == pytest.approx(test, rel=1e-8)
        samples = [Sample(x[r, :n], y[r, :n]) for r in range(m)]
        train = np.median([error_curve(s, s, [degree]).train_mse[0] for s in samples])
        assert curve.train_mse[k] == pytest.approx(train, rel=1e-8)
        assert (curve.train_mse[k] == 0) == (n <= degree + 1)


def test_with_a_penalty_the_training_error_can_rise():
    """The maths of the complexity view says so: what never rises then is error plus penalty."""
    rises = 0
    for seed in range(10):
        train, test = data(20, 0.3, seed)
        for penalty in (1e-3, 1e-1):
            errors = error_curve(train, test, range(26), penalty).train_mse
            rises += int((np.diff(errors) > 1e-6).any())
            weights = [fit_polynomial(*train, d, penalty).coefficients[1:] for d in range(26)]
            total = errors + penalty * np.array([w @ w for w in weights])
            assert (np.diff(total) <= 1e-10).all()
    assert rises > 3


@pytest.mark.parametrize(("n", "degree"), [(26, 25), (40, 39), (200, 60)])
def test_the_polynomials_are_orthonormal_on_the_points(n, degree):
    for seed in range(10):
        V = nested_powers(data(n, 0.3, seed)[0].x, degree).at_points
        np.testing.assert_allclose(V.T @ V, np.eye(degree + 1), rtol=0, atol=1e-13)
