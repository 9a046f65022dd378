"""Double descent: the norm that is least, the errors that are exact, and the shape itself."""

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import eval_legendre, spherical_jn
from sklearn.linear_model import Ridge

from sim.overfitting import (
    LegendreSeries,
    double_descent,
    fit_legendre,
    hump,
    noisy_sine,
    truth,
)
from sim.overfitting.descent import PENALTIES, _truth_coefficients
from tests.sim import high_precision as exact

brief = settings(deadline=None, derandomize=True, max_examples=30)
seeds = st.integers(0, 2**32 - 1)
DEGREES = [*range(25), *np.geomspace(27, 400, 12).astype(int).tolist()]


def rng(seed: int = 37) -> np.random.Generator:
    return np.random.default_rng(seed).spawn(2)[0]


def features(x: np.ndarray, degree: int) -> np.ndarray:
    """SciPy's Legendre polynomials, orthonormal under the uniform distribution, each / (k + 1)."""
    k = np.arange(degree + 1)
    return eval_legendre(k, x[:, None]) * np.sqrt(2 * k + 1) / (k + 1)


def test_the_basis_is_orthonormal():
    for k in (0, 1, 4):
        for j in (0, 1, 4):
            one, other = LegendreSeries(np.eye(5)[k]), LegendreSeries(np.eye(5)[j])
            integral, _ = scipy.integrate.quad(lambda x, f=one, g=other: f(x) * g(x) / 2, -1, 1)
            assert integral == pytest.approx(float(k == j), abs=1e-12)


def test_the_sine_has_the_coefficients_of_a_plane_wave():
    """exp(i pi x) = sum of (2k + 1) i^k j_k(pi) P_k(x), DLMF 10.60.7; its imaginary part."""
    k = np.arange(41)
    expected = np.sqrt(2 * k + 1) * spherical_jn(k, np.pi) * (1j**k).imag
    ours = _truth_coefficients(60)
    np.testing.assert_allclose(ours[:41], expected, rtol=0, atol=2e-16 * 8)
    assert (ours[41:] == 0).all()


@brief
@given(seeds, st.integers(1, 12), st.integers(0, 60))
def test_without_a_penalty_it_is_the_least_norm_fit(seed, n, degree):
    """SciPy's minimum-norm least squares, on points with room between them."""
    random = np.random.default_rng(seed)
    x = (np.linspace(-0.9, 0.9, n) if n > 1 else np.zeros(1)) + random.uniform(-0.03, 0.03, n)
    y = random.standard_normal(n)
    expected, *_ = scipy.linalg.lstsq(features(x, degree), y, cond=1e-13)
    expected = expected / np.arange(1, degree + 2)
    fitted = fit_legendre(x, y, degree)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(fitted.coefficients, expected, rtol=0, atol=1e-9 * scale)
    if degree >= n - 1:
        np.testing.assert_allclose(fitted(x), y, rtol=0, atol=1e-9)


