"""Penalties, paths and elastic nets, against scikit-learn, brute force and duality."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge, lasso_path

from sim.constraints import (
    Quadratic,
    budget_of,
    constrained_minimum,
    elastic_net_minimum,
    elastic_net_path,
    kkt,
    norm,
    penalized_minimum,
    penalty_of,
    regularization_path,
)

some = settings(max_examples=60, deadline=None, derandomize=True)

coordinates = st.floats(-4, 4).map(lambda x: round(x, 6))
losses = st.builds(
    Quadratic.from_ellipse,
    st.tuples(coordinates, coordinates),
    st.floats(1, 100),
    st.floats(-180, 180),
)
budgets = st.floats(1e-2, 6)
penalties = st.floats(1e-3, 20)
convex_orders = st.sampled_from([1, 1.2, 1.5, 2, 3, 4, math.inf])


def random_case(rng):
    return Quadratic.from_ellipse(rng.uniform(-4, 4, 2), rng.uniform(1, 20), rng.uniform(-180, 180))


def as_regression(loss: Quadratic):
    """X and y of two rows with |y - X w|^2 / 2 = the loss: X'X is the hessian."""
    X = np.linalg.cholesky(loss.hessian).T
    return X, X @ loss.center


def objective(loss, w, q, penalty):
    size = np.abs(w).max(-1) if q == math.inf else (np.abs(w) ** q).sum(-1)
    return loss.value(w) + penalty * size


TIGHT = {"fit_intercept": False, "tol": 1e-14, "max_iter": 1_000_000}


def test_l1_l2_and_elastic_net_match_scikit_learn():
    rng = np.random.default_rng(1)
    zeros = 0
    for _ in range(40):
        loss, penalty, ratio = random_case(rng), rng.uniform(0.05, 4), rng.uniform(0.1, 0.9)
        X, y = as_regression(loss)
        # scikit-learn divides the squares by n = 2 rows; so does its alpha.
        lasso = Lasso(alpha=penalty / 2, **TIGHT).fit(X, y).coef_
        ours = penalized_minimum(loss, 1, penalty).weights
        np.testing.assert_allclose(ours, lasso, atol=1e-6)
        np.testing.assert_array_equal(ours == 0, np.abs(lasso) < 1e-7)
        zeros += (ours == 0).any()
        ridge = Ridge(alpha=2 * penalty, fit_intercept=False, tol=1e-12).fit(X, y).coef_
        np.testing.assert_allclose(penalized_minimum(loss, 2, penalty).weights, ridge, atol=1e-10)
        net = ElasticNet(alpha=penalty / 2, l1_ratio=ratio, **TIGHT).fit(X, y).coef_
        found = elastic_net_minimum(loss, ratio, penalty)
        np.testing.assert_allclose(found.weights, net, atol=1e-6)
        w = found.weights
        value = ratio * np.abs(w).sum() + (1 - ratio) / 2 * (w**2).sum()
        assert found.objective == pytest.approx(loss.value(w) + penalty * value, rel=1e-12)
    assert zeros > 10


@some
@given(losses, convex_orders, penalties)
def test_penalised_minimum_satisfies_its_conditions(loss, q, penalty):
    found = penalized_minimum(loss, q, penalty)
    assert found.objective == pytest.approx(objective(loss, found.weights, q, penalty), rel=1e-12)
    assert kkt(loss, q, found).residual <= 1e-9 * np.abs(loss.hessian @ loss.center).max() + 1e-15


@some
@given(losses, convex_orders, budgets)
def test_the_multiplier_is_the_penalty_with_the_same_weights(loss, q, budget):
    found = constrained_minimum(loss, q, budget)
    penalised = penalized_minimum(loss, q, found.multiplier)
    # Along the valley the weights answer to rounding in the penalty by the curvature's inverse.
    np.testing.assert_allclose(penalised.weights, found.weights, rtol=0, atol=1e-9)


@some
@given(losses, convex_orders, st.floats(0.01, 0.99))
def test_budget_and_penalty_are_each_others_inverse(loss, q, share):
    budget = share * float(norm(loss.center, q))
    assume(budget > 1e-3)
    assert budget_of(loss, q, penalty_of(loss, q, budget)) == pytest.approx(budget, rel=1e-8)


