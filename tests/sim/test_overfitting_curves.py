"""Errors against degree, penalty and number of points, against scikit-learn and single fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from sim.overfitting import (
    Sample,
    error_curve,
    fit_path,
    fit_polynomial,
    k_fold_mse,
    learning_curve,
    mean_squared_error,
    noisy_sine,
    penalty_curve,
    truth,
)

brief = settings(deadline=None, derandomize=True, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
PENALTIES = np.logspace(-8, 1, 19)


def train_and_test(seed: int = 37, n: int = 20) -> tuple[Sample, Sample]:
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    return noisy_sine(n, 0.3, train_rng), noisy_sine(1000, 0.3, test_rng)


def gallery() -> Sample:
    """The data of scikit-learn's example "Underfitting vs. Overfitting"."""
    legacy = np.random.RandomState(0)
    x = np.sort(legacy.rand(30))
    return Sample(x, np.cos(1.5 * np.pi * x) + legacy.randn(30) * 0.1)


@pytest.mark.parametrize(
    ("degree", "mean", "spread"), [(1, "4.08e-01", "4.25e-01"), (4, "4.32e-02", "7.08e-02")]
)
def test_scikit_learns_gallery_to_its_printed_digits(degree, mean, spread):
    errors = k_fold_mse(gallery(), degree)
    assert (f"{errors.mean():.2e}", f"{errors.std():.2e}") == (mean, spread)


def pipeline(degree: int, model):
    return make_pipeline(PolynomialFeatures(degree, include_bias=False), model)