@brief
@given(seeds, st.integers(1, 30), st.integers(0, 60), st.floats(-6, 2))
def test_with_a_penalty_it_is_ridge(seed, n, degree, log_penalty):
    x, y = noisy_sine(n, 0.3, np.random.default_rng(seed))
    penalty = 10.0**log_penalty
    ridge = Ridge(alpha=n * penalty, fit_intercept=False, solver="svd").fit(features(x, degree), y)
    fitted = fit_legendre(x, y, degree, penalty).coefficients * np.arange(1, degree + 2)
    np.testing.assert_allclose(fitted, ridge.coef_, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("degree", [0, 3, 14, 60])
def test_errors_are_those_of_the_fits(degree):
    """Every figure again, from `fit_legendre`, with leaving out done by leaving out."""
    n, m, noise = 12, 4, 0.3
    result = double_descent(n, noise, [degree], rng(), m)
    positions, deviations = rng().spawn(2)
    x, epsilon = positions.uniform(-1, 1, n), deviations.standard_normal((n, m))
    nodes, weights = np.polynomial.legendre.leggauss(200)
    errors, chosen = [], []
    for r in range(m):
        y = truth(x) + noise * epsilon[:, r]

        def left_out(penalty, y=y):
            """`fit_legendre` divides by the points it sees, n - 1 of them here."""
            fits = [
                fit_legendre(np.delete(x, i), np.delete(y, i), degree, penalty * n / (n - 1))
                for i in range(n)
            ]
            return np.mean([(y[i] - fit(x[i])) ** 2 for i, fit in enumerate(fits)])

        chosen.append(PENALTIES[np.argmin([left_out(penalty) for penalty in PENALTIES])])
        errors.append([])
        for penalty in (0.0, chosen[-1]):
            fit = fit_legendre(x, y, degree, penalty)
            distance = weights / 2 @ (fit(nodes) - truth(nodes)) ** 2
            errors[-1] += [np.mean((y - fit(x)) ** 2), distance + noise**2]
    train, test, tuned_train, tuned_test = np.mean(errors, axis=0)
    assert result.test_mse[0] == pytest.approx(test, rel=1e-8)
    assert result.train_mse[0] == pytest.approx(train, rel=1e-8, abs=1e-20)
    assert result.tuned_test_mse[0] == pytest.approx(tuned_test, rel=1e-8)
    assert result.tuned_train_mse[0] == pytest.approx(tuned_train, rel=1e-8)
    assert result.tuned_penalty[0] == np.median(chosen)


def test_the_second_descent_at_the_screens_defaults():
    """Seed 37, 20 points, noise 0.3: the figures that the screen tells of."""
    result = double_descent(20, 0.3, DEGREES, rng())
    degrees, error = result.degrees, result.test_mse
    assert result.threshold == 19
    assert degrees[np.argmin(error)] == 3
    assert degrees[np.argmax(error)] == 19
    assert error.max() > 1e4 * error.min()
    assert (result.train_mse[degrees >= 19] < 1e-20).all()
    assert (np.diff(error[degrees >= 19]) < 0).all()  # down all the way
    assert error[-1] < 1.5 * error.min()  # and nearly to where the sound model is
    # The tuned penalty has no peak, and is never far above the best.
    tuned = result.tuned_test_mse[degrees >= 3]
    assert tuned.max() < 2 * error.min()
    assert (result.tuned_test_mse[degrees >= 9] < error[degrees >= 9]).all()


@brief
@given(st.integers(0, 10_000))
def test_it_descends_twice_whatever_the_seed(seed):
    result = double_descent(20, 0.3, [3, 19, 40, 100, 400], rng(seed), 10)
    sound, peak, twice, five, far = result.test_mse
    assert peak > 10 * max(sound, twice)
    assert peak > twice > five > far
    assert result.tuned_test_mse[1:].max() < peak


def test_other_degrees_change_nothing():
    alone = double_descent(15, 0.3, [30], rng(), 5)
    among = double_descent(15, 0.3, [4, 30, 90], rng(), 5)
    assert alone.test_mse[0] == pytest.approx(among.test_mse[1], rel=1e-9)
    assert alone.tuned_penalty[0] == among.tuned_penalty[1]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"n_points": 1}, "n_points"),
        ({"noise": -0.1}, "noise"),
        ({"degrees": []}, "degrees"),
        ({"degrees": [3, -1]}, "degrees"),
        ({"n_datasets": 0}, "n_datasets"),
    ],
)
def test_bad_input_is_refused(changed, sentence):
    arguments = {"n_points": 10, "noise": 0.3, "degrees": [3], "n_datasets": 2}
    with pytest.raises(ValueError, match=sentence):
        double_descent(**{**arguments, **changed}, rng=rng())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([0.0, 1.1], [0.0, 0.0], 2), "inside"),
        (([0.0], [0.0, 1.0], 2), "as long"),
        (([0.0], [np.nan], 2), "finite"),
        (([], [], 2), "not empty"),
        (([0.0], [0.0], -1), "degree"),
        (([0.0], [0.0], 1, -1.0), "penalty"),
    ],
)
def test_bad_legendre_fits_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_legendre(*arguments)


# ---- to all digits, and at any setting


@pytest.mark.parametrize(
    ("n", "noise", "seed"),
    [(5, 0.05, 1), (13, 1.0, 2), (20, 0.3, 1), (20, 0.3, 3), (26, 0.3, 2), (40, 0.3, 5)],
)
def test_errors_near_the_threshold_hold_to_their_digits(n, noise, seed):
    """Against 100 digits. A cut-off at 1e-14 was off by eighteen orders at 40 points."""
    degrees = [n - 3, n - 2, n - 1, n, n + 1, int(1.2 * n), int(1.3 * n)]
    result = double_descent(n, noise, degrees, rng(seed), 1)
    positions, deviations = rng(seed).spawn(2)
    x, epsilon = positions.uniform(-1, 1, n), deviations.standard_normal(n)
    y = [
        exact.mpmath.sin(exact.mpmath.pi * exact.mpf(float(v))) + exact.mpf(noise) * float(e)
        for v, e in zip(x, epsilon, strict=True)
    ]
    aim = plane_wave(max(degrees))
    for k, degree in enumerate(degrees):
        B = exact.legendre(x, degree)
        c = exact.least_squares(B, y, range(1, degree + 2))
        distance = exact.mpmath.fsum(
            (a - b) ** 2 for a, b in zip(c, aim[: degree + 1], strict=True)
        )
        beyond = exact.mpmath.fsum(b**2 for b in aim[degree + 1 :])
        near = degree <= n + 1
        aimed = float(distance + beyond) + noise**2
        assert result.test_mse[k] == pytest.approx(aimed, rel=1e-9 if near else 1e-4)
        if degree < n - 1:
            assert result.train_mse[k] == pytest.approx(exact.mean_square(B, c, y), rel=1e-8)
        else:
            assert result.train_mse[k] == 0
        if degree < 1.25 * n:
            fitted = fit_legendre(x, np.array([float(v) for v in y]), degree).coefficients
            bound = (1e-8 if near else 1e-4) * max(abs(float(v)) for v in c)
            np.testing.assert_allclose(fitted, [float(v) for v in c], rtol=0, atol=bound)