@some
@given(losses, convex_orders, penalties)
def test_penalty_and_budget_are_each_others_inverse(loss, q, penalty):
    budget = budget_of(loss, q, penalty)
    assume(budget > 1e-3)
    assert penalty_of(loss, q, budget) == pytest.approx(penalty, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("q", [0.2, 0.5, 0.9])
def test_below_one_the_penalised_minimum_is_global(q):
    """Against a grid of 601 x 601 weights with both axes in it."""
    rng = np.random.default_rng(2)
    axis = np.linspace(-6, 6, 601)
    grid = np.stack(np.meshgrid(axis, axis), -1)
    kinds = set()
    for _ in range(40):
        loss, penalty = random_case(rng), 10 ** rng.uniform(-2, 1)
        found = penalized_minimum(loss, q, penalty)
        brute = objective(loss, grid, q, penalty).min()
        assert found.objective <= brute + 1e-12
        assert found.objective >= brute - 0.02 * np.abs(loss.hessian).max()
        kinds.add(int((found.weights == 0).sum()))
    assert kinds == {0, 1, 2}


def test_below_one_the_penalised_minimum_jumps():
    loss = Quadratic([2.0, 0.0], np.eye(2))
    sizes = [budget_of(loss, 0.5, penalty) for penalty in np.linspace(0.5, 3, 200)]
    # At the jump, 0.5 (w - 2)^2 + p w^0.5 equals its value at zero: w = 4/3 to 0.
    assert max(-np.diff(sizes)) == pytest.approx(4 / 3, abs=0.03)
    assert sizes[-1] == 0


def test_no_penalty_leaves_the_optimum_and_a_large_one_the_origin():
    loss = Quadratic.from_ellipse([1.5, 3.0], 3, 30)
    pull = np.abs(loss.hessian @ loss.center)
    for q in (0.5, 1, 1.5, 2, 4, math.inf):
        free = penalized_minimum(loss, q, 0.0)
        assert free.weights.tolist() == [1.5, 3.0]
        assert free.objective == 0
    for q, least in ((1, pull.max()), (math.inf, pull.sum())):
        assert penalized_minimum(loss, q, least * 1.0001).weights.tolist() == [0, 0]
        assert penalized_minimum(loss, q, least * 0.9999).weights.any()
    assert penalized_minimum(loss, 0.5, 1e3).weights.tolist() == [0, 0]


def test_l1_path_has_exactly_the_kinks_of_lasso_path():
    rng = np.random.default_rng(8)
    lengths = set()
    # In the last one w1 enters first, goes back to zero, and comes out on the other side.
    turning = Quadratic([-0.2, 2.0], [[4.0, 1.8], [1.8, 1.0]])
    for loss in [*(random_case(rng) for _ in range(60)), turning]:
        path = regularization_path(loss, 1)
        lengths.add(len(path.budgets))
        X, y = as_regression(loss)
        alphas, coefficients, _ = lasso_path(X, y, alphas=path.penalties[:-1] / 2, tol=1e-14)
        np.testing.assert_allclose(2 * alphas, path.penalties[:-1])
        np.testing.assert_allclose(coefficients.T, path.weights[:-1], atol=1e-6)
        np.testing.assert_array_equal(path.weights[0], 0)
        np.testing.assert_array_equal(path.weights[-1], loss.center)
        assert ((path.weights[1:-1] == 0).sum(axis=1) == 1).all()  # exactly, at every kink
        # Straight between the knots, and bent at each of them.
        middles = (path.budgets[1:] + path.budgets[:-1]) / 2
        straight = (path.weights[1:] + path.weights[:-1]) / 2
        at_middles = regularization_path(loss, 1, middles).weights
        np.testing.assert_allclose(at_middles, straight, atol=1e-10)
        directions = np.diff(path.weights, axis=0) / np.diff(path.budgets)[:, None]
        assert (np.abs(np.diff(directions, axis=0)).max(axis=1) > 1e-6).all()
    assert lengths == {3, 5}


def test_max_norm_path_ties_the_weights_first():
    loss = Quadratic.from_ellipse([3.0, 2.0], 2, 10)
    path = regularization_path(loss, math.inf)
    assert path.weights[1, 0] == path.weights[1, 1] > 0
    np.testing.assert_allclose(
        path.weights,
        [constrained_minimum(loss, math.inf, t).weights for t in path.budgets],
        atol=1e-12,
    )


@some
@given(losses, st.sampled_from([0.5, 1, 1.5, 2, 4, math.inf]))
def test_along_a_path_norms_rise_and_losses_and_penalties_fall(loss, q):
    path = regularization_path(loss, q, 12)
    np.testing.assert_allclose(norm(path.weights, q), path.budgets, rtol=1e-12, atol=1e-300)
    assert (np.diff(path.losses) <= 1e-12 * (1 + path.losses[0])).all()
    if q >= 1:
        finite = path.penalties[np.isfinite(path.penalties)]
        assert (np.diff(finite) <= 1e-9 * (1 + finite[0])).all()
    one = constrained_minimum(loss, q, float(path.budgets[5]))
    np.testing.assert_allclose(path.weights[5], one.weights, rtol=1e-9, atol=1e-12)
    assert path.penalties[5] == pytest.approx(one.multiplier, rel=1e-9)


def test_elastic_net_path_runs_from_zero_to_the_optimum():
    loss = Quadratic.from_ellipse([1.5, 3.0], 5, 20)
    path = elastic_net_path(loss, 0.5, 40)
    assert not path.weights[0].any()
    np.testing.assert_array_equal(path.weights[-1], loss.center)
    assert (np.diff(path.penalties) < 0).all()
    assert (np.diff(path.losses) <= 0).all()
    assert (np.diff(path.budgets) >= 0).all()
    lasso, ridge = (elastic_net_minimum(loss, ratio, 0.7).weights for ratio in (1.0, 0.0))
    np.testing.assert_allclose(lasso, penalized_minimum(loss, 1, 0.7).weights, rtol=1e-13)
    np.testing.assert_allclose(ridge, penalized_minimum(loss, 2, 0.35).weights, rtol=1e-13)


def test_bad_arguments_are_refused():
    loss = Quadratic.from_ellipse([1, 2], 9, 40)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="penalty"):
            penalized_minimum(loss, 1, bad)
        with pytest.raises(ValueError, match="penalty"):
            elastic_net_minimum(loss, 0.5, bad)
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="l1_ratio"):
            elastic_net_minimum(loss, bad, 1.0)
    for bad in (1, [1.0, 0.5], [], [[1.0]], [-1.0, 2.0], [0.0, math.inf]):
        with pytest.raises(ValueError, match="budget"):
            regularization_path(loss, 1, bad)
    for bad in (1, [0.5, 1.0], [], [1.0, -1.0], [math.inf, 1.0]):
        with pytest.raises(ValueError, match="penalt"):
            elastic_net_path(loss, 0.5, bad)
    with pytest.raises(ValueError, match="norm_order"):
        penalized_minimum(loss, 0, 1.0)
