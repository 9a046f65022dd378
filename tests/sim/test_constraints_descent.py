"""Descent on penalised losses: where it ends, how it diverges, and two balls in one dimension."""

import math

import numpy as np
import pytest

from sim.constraints import (
    LIMIT,
    Quadratic,
    descend,
    one_dimensional_descent,
    penalized_minimum,
)

LOSS = Quadratic.from_ellipse([1.5, 3.0], 5, 30)


@pytest.mark.parametrize(("q", "method"), [(1, "proximal"), (2, "proximal"), (2, "gradient")])
def test_the_fixed_point_is_the_penalised_minimum(q, method):
    rng = np.random.default_rng(1)
    zeros = 0
    for _ in range(30):
        loss = Quadratic.from_ellipse(
            rng.uniform(-4, 4, 2), rng.uniform(1, 20), rng.uniform(-180, 180)
        )
        penalty = rng.uniform(0.1, 4)
        rate = 0.5 * descend(loss, q, penalty, [0, 0], 1.0, 0, method).safe_learning_rate
        path = descend(loss, q, penalty, rng.uniform(-4, 4, 2), rate, 1500, method)
        expected = penalized_minimum(loss, q, penalty).weights
        np.testing.assert_allclose(path.weights[-1], expected, atol=1e-9)
        np.testing.assert_array_equal(path.weights[-1] == 0, expected == 0)
        assert (np.diff(path.objectives) <= 1e-9).all()
        zeros += (expected == 0).any()
    assert zeros > 5 or q == 2


def test_gradient_steps_are_the_formula():
    path = descend(LOSS, 2, 0.4, [-2.0, 1.0], 0.1, 3)
    w = np.array([-2.0, 1.0])
    for frame, value in zip(path.weights, path.objectives, strict=True):
        np.testing.assert_allclose(frame, w, rtol=1e-14)
        assert value == pytest.approx(LOSS.value(w) + 0.4 * w @ w, rel=1e-14)
        w = w - 0.1 * (LOSS.gradient(w) + 2 * 0.4 * w)


def test_the_soft_threshold_reaches_zero_and_the_sign_hovers():
    loss = Quadratic.from_ellipse([0.3, 3.0], 1, 0)
    proximal = descend(loss, 1, 1.0, [2.0, 2.0], 0.1, 200, "proximal").weights
    hovering = descend(loss, 1, 1.0, [2.0, 2.0], 0.1, 200, "subgradient").weights
    assert (proximal[100:, 0] == 0).all()
    assert (hovering[100:, 0] != 0).all()
    assert np.abs(hovering[100:, 0]).max() <= 0.1 * (1 + 0.3) + 1e-12
    assert (np.sign(hovering[101:, 0]) != np.sign(hovering[100:-1, 0])).any()


@pytest.mark.parametrize("method", ["gradient", "proximal"])
def test_divergence_starts_at_the_safe_learning_rate(method):
    safe = descend(LOSS, 2, 0.3, [0, 0], 0.1, 0, method).safe_learning_rate
    curvature = math.sqrt(5) + (0.6 if method == "gradient" else 0.0)
    assert safe == pytest.approx(2 / curvature, rel=1e-13)
    calm = descend(LOSS, 2, 0.3, [3.0, -3.0], 0.99 * safe, 3000, method)
    assert not calm.diverged
    assert calm.diverged_at is None
    assert calm.weights.shape == (3001, 2)
    if method == "gradient":
        wild = descend(LOSS, 2, 0.3, [3.0, -3.0], 1.01 * safe, 3000, method)
        assert wild.diverged
        assert len(wild.weights) == wild.diverged_at < 3001


@pytest.mark.parametrize(("q", "method"), [(1, "subgradient"), (1, "proximal"), (2, "gradient")])
def test_no_frame_is_ever_infinite(q, method):
    for rate in (10.0, 1e150, 1e308):
        path = descend(LOSS, q, 1.0, [4.0, 4.0], rate, 2000, method)
        assert np.isfinite(path.weights).all()
        assert np.isfinite(path.objectives).all()
        assert np.abs(path.weights).max() <= LIMIT


def test_l1_rolls_at_a_constant_pace_and_stops():
    rolled = one_dimensional_descent("l1", 1.0, 0.5, 0.25, 12, "proximal")
    np.testing.assert_allclose(rolled.positions[:8], 1 - 0.125 * np.arange(8), rtol=1e-15)
    assert rolled.reached_zero_at == 8
    assert (rolled.positions[8:] == 0).all()
    assert (rolled.pushes[:8] == -0.5).all()
    np.testing.assert_array_equal(rolled.heights, 0.5 * rolled.positions)


def test_l1_with_a_plain_step_oscillates():
    rolled = one_dimensional_descent("l1", 1.0, 1.0, 0.15, 50)
    assert rolled.reached_zero_at is None
    tail = rolled.positions[10:]
    assert (np.sign(tail[1:]) == -np.sign(tail[:-1])).all()
    assert np.abs(tail).max() <= 0.15


def test_the_sign_of_zero_is_zero():
    """A plain step that lands on zero exactly finds no push there, and stays."""
    rolled = one_dimensional_descent("l1", 1.0, 1.0, 0.25, 10)
    assert rolled.reached_zero_at == 4
    assert (rolled.positions[4:] == 0).all()
    assert (rolled.pushes[4:] == 0).all()


@pytest.mark.parametrize("method", ["gradient", "proximal"])
def test_l2_slows_down_and_never_arrives(method):
    rolled = one_dimensional_descent("l2", 1.0, 0.5, 0.15, 200, method)
    rate = 1 - 0.15 if method == "gradient" else 1 / 1.15
    np.testing.assert_allclose(rolled.positions, rate ** np.arange(201), rtol=1e-12)
    assert rolled.reached_zero_at is None
    assert (np.diff(np.abs(rolled.pushes)) < 0).all()


def test_one_dimension_diverges_too():
    rolled = one_dimensional_descent("l2", 1.0, 1.0, 2.0, 100)
    assert len(rolled.positions) == rolled.diverged_at == 13
    assert np.isfinite(rolled.heights).all()


def test_bad_arguments_are_refused():
    for q, method in ((1, "gradient"), (2, "subgradient"), (3, "gradient"), (1, "newton")):
        with pytest.raises(ValueError, match="method"):
            descend(LOSS, q, 1.0, [0, 0], 0.1, 5, method)
    for start in ([1.0], [math.nan, 0.0], [1e7, 0.0]):
        with pytest.raises(ValueError, match="start"):
            descend(LOSS, 2, 1.0, start, 0.1, 5)
    for rate in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="learning_rate"):
            descend(LOSS, 2, 1.0, [0, 0], rate, 5)
        with pytest.raises(ValueError, match="learning_rate"):
            one_dimensional_descent("l1", 1.0, 1.0, rate, 5)
    with pytest.raises(ValueError, match="penalty"):
        descend(LOSS, 2, -1.0, [0, 0], 0.1, 5)
    with pytest.raises(ValueError, match="n_steps"):
        descend(LOSS, 2, 1.0, [0, 0], 0.1, -1)
    with pytest.raises(ValueError, match="kind"):
        one_dimensional_descent("l3", 1.0, 1.0, 0.1, 5)
    with pytest.raises(ValueError, match="method"):
        one_dimensional_descent("l1", 1.0, 1.0, 0.1, 5, "newton")
    with pytest.raises(ValueError, match="start"):
        one_dimensional_descent("l1", math.nan, 1.0, 0.1, 5)
