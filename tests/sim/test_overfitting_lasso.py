"""The L1 fit, against its duality gap, scikit-learn's Lasso and lars_path, and its promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, lars_path

from sim.overfitting import Sample, fit_path, fit_polynomial, noisy_sine

brief = settings(deadline=None, derandomize=True, max_examples=60)
seeds = st.integers(0, 2**32 - 1)


def objective(x, y, coefficients, penalty):
    """The definition, in full."""
    residual = y - np.polynomial.polynomial.polyval(x, coefficients)
    return np.mean(residual**2) + penalty * np.abs(coefficients[1:]).sum()


def duality_gap(x, y, coefficients, penalty):
    """How far above the least objective these coefficients can be, at most.

    For any u with mean zero and |A'u| <= penalty / 2, the least objective is at least
    2 u't - n |u|^2 (t = y less its mean, A the centred powers); here u is the residual over n,
    shrunk until it qualifies.
    """
    powers = x[:, None] ** np.arange(1, coefficients.size)
    A, t = powers - powers.mean(axis=0), y - y.mean()
    u = (t - A @ coefficients[1:]) / x.size
    u = u - u.mean()
    reach = 2 * np.abs(A.T @ u).max(initial=0.0)
    u = u * min(1.0, penalty / reach) if reach > 0 else u
    return objective(x, y, coefficients, penalty) - (2 * u @ t - x.size * u @ u)


@st.composite
def samples(draw):
    """Random, evenly spaced and coarsely rounded positions (ties, dependent powers)."""
    n = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(seeds))
    x, y = noisy_sine(n, draw(st.sampled_from([0.0, 0.3])), rng)
    match draw(st.sampled_from(["random", "even", "halves"])):
        case "even":
            x = np.linspace(-1, 1, n)
        case "halves":
            x = np.round(2 * x) / 2
    return Sample(x, y)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(samples(), st.integers(1, 25), st.floats(-9, 2))
def test_the_duality_gap_is_closed(sample, degree, log_penalty):
    penalty = 10.0**log_penalty
    fitted = fit_polynomial(*sample, degree, penalty, "l1").coefficients
    # The bounds of the docstring, and 1e-14 for rounding in the gap itself.
    rounding = 100 * np.finfo(float).eps * np.abs(fitted[1:]).sum() ** 2
    bound = (1e-8 if penalty >= 1e-5 else 1e-9) * np.mean(sample.y**2)
    gap = duality_gap(*sample, fitted, penalty)
    assert gap <= bound + rounding * (penalty < 1e-5) + 1e-14


@brief
@given(seeds, st.integers(3, 60), st.integers(1, 15), st.floats(-2, 1))
def test_scikit_learns_lasso_is_no_better(seed, n, degree, log_penalty):
    x, y = noisy_sine(n, 0.3, np.random.default_rng(seed))
    penalty = 10.0**log_penalty
    # Coordinate descent, run until its own gap is 1e-10 of |y|^2.
    lasso = Lasso(alpha=penalty / 2, tol=1e-10, max_iter=1_000_000)
    lasso.fit(x[:, None] ** np.arange(1, degree + 1), y)
    theirs = np.array([lasso.intercept_, *lasso.coef_])
    ours = fit_polynomial(x, y, degree, penalty, "l1").coefficients
    gap = objective(x, y, theirs, penalty) - objective(x, y, ours, penalty)
    assert -1e-9 * np.mean(y**2) <= gap <= 1e-9 * np.mean(y**2)


@pytest.mark.parametrize(("n", "degree"), [(20, 3), (20, 6), (40, 9)])
def test_the_whole_path_is_that_of_lars(n, degree):
    """At every corner of scikit-learn's homotopy, whose step sizes no tolerance decides."""
    x, y = noisy_sine(n, 0.3, np.random.default_rng(3))
    powers = x[:, None] ** np.arange(1, degree + 1)
    A = powers - powers.mean(axis=0)
    alphas, _, corners = lars_path(A, y - y.mean(), method="lasso", alpha_min=1e-5)
    ours = fit_path(x, y, degree, 2 * alphas, "l1")
    # The weights are as sensitive as their columns are dependent: 1e4 at degree 9.
    np.testing.assert_allclose(ours[:, 1:], corners.T, rtol=0, atol=1e-6)


@brief
@given(samples(), st.integers(1, 15), st.floats(-4, 1))
def test_from_the_largest_gradient_on_nothing_is_left(sample, degree, log_penalty):
    """All weights are zero exactly when penalty >= max |2/n A'(y - mean)|."""
    x, y = sample
    powers = x[:, None] ** np.arange(1, degree + 1)
    most = np.abs((powers - powers.mean(axis=0)).T @ (y - y.mean())).max() * 2 / x.size
    if most < 1e-12:
        return  # a constant sample
    above, below = fit_path(x, y, degree, [1.001 * most, 0.999 * most], "l1")
    assert (above[1:] == 0).all()
    assert (below[1:] != 0).any()
    assert above[0] == pytest.approx(y.mean(), abs=1e-14)


@brief
@given(samples(), st.integers(1, 15))
def test_a_larger_penalty_leaves_less_weight(sample, degree):
    path = fit_path(*sample, degree, np.logspace(1, -6, 15), "l1")
    sizes = np.abs(path[:, 1:]).sum(axis=1)
    assert (np.diff(sizes) >= -1e-7 * sizes.max()).all()


@brief
@given(samples(), st.integers(0, 15), st.sampled_from([1e-4, 1e-2, 1.0]))
def test_a_path_is_its_single_fits(sample, degree, penalty):
    """By objective: the weights themselves may trade places along dependent powers."""
    path = fit_path(*sample, degree, [1e-3, penalty, 3.0], "l1")
    single = fit_polynomial(*sample, degree, penalty, "l1").coefficients
    assert objective(*sample, path[1], penalty) == pytest.approx(
        objective(*sample, single, penalty), abs=1e-9
    )


def test_a_weight_that_leaves_is_zero_exactly():
    sample = noisy_sine(20, 0.3, np.random.default_rng(37).spawn(2)[0])
    path = fit_path(*sample, 15, np.logspace(1, -4, 300), "l1")[:, 1:]
    left = (path[:-1] != 0) & (path[1:] == 0)
    assert left.any()  # weights do leave as the penalty falls
    assert np.abs(path[path != 0]).min() > 1e-6


def test_without_a_penalty_both_kinds_are_least_squares():
    sample = noisy_sine(20, 0.3, np.random.default_rng(1))
    l1, l2 = (fit_polynomial(*sample, 9, 0.0, kind).coefficients for kind in ("l1", "l2"))
    np.testing.assert_array_equal(l1, l2)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match='"l2" or "l1"'):
        fit_polynomial([0.0, 1.0], [1.0, 2.0], 1, 0.1, "l3")