def plane_wave(degree: int) -> list[exact.mpf]:
    """The coefficients of sin(pi x), from the Bessel functions, to 100 digits."""
    pi, aim = exact.mpmath.pi, []
    for k in range(max(degree, 60) + 1):
        j = exact.mpmath.sqrt(1 / exact.mpf(2)) * exact.mpmath.besselj(k + exact.mpf(1) / 2, pi)
        aim.append((0, 1, 0, -1)[k % 4] * exact.mpmath.sqrt(2 * k + 1) * j)
    return aim


@pytest.mark.parametrize("n", [14, 20, 40])
def test_without_noise_nothing_but_bias_is_left(n):
    """No rounding of the data is blown up into a peak: at the threshold the error is least."""
    for seed in range(5):
        result = double_descent(n, 0.0, [3, n - 2, n - 1, n, 2 * n], rng(seed), 2)
        assert result.test_mse[2] < 2e-3 * result.test_mse[0]
        assert result.test_mse[2] <= result.test_mse[3]
        assert result.test_mse.max() < 1


def test_the_coefficients_of_the_sine_by_quadrature():
    nodes, weights = np.polynomial.legendre.leggauss(64)
    k = np.arange(41)
    by_quadrature = (features(nodes, 40) * (k + 1)).T @ (weights / 2 * truth(nodes))
    np.testing.assert_allclose(_truth_coefficients(40), by_quadrature, rtol=0, atol=1e-14)


@brief
@given(seeds, st.integers(2, 40), st.sampled_from([0.05, 0.3, 1.0]))
def test_what_to_see(seed, n, noise):
    """From degree n - 1 on the training error is 0; tuning lowers a peak; the best leaves little.

    And the smallest curve through the points only shrinks as degrees are added.
    """
    degrees = sorted({*range(3, 25), 29, 44, 71, 149, 400, n - 1})
    result = double_descent(n, noise, degrees, rng(seed % 10_000), 20)
    assert (np.diff(result.train_mse) <= 0).all()
    assert (result.train_mse[result.degrees >= n - 1] == 0).all()
    place, height = hump(result.test_mse)
    if height > 2:
        assert result.tuned_test_mse[place] < result.test_mse[place]
        assert result.tuned_test_mse.max() < result.test_mse.max()
    assert hump(result.best_test_mse)[1] < 1.3
    assert (result.best_test_mse <= result.tuned_test_mse).all()
    x, y = noisy_sine(n, noise, rng(seed % 10_000))
    norms = []
    for degree in degrees:
        if degree >= n - 1:
            c = fit_legendre(x, y, degree).coefficients * np.arange(1, degree + 2)
            norms.append(c @ c)
    assert (np.diff(norms) <= 1e-6 * np.array(norms[:-1])).all()


def test_with_noise_there_is_nearly_always_a_peak():
    """At the screen's points: on each of 60 seeds and at every noise of the slider but 0."""
    for seed in range(60):
        for noise in (0.05, 1.0):
            assert hump(double_descent(20, noise, DEGREES, rng(seed), 5).test_mse)[1] > 2


def test_the_best_penalty_is_the_best():
    """Every penalty tried, data set by data set, and its error taken by quadrature."""
    n, m, noise, degree = 12, 6, 0.3, 14
    result = double_descent(n, noise, [degree], rng(), m)
    positions, deviations = rng().spawn(2)
    x, epsilon = positions.uniform(-1, 1, n), deviations.standard_normal((n, m))
    nodes, weights = np.polynomial.legendre.leggauss(200)
    least = []
    for r in range(m):
        fits = [fit_legendre(x, truth(x) + noise * epsilon[:, r], degree, p) for p in PENALTIES]
        least.append(min(weights / 2 @ (fit(nodes) - truth(nodes)) ** 2 for fit in fits))
    assert result.best_test_mse[0] == pytest.approx(np.mean(least) + noise**2, rel=1e-6)
    assert 0 <= result.too_small[0] <= m


@pytest.mark.parametrize(
    ("errors", "place", "height"),
    [
        ([4, 1, 3, 9, 2], 3, 4.5),  # nine is 4.5 times the last
        ([1, 8, 4, 4], 1, 2.0),
        ([8, 4, 2, 1], 1, 0.5),  # down all the way
        ([1, 2, 3, 4], 3, 1.0),  # up all the way
    ],
)
def test_a_hump_rises_and_comes_down_again(errors, place, height):
    assert hump(np.array(errors, float)) == (place, height)