@pytest.mark.parametrize("n", [20, 23])
@pytest.mark.parametrize("folds", [2, 7, 10, 20])
@pytest.mark.parametrize("degree", [1, 4, 6])
def test_folds_are_those_of_cross_val_score(degree, folds, n):
    """With unequal folds too. L2 penalties scale with the points kept, as `alpha` does not."""
    sample, _ = train_and_test(n=n)
    X, scoring = sample.x[:, None], "neg_mean_squared_error"
    scores = cross_val_score(
        pipeline(degree, LinearRegression()), X, sample.y, scoring=scoring, cv=folds
    )
    np.testing.assert_allclose(k_fold_mse(sample, degree, 0.0, folds), -scores, rtol=1e-6)
    lasso = pipeline(degree, Lasso(alpha=0.005, tol=1e-12, max_iter=1_000_000))
    scores = cross_val_score(lasso, X, sample.y, scoring=scoring, cv=folds)
    np.testing.assert_allclose(k_fold_mse(sample, degree, 0.01, folds, "l1"), -scores, rtol=1e-4)
    if n % folds == 0:
        ridge = pipeline(degree, Ridge(alpha=0.01 * (n - n // folds), solver="svd"))
        scores = cross_val_score(ridge, X, sample.y, scoring=scoring, cv=folds)
        np.testing.assert_allclose(k_fold_mse(sample, degree, 0.01, folds), -scores, rtol=1e-8)


@brief
@given(
    seeds, st.integers(2, 60), st.integers(0, 20), st.sampled_from([0, 1e-20, 1e-12, 1e-6, 1e-2, 5])
)
def test_a_path_of_l2_is_its_single_fits(seed, n, degree, penalty):
    """At 1e-12 the shared SVD is off by rounding times 1e6, the square root of 1 / penalty.

    Below that nothing is shared, and the two are the same but for rounding.
    """
    sample = noisy_sine(n, 0.3, np.random.default_rng(seed))
    path = fit_path(*sample, degree, [3.0, penalty, 1e-3])
    single = fit_polynomial(*sample, degree, penalty).coefficients
    assert path.shape == (3, degree + 1)
    tolerance = 1e-13 * (max(1.0, penalty**-0.5) if penalty >= 1e-12 else 1.0)
    np.testing.assert_allclose(path[1], single, rtol=0, atol=tolerance * np.abs(single).max())


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_error_curve_is_fit_by_fit(kind):
    train, test = train_and_test()
    curve = error_curve(train, test, range(12), 1e-3, kind)
    for k, degree in enumerate(curve.degrees):
        model = fit_polynomial(*train, int(degree), 1e-3, kind)
        assert curve.train_mse[k] == mean_squared_error(model, train)
        assert curve.test_mse[k] == mean_squared_error(model, test)
    assert curve.test_mse[curve.best_degree] == curve.test_mse.min()


@brief
@given(seeds, st.integers(5, 100))
def test_more_degrees_never_fit_the_training_points_worse(seed, n):
    train, test = train_and_test(seed, n)
    curve = error_curve(train, test)
    assert curve.degrees.tolist() == list(range(26))
    assert np.isfinite(curve.test_mse).all()
    # Past degree 15 double precision leaves a residual that is no longer sure to fall.
    assert (np.diff(curve.train_mse[:16]) <= 1e-10).all()


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_penalty_curve_is_fit_by_fit(kind):
    train, test = train_and_test()
    curve = penalty_curve(train, test, 9, PENALTIES, kind, folds=5)
    for k, penalty in enumerate(PENALTIES):
        model = fit_polynomial(*train, 9, penalty, kind)
        # Two routes to the same minimum; the errors agree as far as a flat minimum lets them.
        assert curve.train_mse[k] == pytest.approx(mean_squared_error(model, train), rel=1e-6)
        assert curve.test_mse[k] == pytest.approx(mean_squared_error(model, test), rel=1e-5)
        folds = k_fold_mse(train, 9, penalty, 5, kind)
        assert curve.cv_mse[k] == pytest.approx(folds.mean(), rel=1e-5)
        np.testing.assert_allclose(curve.coefficients[k], model.coefficients, rtol=0, atol=1e-3)
    assert curve.best_by_test == PENALTIES[curve.test_mse.argmin()]
    assert curve.best_by_cv == PENALTIES[curve.cv_mse.argmin()]


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_training_error_rises_with_the_penalty(kind):
    curve = penalty_curve(*train_and_test(), 15, PENALTIES, kind)
    assert (np.diff(curve.train_mse) >= -1e-9).all()


@pytest.mark.parametrize("penalty", [0.0, 1e-6, 1e-2])
@pytest.mark.parametrize("degree", [0, 3, 12])
def test_learning_curve_is_fit_by_fit(degree, penalty):
    """The same draws fitted one by one, down to a single point."""
    sizes, m, noise = [1, 2, 8, 13, 14, 40], 5, 0.3
    curve = learning_curve(degree, penalty, sizes, noise, m, np.random.default_rng(2))
    positions, deviations = np.random.default_rng(2).spawn(2)
    grid = np.linspace(-1, 1, 201)
    errors = np.empty((2, m, len(sizes)))
    streams = zip(positions.spawn(m), deviations.spawn(m), strict=True)
    for r, (stream_x, stream_y) in enumerate(streams):
        x, epsilon = stream_x.uniform(-1, 1, 40), stream_y.standard_normal(40)
        for k, n in enumerate(sizes):
            y = truth(x[:n]) + noise * epsilon[:n]
            model = fit_polynomial(x[:n], y, degree, penalty)
            errors[0, r, k] = np.mean((y - model(x[:n])) ** 2)
            errors[1, r, k] = np.mean((truth(grid) - model(grid)) ** 2) + noise**2
    # Interpolation of 13 random points amplifies rounding by up to about 1e6.
    close = {"rtol": 1e-5, "atol": 1e-12}
    np.testing.assert_allclose(curve.train_mse, np.median(errors[0], axis=0), **close)
    np.testing.assert_allclose(curve.test_mse, np.median(errors[1], axis=0), **close)
    for quartiles, which in ((curve.train_quartiles, errors[0]), (curve.test_quartiles, errors[1])):
        np.testing.assert_allclose(quartiles, np.quantile(which, [0.25, 0.75], axis=0), **close)


def test_learning_curves_meet_at_the_noise():
    """Theory, degree 3 without a penalty: the errors are sigma^2 (1 -+ 4 / n), about, plus bias."""
    n, noise = 4000, 0.5
    curve = learning_curve(5, 0.0, [n], noise, 40, np.random.default_rng(0))
    # The median of 40 training errors has a standard error of about 1.25 sigma^2 sqrt(2 / 40 n).
    assert curve.train_mse[0] == pytest.approx(noise**2, abs=6 * noise**2 * np.sqrt(2 / 40 / n))
    assert noise**2 < curve.test_mse[0] < noise**2 * (1 + 20 / n)


def test_a_data_set_of_the_learning_curve_grows():
    def rng():
        return np.random.default_rng(5)

    short = learning_curve(9, 0.0, [12, 20], 0.3, 8, rng())
    long = learning_curve(9, 0.0, [20, 200, 12], 0.3, 8, rng())
    np.testing.assert_array_equal(short.test_mse, long.test_mse[[2, 0]])
    np.testing.assert_array_equal(short.train_mse, long.train_mse[[2, 0]])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda a, b: error_curve(a, b, []), "at least one degree"),
        (lambda a, b: error_curve(a, b, [-1]), "degree must be zero"),
        (lambda a, b: penalty_curve(a, b, 3, []), "at least one penalty"),
        (lambda a, b: penalty_curve(a, b, 3, [0.1, -0.1]), "penalty must be"),
        (lambda a, b: penalty_curve(a, b, 3, [[0.1]]), "one-dimensional"),
        (lambda a, b: penalty_curve(a, b, 3, [0.1], "l3"), "penalty_kind"),
        (lambda a, b: k_fold_mse(a, 3, folds=21), "at most the 20 points"),
        (lambda a, b: k_fold_mse(a, 3, folds=1), "at least 2"),
    ],
)
def test_bad_curves_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(*train_and_test())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"degree": -1}, "degree"),
        ({"penalty": np.nan}, "penalty"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [5, 0]}, "sizes"),
        ({"noise": -1.0}, "noise"),
        ({"n_datasets": 0}, "n_datasets"),
    ],
)
def test_bad_learning_curves_are_refused(changed, sentence):
    arguments = {"degree": 3, "penalty": 0.0, "sizes": [5, 9], "noise": 0.3, "n_datasets": 3}
    with pytest.raises(ValueError, match=sentence):
        learning_curve(**{**arguments, **changed}, rng=np.random.default_rng(0))
