"""What the scenes of the lecture tell, at their parameters: the facts behind each sentence."""

import numpy as np

from sim.overfitting import (
    Sample,
    bias_variance,
    edit,
    error_curve,
    fit_polynomial,
    learning_curve,
    mean_squared_error,
    noisy_sine,
    penalty_curve,
)

GRID = np.linspace(-1, 1, 201)


def data(n_points: int = 20, noise: float = 0.3, seed: int = 37) -> tuple[Sample, Sample]:
    """Training and test points as the screen draws them."""
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    return noisy_sine(n_points, noise, train_rng), noisy_sine(1000, noise, test_rng)


def errors(train: Sample, test: Sample, degree: int, penalty: float = 0.0, kind="l2"):
    """Training and test error of one fit."""
    model = fit_polynomial(*train, degree, penalty, kind)
    return mean_squared_error(model, train), mean_squared_error(model, test)


def curve_change(before: Sample, after: Sample, degree: int) -> float:
    """How far the fitted curve moves: the root mean square over [-1, 1]."""
    change = fit_polynomial(*before, degree)(GRID) - fit_polynomial(*after, degree)(GRID)
    return float(np.sqrt(np.mean(change**2)))


def test_underfit_degree_1_is_bad_on_both():
    (train, test), (sound_train, sound_test) = errors(*data(), 1), errors(*data(), 3)
    assert train > 5 * sound_train
    assert test > 3 * sound_test
    more_train, more_test = errors(*data(n_points=200), 1)
    assert min(more_train, more_test) > 2 * 0.09  # no amount of data cures it
    parts = bias_variance(1, 0.0, 20, 0.3, 200, np.random.default_rng(37).spawn(2)[0])
    assert parts.exact_bias_squared > 20 * parts.exact_variance


def test_just_right_is_degree_3():
    curve = error_curve(*data())
    assert curve.best_degree == 3
    assert curve.test_mse[3] < 1.2 * 0.09  # the noise alone is 0.09
    assert curve.train_mse[15] < 0.1 * curve.train_mse[3]
    assert curve.test_mse[15] > 3 * curve.test_mse[3]
    parts = bias_variance(15, 0.0, 20, 0.3, 200, np.random.default_rng(37).spawn(2)[0])
    assert parts.exact_variance > 100 * parts.noise
    assert parts.exact_bias_squared < 1e-6


def test_one_outlier_bends_degree_3_and_throws_degree_15():
    """Point 19, at x = 0.295, from y = 0.853 down to -1.15."""
    train, test = data()
    assert train.x[19].round(3) == 0.295
    moved = edit(train, moved={19: (0.295, -1.15)})
    assert errors(moved, test, 3)[1] < 2 * errors(train, test, 3)[1]
    assert errors(moved, test, 15)[1] > 100 * errors(train, test, 15)[1]
    assert curve_change(train, moved, 3) < 0.3
    assert curve_change(train, moved, 15) > 5
    _, without = errors(edit(train, removed=[19]), test, 3)
    assert abs(without / errors(train, test, 3)[1] - 1) < 0.05


def test_a_new_sample_hardly_moves_degree_3():
    """Seed 2 for 37."""
    old, new = data()[0], data(seed=2)[0]
    assert curve_change(old, new, 3) < 0.25
    assert curve_change(old, new, 15) > 100
    assert errors(*data(seed=2), 3)[1] < 1.2 * errors(*data(), 3)[1]


def test_more_data_brings_degree_15_down():
    assert errors(*data(n_points=200), 15)[1] < 1.05 * errors(*data(n_points=200), 3)[1]
    rng = np.random.default_rng(37).spawn(2)[0]
    curve = learning_curve(15, 0.0, [20, 30, 60, 200], 0.3, 30, rng)
    assert (np.diff(curve.test_mse) < 0).all()
    assert curve.test_mse[-1] < 1.2 * 0.09
    gap = curve.test_mse - curve.train_mse
    assert gap[-1] < 0.03 < gap[0]


def test_a_penalty_calms_degree_15():
    """1e-3, which is also what ten-fold cross-validation picks from these points alone."""
    train, test = data()
    assert errors(train, test, 15, 1e-3)[1] < errors(train, test, 3)[1]
    assert errors(train, test, 15, 1e-3)[0] > errors(train, test, 15)[0]
    model = fit_polynomial(*train, 15, 1e-3)
    assert model.largest_coefficient < 1e-3 * fit_polynomial(*train, 15).largest_coefficient
    curve = penalty_curve(train, test, 15, np.logspace(-9, 2, 12))
    assert curve.best_by_test == curve.best_by_cv == 1e-3


def test_too_large_a_penalty_underfits():
    """10: both degrees flatten towards the mean."""
    for degree in (3, 15):
        train, test = errors(*data(), degree, 10.0)
        assert train > 0.4
        assert test > 6 * errors(*data(), 3)[1]


def test_l1_empties_coefficients():
    """At 0.01, 11 of degree 15's 15 weights are exactly zero; at 0.03 only x and x**3 are left."""
    train, test = data()
    some = fit_polynomial(*train, 15, 0.01, "l1").coefficients
    assert np.count_nonzero(some[1:] == 0) == 11
    assert errors(train, test, 15, 0.01, "l1")[1] < errors(train, test, 3)[1]
    few = fit_polynomial(*train, 15, 0.03, "l1").coefficients
    assert np.flatnonzero(few[1:]).tolist() == [0, 2]
    assert np.count_nonzero(fit_polynomial(*train, 15, 1.0, "l1").coefficients[1:]) == 0
    assert np.count_nonzero(fit_polynomial(*train, 15, 0.03).coefficients[1:]) == 15
