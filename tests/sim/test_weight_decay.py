"""Canyons, the three forms and the five conventions, and L1 against L2, against their oracles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, Ridge

from sim.weight_decay import (
    canyon_descent,
    conventions,
    soft_threshold,
    sparse_regression,
    three_forms,
)

some = settings(max_examples=25, deadline=None, derandomize=True)
few = settings(max_examples=6, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
steepness = st.sampled_from([1.0, 2.0, 5.0, 10.0, 50.0])


def seeded(seed=0):
    return np.random.default_rng(seed)


@some
@given(steepness, st.floats(0.01, 0.99), st.floats(-2, 2))
def test_a_canyon_with_a_safe_step_is_descended_geometrically(a, share, start):
    canyon = canyon_descent(a, share / a, start, 20)
    np.testing.assert_allclose(canyon.x, start * (1 - 2 * share) ** np.arange(21), atol=1e-12)
    np.testing.assert_allclose(canyon.height, a * canyon.x**2)
    assert canyon.factor == pytest.approx(1 - 2 * share)
    assert canyon.safe_learning_rate == 1 / a
    assert not canyon.diverged
    assert (np.diff(canyon.height) <= 0).all()


@some
@given(steepness, st.floats(1.01, 20.0))
def test_a_canyon_with_too_long_a_step_throws_the_path_out(a, share):
    canyon = canyon_descent(a, share / a, 2.0, 40)
    assert canyon.diverged
    assert (np.diff(canyon.height) > 0).all()
    assert np.abs(canyon.x).max() <= 1e6


def test_one_learning_rate_is_safe_in_wide_canyons_only():
    """The scene: 0.15 descends a = 1, 2, 5 and is thrown out of 10 and 50."""
    thrown = {a: canyon_descent(a, 0.15).diverged for a in (1, 2, 5, 10, 50)}
    assert thrown == {1: False, 2: False, 5: False, 10: True, 50: True}
    edge = canyon_descent(10, 0.1)
    assert not edge.diverged
    np.testing.assert_allclose(np.abs(edge.x), 2.0)
    assert not canyon_descent(10, 1.0, start=0.0).diverged


@pytest.mark.parametrize(("dtype", "rounding"), [("float64", 1e-14), ("float32", 1e-5)])
@few
@given(seeds, st.floats(0, 2))
def test_three_forms_are_one_step_up_to_rounding(dtype, rounding, seed, penalty):
    """One rounding of a weight of size 1 to 10 per step, damped as the descent goes."""
    forms = three_forms(penalty, n_steps=100, dtype=dtype, rng=seeded(seed))
    assert forms.diverged_at is None
    assert forms.in_loss.dtype == forms.in_gradient.dtype == forms.in_update.dtype == dtype
    assert forms.in_loss.shape == (101, 5)
    assert forms.difference[0] == 0
    assert 0 < forms.difference.max() < rounding
    stacked = np.stack([forms.in_loss, forms.in_gradient, forms.in_update]).astype(float)
    expected = [max(np.ptp(stacked[:, t, k]) for k in range(5)) for t in range(101)]
    np.testing.assert_array_equal(forms.difference, expected)


@few
@given(seeds, st.floats(0, 2))
def test_three_forms_are_what_autograd_makes_of_the_loss(seed, penalty):
    forms = three_forms(penalty, 0.03, 50, rng=seeded(seed))
    data, order = seeded(seed).spawn(2)
    x = torch.from_numpy(data.standard_normal((20, 5)))
    truth, start = torch.from_numpy(data.standard_normal((2, 5)))
    y = x @ truth + 0.1 * torch.from_numpy(data.standard_normal(20))
    w = start.clone().requires_grad_()
    for _ in range(50):
        batch = order.choice(20, 5, replace=False)
        loss = ((x[batch] @ w - y[batch]) ** 2).mean() + penalty * (w**2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w -= 0.03 * gradient
    for path in (forms.in_loss, forms.in_gradient, forms.in_update):
        np.testing.assert_allclose(path[-1], w.detach().numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_forms_that_diverge_are_cut(dtype):
    forms = three_forms(100.0, 0.05, 100, dtype=dtype, rng=seeded())
    assert forms.diverged_at == len(forms.in_loss) == len(forms.difference) < 20
    for path in (forms.in_loss, forms.in_gradient, forms.in_update):
        assert (np.abs(path) <= 1e6).all()


@few
@given(seeds, st.floats(0, 20))
def test_up_to_the_safe_learning_rate_the_forms_stay_bounded(seed, penalty):
    """2 / (L + 2 * penalty), for the largest curvature L of the mini-batches of the run."""
    safe = three_forms(penalty, 1e-3, rng=seeded(seed)).safe_learning_rate
    data, order = seeded(seed).spawn(2)
    x = data.standard_normal((20, 5))
    batches = [x[order.choice(20, 5, replace=False)] for _ in range(100)]
    curvature = max(np.linalg.eigvalsh(2 / 5 * b.T @ b)[-1] for b in batches)
    assert safe == pytest.approx(2 / (curvature + 2 * penalty))
    assert three_forms(penalty, safe, rng=seeded(seed)).diverged_at is None


@some
@given(seeds, st.floats(1e-4, 2.0), st.integers(6, 40))
def test_five_conventions_train_the_same_weights(seed, penalty, n_train):
    """Full-batch descent, to its end in every convention; Ridge solves for that end."""
    rng = seeded(seed)
    x, y = rng.standard_normal((n_train, 4)), rng.standard_normal(n_train)
    eta = 0.5 / (np.linalg.norm(x, 2) ** 2 / n_train + penalty)
    same = conventions(penalty, eta, n_train)
    hessian, pull = 2 / n_train * x.T @ x, 2 / n_train * x.T @ y
    w = [np.zeros(4)] * 3
    parameter = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=eta, weight_decay=same.weight_decay)
    for _ in range(40):
        w[0] = w[0] - eta * (hessian @ w[0] - pull + 2 * same.penalty * w[0])
        w[1] = w[1] - eta * (hessian @ w[1] - pull + same.half_penalty * w[1])
        w[2] = same.decay_factor * w[2] - eta * (hessian @ w[2] - pull)
        parameter.grad = torch.from_numpy(hessian @ parameter.detach().numpy() - pull)
        optimizer.step()
    for other in (w[1], w[2], parameter.detach().numpy()):
        np.testing.assert_allclose(other, w[0], rtol=1e-10, atol=1e-13)
    ridge = Ridge(alpha=same.ridge_alpha, fit_intercept=False).fit(x, y).coef_
    gradient = hessian @ ridge - pull + 2 * penalty * ridge
    np.testing.assert_allclose(gradient, 0, atol=1e-10)


@few
@given(seeds, st.floats(0.05, 1.0), st.floats(0.01, 5.0))
def test_the_ends_of_sparse_regression_are_lasso_and_ridge(seed, l1, l2):
    """1e-6: both are iterated until nothing moves; zeros must be the same zeros."""
    fit = sparse_regression(l1, l2, n_steps=4000, rng=seeded(seed))
    lasso = Lasso(alpha=l1 / 2, fit_intercept=False, tol=1e-12, max_iter=100_000)
    expected = lasso.fit(fit.x, fit.y).coef_
    np.testing.assert_allclose(fit.l1.weights, expected, atol=1e-6)
    np.testing.assert_array_equal(fit.l1.weights == 0, expected == 0)
    ridge = Ridge(alpha=l2 * len(fit.y), fit_intercept=False, solver="cholesky")
    np.testing.assert_allclose(fit.l2.weights, ridge.fit(fit.x, fit.y).coef_, atol=1e-6)
    assert fit.l1.n_zeros == np.count_nonzero(expected == 0)
    curvature = np.linalg.norm(fit.x, 2) ** 2 * 2 / len(fit.y)
    assert fit.learning_rate == pytest.approx(1 / curvature)


@some
@given(seeds)
def test_every_step_of_sparse_regression_lowers_its_penalised_loss(seed):
    fit = sparse_regression(0.3, 0.3, n_steps=60, rng=seeded(seed))
    for run, size in ((fit.l1, np.abs(fit.l1.path)), (fit.l2, fit.l2.path**2)):
        np.testing.assert_allclose(
            run.train_loss, ((fit.x @ run.path.T - fit.y[:, None]) ** 2).mean(axis=0)
        )
        assert (np.diff(run.train_loss + 0.3 * size.sum(axis=1)) <= 1e-12).all()


@pytest.mark.parametrize("seed", range(10))
def test_l1_finds_zeros_and_l2_does_not(seed):
    """The scene, in ten draws: of 25 irrelevant features, L1 drops most and keeps the 5 others."""
    fit = sparse_regression(0.4, 0.2, rng=seeded(seed))
    assert np.count_nonzero(fit.truth) == 5
    assert fit.l1.n_zeros >= 13
    assert (fit.l1.weights[fit.truth != 0] != 0).all()
    assert fit.l2.n_zeros == 0
    assert fit.l1.test_loss[-1] < fit.l2.test_loss[-1]
    assert fit.l1.train_loss[-1] > fit.l2.train_loss[-1]


@some
@given(st.floats(-5, 5), st.floats(0, 3))
def test_soft_threshold_is_the_proximal_map_of_the_absolute_value(w, amount):
    found = float(soft_threshold(np.array([w]), amount)[0])
    grid = np.append(np.linspace(-6, 6, 2001), 0.0)
    cost = 0.5 * (grid - w) ** 2 + amount * np.abs(grid)
    assert 0.5 * (found - w) ** 2 + amount * abs(found) <= cost.min() + 1e-12


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: canyon_descent(0.0, 0.1), "a must be"),
        (lambda: canyon_descent(1.0, 0.0), "learning_rate"),
        (lambda: three_forms(-1.0, rng=seeded()), "penalty"),
        (lambda: three_forms(1.0, 0.0, rng=seeded()), "learning_rate"),
        (lambda: three_forms(1.0, n_steps=0, rng=seeded()), "n_steps"),
        (lambda: conventions(float("nan"), 0.1, 5), "penalty"),
        (lambda: conventions(1.0, 0.1, 0), "n_train"),
        (lambda: sparse_regression(-1.0, 1.0, rng=seeded()), "l1_penalty"),
        (lambda: sparse_regression(1.0, float("inf"), rng=seeded()), "l2_penalty"),
        (lambda: sparse_regression(1.0, 1.0, n_relevant=31, rng=seeded()), "n_relevant"),
    ],
)
def test_bad_arguments_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
