"""Bias and variance: the identity, the closed forms, and the linear smoother behind both."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.overfitting import (
    bias_variance,
    bias_variance_by_degree,
    bias_variance_by_penalty,
    fit_path,
    fit_polynomial,
    noisy_sine,
    smoother,
    truth,
    unbiased_parts,
)

brief = settings(deadline=None, derandomize=True, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
GRID = np.linspace(-1, 1, 201)


def rng(seed: int = 37) -> np.random.Generator:
    return np.random.default_rng(seed)


@brief
@given(seeds, st.integers(1, 40), st.integers(0, 12), st.sampled_from([0.0, 1e-9, 1e-3, 1.0]))
def test_the_smoother_is_the_fit(seed, n, degree, penalty):
    x, y = noisy_sine(n, 0.3, rng(seed))
    S = smoother(x, GRID, degree, penalty)
    fitted = fit_polynomial(x, y, degree, penalty)(GRID)
    # Both are rounded sums of terms as large as the entries of S.
    scale = max(1.0, np.abs(S).max())
    np.testing.assert_allclose(S @ y, fitted, rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(S.sum(axis=1), 1.0, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("penalty", [0.0, 1e-3])
@pytest.mark.parametrize("degree", [0, 3, 9])
def test_every_fit_is_that_of_its_data_set(degree, penalty):
    """The draws, retold from the docstring: positions, deviations and targets, in this order."""
    result = bias_variance(degree, penalty, 20, 0.3, 7, rng())
    positions, deviations, _ = rng().spawn(3)
    x, epsilon = positions.uniform(-1, 1, 20), deviations.standard_normal((20, 7))
    np.testing.assert_array_equal(result.positions, x)
    fits = [
        fit_polynomial(x, truth(x) + 0.3 * epsilon[:, r], degree, penalty)(GRID) for r in range(7)
    ]
    np.testing.assert_allclose(result.fits, fits, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.mean_fit, np.mean(fits, axis=0), rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.variance_at, np.var(fits, axis=0), rtol=0, atol=1e-8)
    np.testing.assert_array_equal(result.grid, GRID)
    np.testing.assert_array_equal(result.truth, truth(GRID))
    assert result.bias_squared == pytest.approx(result.bias_squared_at.mean(), rel=1e-10)
    assert result.variance == pytest.approx(result.variance_at.mean(), rel=1e-10)
    error = np.array(fits) - truth(GRID)
    # With these very fits the split has no Monte-Carlo error; only the fresh targets have.
    assert result.bias_squared + result.variance == pytest.approx((error**2).mean(), rel=1e-8)


@brief
@given(seeds, st.integers(0, 15), st.sampled_from([0.0, 1e-4, 1e-1]), st.floats(0.0, 1.0))
def test_the_expected_error_is_measured_on_fresh_targets(seed, degree, penalty, noise):
    """By the definition, point by point of the grid: no identity is used here."""
    result = bias_variance(degree, penalty, 20, noise, 30, rng(seed))
    _, _, targets = rng(seed).spawn(3)
    fresh = truth(GRID) + noise * targets.standard_normal((30, GRID.size))
    squares = ((fresh - result.fits) ** 2).mean(axis=1)
    errors = ((truth(GRID) - result.fits) ** 2).mean(axis=1)
    assert result.expected_error == pytest.approx(squares.mean(), rel=1e-9, abs=1e-15)
    spread = (squares - errors).std(ddof=1) / np.sqrt(30)
    # What is left of large squares of a wild fit is rounded as they are.
    rounding = 1e-13 * errors.max()
    assert result.standard_error == pytest.approx(spread, rel=1e-9, abs=1e-15 + rounding)


@brief
@given(seeds, st.integers(0, 15), st.sampled_from([0.0, 1e-4, 1e-1]), st.floats(0.05, 1.0))
def test_the_identity_holds_to_its_standard_error(seed, degree, penalty, noise):
    """Within five: a miss by chance once in two million, and the examples are always the same."""
    result = bias_variance(degree, penalty, 20, noise, 100, rng(seed))
    parts = result.bias_squared + result.variance + result.noise
    assert result.noise == noise**2
    assert result.standard_error > 0
    assert abs(result.expected_error - parts) < 5 * result.standard_error


def test_the_standard_error_is_the_spread_over_repetitions():
    """Over 300 seeds the gap, in standard errors, has mean 0 and standard deviation 1."""
    gaps = []
    for seed in range(300):
        b = bias_variance(5, 1e-3, 20, 0.3, 50, rng(seed))
        gap = b.expected_error - b.bias_squared - b.variance - b.noise
        gaps.append(gap / b.standard_error)
    # Four standard errors of a mean and of a standard deviation, with Student's 49 degrees.
    assert abs(np.mean(gaps)) < 4 / np.sqrt(300)
    assert abs(np.std(gaps) - np.sqrt(49 / 47)) < 4 / np.sqrt(600)


@brief
@given(seeds, st.integers(0, 15), st.sampled_from([0.0, 1e-6, 1e-2, 10.0]))
def test_monte_carlo_agrees_with_the_closed_forms(seed, degree, penalty):
    """Within five standard errors, which for this Gaussian design are known themselves.

    The fits are Gaussian with covariance C = sigma^2 S S' over the grid of G points. Then the
    variance has the standard error sqrt(2 tr(C C) / (R - 1)) / G, and expectation
    (1 - 1/R) tr(C) / G; the squared bias has tr(C) / (R G) more than the exact one and a standard
    error sqrt(2 tr(C C) / R^2 + 4 b'C b / R) / G.
    """
    R, G, noise = 200, GRID.size, 0.3
    result = bias_variance(degree, penalty, 20, noise, R, rng(seed))
    S = smoother(result.positions, GRID, degree, penalty)
    C, b = noise**2 * S @ S.T, S @ truth(result.positions) - truth(GRID)
    trace, square = np.trace(C), (C**2).sum()
    assert result.exact_variance == pytest.approx(trace / G, rel=1e-6)
    assert result.exact_bias_squared == pytest.approx((b**2).mean(), rel=1e-6, abs=1e-9)
    of_variance = np.sqrt(2 * square / (R - 1)) / G
    assert abs(result.variance - (1 - 1 / R) * trace / G) < 5 * of_variance
    of_bias = np.sqrt(2 * square / R**2 + 4 * b @ C @ b / R) / G
    surplus = result.bias_squared - result.exact_bias_squared
    assert abs(surplus - trace / R / G) < 5 * of_bias + 1e-12


def test_degree_zero_is_the_mean_of_the_targets():
    """By hand: variance sigma^2 / n; the bias is the mean of the sine at the positions."""
    result = bias_variance(0, 0.0, 25, 0.4, 50, rng())
    assert result.exact_variance == pytest.approx(0.4**2 / 25, rel=1e-12)
    bias = truth(result.positions).mean() - truth(GRID)
    assert result.exact_bias_squared == pytest.approx((bias**2).mean(), rel=1e-12)


def test_a_design_that_interpolates_has_no_bias_to_speak_of_and_much_variance():
    low, high = (bias_variance(degree, 0.0, 20, 0.3, 100, rng()) for degree in (3, 15))
    assert high.exact_bias_squared < 1e-12 < low.exact_bias_squared
    assert high.exact_variance > 100 * low.exact_variance


@pytest.mark.parametrize("degree", [3, 15, 25])
def test_without_noise_there_is_no_variance(degree):
    """None at all: not what is left of rounding, which a wild fit would enlarge."""
    result = bias_variance(degree, 0.0, 20, 0.0, 10, rng())
    assert (result.noise, result.exact_variance, result.standard_error) == (0.0, 0.0, 0.0)
    assert result.variance == 0
    assert (result.variance_at == 0).all()
    assert (result.fits == result.mean_fit).all()
    assert result.expected_error == pytest.approx(result.exact_bias_squared, rel=1e-12)
    assert (bias_variance_by_degree([0, degree], 0.0, 20, 0.0, 10, rng()).variance == 0).all()


def test_sweeps_repeat_the_single_results():
    by_degree = bias_variance_by_degree([0, 4, 9], 1e-4, 20, 0.3, 30, rng())
    by_penalty = bias_variance_by_penalty(9, [0.0, 1e-4, 0.1], 20, 0.3, 30, rng())
    single = [bias_variance(degree, 1e-4, 20, 0.3, 30, rng()) for degree in (0, 4, 9)]
    other = [bias_variance(9, penalty, 20, 0.3, 30, rng()) for penalty in (0.0, 1e-4, 0.1)]
    for curve, results in ((by_degree, single), (by_penalty, other)):
        for field in dataclasses.fields(curve):
            if field.name != "values":
                expected = [getattr(result, field.name) for result in results]
                np.testing.assert_array_equal(
                    np.broadcast_to(getattr(curve, field.name), 3), expected
                )
    assert by_degree.values.tolist() == [0, 4, 9]
    assert by_penalty.values.tolist() == [0.0, 1e-4, 0.1]
    assert (np.diff(by_penalty.exact_variance) < 0).all()  # a larger penalty always calms
    assert (np.diff(by_penalty.exact_bias_squared) > 0).all()


def test_one_factorisation_serves_all_data_sets_and_all_penalties(monkeypatch):
    """One SVD at most: penalties at the edge of rounding share what no penalty needs."""
    factorise, seen = np.linalg.svd, []
    monkeypatch.setattr(np.linalg, "svd", lambda *a, **k: seen.append(a) or factorise(*a, **k))
    bias_variance_by_penalty(9, np.logspace(-6, 2, 40), 20, 0.3, 500, rng())
    assert len(seen) == 1
    fit_path(*noisy_sine(20, 0.3, rng()), 9, np.logspace(-12, 2, 40))
    assert len(seen) == 2
    bias_variance_by_penalty(9, [0.0, *np.logspace(-30, 2, 40)], 20, 0.3, 500, rng())
    assert len(seen) == 3


def test_streams_are_independent():
    few = bias_variance(3, 0.0, 12, 0.3, 20, rng(5))
    assert np.array_equal(few.positions, noisy_sine(12, 0.3, rng(5)).x)
    many = bias_variance(9, 1e-3, 30, 0.3, 20, rng(5))
    np.testing.assert_array_equal(few.positions, many.positions[:12])
    louder = bias_variance(3, 0.0, 12, 0.6, 20, rng(5))
    silent = bias_variance(3, 0.0, 12, 0.0, 20, rng(5))
    np.testing.assert_allclose(louder.fits - silent.fits, 2 * (few.fits - silent.fits), atol=1e-9)
    assert louder.exact_variance == pytest.approx(4 * few.exact_variance, rel=1e-12)


def test_the_whole_sweep_is_finite():
    for n in (1, 2, 5, 20, 26, 200):
        curve = bias_variance_by_degree(range(26), 0.0, n, 0.3, 10, rng())
        for field in dataclasses.fields(curve):
            assert np.isfinite(getattr(curve, field.name)).all()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"degree": -1}, "degree"),
        ({"penalty": -1e-3}, "penalty"),
        ({"penalty": np.inf}, "penalty"),
        ({"n_points": 0}, "n_points"),
        ({"noise": np.nan}, "noise"),
        ({"n_datasets": 1}, "n_datasets"),
    ],
)
def test_bad_input_is_refused(changed, sentence):
    arguments = {"degree": 3, "penalty": 0.0, "n_points": 20, "noise": 0.3, "n_datasets": 5}
    with pytest.raises(ValueError, match=sentence):
        bias_variance(**{**arguments, **changed}, rng=rng())


def test_an_empty_sweep_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        bias_variance_by_degree([], 0.0, 20, 0.3, 5, rng())


def test_unbiased_parts_are_the_exact_ones_on_average():
    """Three data sets to a run, 300 runs: the mean is within four of its standard errors."""
    runs = [bias_variance(1, 0.0, 20, 0.5, 3, rng(seed)) for seed in range(300)]
    raw, exact = (
        np.array([(getattr(r, f"{kind}bias_squared"), getattr(r, f"{kind}variance")) for r in runs])
        for kind in ("", "exact_")
    )
    parts = np.stack(unbiased_parts(*raw.T, 3), axis=1)
    np.testing.assert_allclose(parts.sum(axis=1), raw.sum(axis=1), rtol=1e-12)
    for ours, close in ((parts, True), (raw, False)):
        difference = ours - exact
        error = difference.std(axis=0, ddof=1) / np.sqrt(len(runs))
        assert (np.abs(difference.mean(axis=0) / error) < 4).all() == close


def test_unbiased_parts_are_never_negative():
    bias_squared, variance = unbiased_parts([0.0, 0.1, 0.5], [1.0, 1.0, 1.0], 5)
    np.testing.assert_allclose(bias_squared, [0.0, 0.0, 0.25])
    np.testing.assert_allclose(variance, [1.0, 1.1, 1.25])
