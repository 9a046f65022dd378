"""The constrained minimum, against SciPy, the optimality conditions and known answers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize

from sim.constraints import ConstrainedMinimum, Quadratic, ball, constrained_minimum, ellipse
from sim.constraints import norm as sizes

coordinates = st.floats(-4, 4)
losses = st.builds(
    Quadratic.from_ellipse,
    st.tuples(coordinates, coordinates),
    st.floats(1, 20),
    st.floats(-180, 180),
)
budgets = st.floats(1e-3, 6)
norm_orders = st.sampled_from([1, 2])
patient = settings(
    deadline=None, derandomize=True
)  # time limits per example fail on a busy machine, not on a bug

SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])


def norm(w, norm_order):
    return np.abs(w).sum() if norm_order == 1 else np.hypot(w[0], w[1])


def optimality_error(loss: Quadratic, norm_order: int, found: ConstrainedMinimum) -> float:
    """How far the weights are from minimising loss + multiplier * sum |w|^norm_order."""
    force, w, m = -loss.gradient(found.weights), found.weights, found.multiplier
    if norm_order == 2:
        return float(np.abs(force - 2 * m * w).max())
    return float(
        np.where(w == 0, np.maximum(np.abs(force) - m, 0), np.abs(force - m * np.sign(w))).max()
    )


def random_cases(n: int):
    rng = np.random.default_rng(20240611)
    for case in range(n):
        loss = Quadratic.from_ellipse(
            rng.uniform(-4, 4, 2), rng.uniform(1, 20), rng.uniform(-180, 180)
        )
        yield loss, 1 + case % 2, rng.uniform(0, 6)


def by_scipy(loss: Quadratic, norm_order: int, budget: float, method: str) -> np.ndarray:
    """The optimiser's answer, pulled radially into the ball when it ends a little outside."""
    derivatives: dict = {"jac": loss.gradient}
    if method == "SLSQP":
        inside = (
            {"fun": lambda w: budget - SIGNS @ w, "jac": lambda w: -SIGNS}
            if norm_order == 1
            else {"fun": lambda w: budget**2 - w @ w, "jac": lambda w: -2 * w}
        )
        constraints: object = {"type": "ineq", **inside}
        options = {"ftol": 1e-14, "maxiter": 200}
    else:
        derivatives["hess"] = lambda w: loss.hessian
        constraints = (
            LinearConstraint(SIGNS, -np.inf, budget)
            if norm_order == 1
            else NonlinearConstraint(
                lambda w: w @ w,
                -np.inf,
                budget**2,
                jac=lambda w: 2 * w[None, :],
                hess=lambda w, v: 2 * v[0] * np.eye(2),
            )
        )
        options = {"gtol": 1e-9, "xtol": 1e-10, "barrier_tol": 1e-9, "maxiter": 300}
    start = np.full(2, 0.1 * budget)
    w = minimize(
        loss.value, start, method=method, constraints=constraints, options=options, **derivatives
    ).x
    return w * min(1.0, budget / norm(w, norm_order))


def test_never_worse_than_scipy_on_500_cases():
    active = corners = 0
    for loss, norm_order, budget in random_cases(500):
        found = constrained_minimum(loss, norm_order, budget)
        ours = loss.value(found.weights)
        slsqp = by_scipy(loss, norm_order, budget, "SLSQP")
        interior_point = by_scipy(loss, norm_order, budget, "trust-constr")
        best = min(loss.value(slsqp), loss.value(interior_point))
        assert norm(found.weights, norm_order) <= budget
        assert ours <= best + 1e-9
        # The other way round: SciPy did converge, so the line above is a real comparison.
        assert best <= ours + 1e-9
        assert loss.value(interior_point) <= ours + 1e-2
        np.testing.assert_allclose(found.weights, slsqp, rtol=0, atol=1e-4)
        if norm_order == 1 and found.active:
            np.testing.assert_array_equal(found.weights == 0.0, np.abs(slsqp) < 1e-6)
        active += found.active
        corners += bool((found.weights == 0.0).any())
    assert active > 200
    assert corners > 50


@patient
@given(losses, norm_orders, budgets)
def test_optimality_conditions(loss, norm_order, budget):
    found = constrained_minimum(loss, norm_order, budget)
    assert optimality_error(loss, norm_order, found) < 1e-10
    assert norm(found.weights, norm_order) <= budget
    assert found.multiplier >= 0
    assert found.active == (norm(loss.center, norm_order) > budget)
    if found.active:
        assert norm(found.weights, norm_order) == pytest.approx(budget, rel=1e-14)
    else:
        assert found.multiplier == 0.0
        np.testing.assert_array_equal(found.weights, loss.center)


@patient
@given(losses, budgets)
def test_l1_weights_are_zero_exactly_where_the_force_is_too_weak(loss, budget):
    found = constrained_minimum(loss, 1, budget)
    slack = found.multiplier - np.abs(loss.gradient(found.weights))
    if found.active:
        assert (found.weights[slack > 1e-9] == 0.0).all()
        assert (slack[found.weights != 0.0] < 1e-9 * max(1.0, found.multiplier)).all()
        if (found.weights == 0.0).any():
            assert np.abs(found.weights).max() == budget


@patient
@given(losses, norm_orders, budgets, budgets)
def test_loss_never_rises_with_the_budget(loss, norm_order, one, other):
    small, large = sorted([one, other])
    tight = loss.value(constrained_minimum(loss, norm_order, small).weights)
    loose = loss.value(constrained_minimum(loss, norm_order, large).weights)
    assert loose <= tight * (1 + 1e-13) + 1e-13


@pytest.mark.parametrize("norm_order", [1, 2])
def test_multiplier_is_the_price_of_the_budget(norm_order):
    """Minus the derivative of the minimum by the budget is m for L1 and 2 m budget for L2."""
    checked = 0
    for loss, _, budget in random_cases(60):
        found = constrained_minimum(loss, norm_order, budget)
        if not constrained_minimum(loss, norm_order, budget + 1e-4).active:
            continue
        checked += 1
        above, below = (
            loss.value(constrained_minimum(loss, norm_order, budget + step).weights)
            for step in (1e-5, -1e-5)
        )
        price = found.multiplier * (1 if norm_order == 1 else 2 * budget)
        assert (below - above) / 2e-5 == pytest.approx(price, abs=1e-3)
    assert checked > 20


def test_known_answers_with_round_contours():
    loss = Quadratic(np.array([3.0, 2.0]), np.eye(2))
    np.testing.assert_allclose(constrained_minimum(loss, 1, 1.5).weights, [1.25, 0.25], atol=1e-15)
    assert constrained_minimum(loss, 1, 1.5).multiplier == pytest.approx(1.75, rel=1e-15)
    disc = constrained_minimum(loss, 2, 1.5)
    np.testing.assert_allclose(disc.weights, 1.5 * np.array([3, 2]) / math.sqrt(13), rtol=1e-15)
    assert disc.multiplier == pytest.approx((math.sqrt(13) / 1.5 - 1) / 2, rel=1e-14)
    assert constrained_minimum(loss, 1, 0.75).weights.tolist() == [0.75, 0.0]


@pytest.mark.parametrize("center", [(3, 0.5), (-3, 0.5), (0.5, 3), (0.5, -3)])
def test_every_corner_is_exact(center):
    found = constrained_minimum(Quadratic(np.array(center), np.eye(2)), 1, 0.7)
    expected = np.where(np.abs(center) == 3, np.sign(center) * 0.7, 0.0)
    assert found.weights.tolist() == expected.tolist()


def test_zero_budget_leaves_the_origin():
    loss = Quadratic.from_ellipse([1.0, -2.0], 4, 30)
    diamond, disc = (constrained_minimum(loss, order, 0.0) for order in (1, 2))
    assert diamond.weights.tolist() == disc.weights.tolist() == [0.0, 0.0]
    assert diamond.active
    assert disc.active
    assert diamond.multiplier == np.abs(loss.hessian @ loss.center).max()
    assert disc.multiplier == math.inf
    at_origin = Quadratic.from_ellipse([0.0, 0.0], 4, 30)
    for order in (1, 2):
        found = constrained_minimum(at_origin, order, 0.0)
        assert (found.active, found.multiplier) == (False, 0.0)


@pytest.mark.parametrize("norm_order", [1, 2])
@pytest.mark.parametrize("budget", [5e-324, 1e-300, 1e-12])
def test_tiny_budgets(norm_order, budget):
    found = constrained_minimum(Quadratic.from_ellipse([3, -2], 20, 10), norm_order, budget)
    assert 0 < norm(found.weights, norm_order) <= budget
    assert found.active


def test_gradient_and_value_agree_over_leading_axes():
    loss = Quadratic.from_ellipse([0.5, -1.5], 7, 25)
    w = np.random.default_rng(1).normal(size=(3, 4, 2))
    assert loss.value(w).shape == (3, 4)
    assert loss.gradient(w).shape == (3, 4, 2)
    for axis in range(2):
        step = 1e-4 * np.eye(2)[axis]
        slope = (loss.value(w + step) - loss.value(w - step)) / 2e-4
        np.testing.assert_allclose(loss.gradient(w)[..., axis], slope, rtol=0, atol=1e-9)
    assert loss.value(loss.center) == 0.0
    assert loss.value(w[1, 2]) == loss.value(w)[1, 2]


@patient
@given(losses, st.floats(1e-3, 50), st.integers(5, 200))
def test_ellipse_points_lie_on_the_level(loss, level, n):
    points = ellipse(loss, level, n)
    assert points.shape == (n, 2)
    np.testing.assert_array_equal(points[0], points[-1])
    np.testing.assert_allclose(loss.value(points), level, rtol=1e-9)


@pytest.mark.parametrize("angle", [0, 30, 90, 135, -20])
def test_long_axis_points_at_the_angle(angle):
    loss = Quadratic.from_ellipse([1, 2], 9, angle)
    np.testing.assert_allclose(np.linalg.eigvalsh(loss.hessian), [1 / 3, 3], rtol=1e-14)
    direction = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    offsets = ellipse(loss, 2.0, 721) - loss.center
    reach = np.linalg.norm(offsets, axis=1)
    # Curvature 1/3 along the long axis: 0.5 * r^2 / 3 = 2 at r = sqrt(12), to half a degree.
    assert reach.max() == pytest.approx(math.sqrt(12), rel=1e-4)
    assert abs(offsets[reach.argmax()] @ direction) == pytest.approx(math.sqrt(12), rel=1e-3)
    assert reach.min() == pytest.approx(math.sqrt(12) / 3, rel=1e-4)


def test_level_zero_is_the_centre():
    loss = Quadratic.from_ellipse([1, 2], 9, 40)
    np.testing.assert_array_equal(ellipse(loss, 0.0, 7), np.tile([1.0, 2.0], (7, 1)))


@pytest.mark.parametrize("n", [5, 6, 100, 181])
@pytest.mark.parametrize("norm_order", [1, 2])
def test_ball_boundary(norm_order, n):
    points = ball(norm_order, 1.7, n)
    assert points.shape == (n, 2)
    np.testing.assert_array_equal(points[0], points[-1])
    norms = np.abs(points).sum(axis=1) if norm_order == 1 else np.hypot(*points.T)
    np.testing.assert_allclose(norms, 1.7, rtol=1e-14)
    # Turning once, counterclockwise.
    turns = np.diff(np.unwrap(np.arctan2(points[:, 1], points[:, 0])))
    assert (turns > 0).all()
    assert turns.sum() == pytest.approx(2 * np.pi)
    if norm_order == 1:
        corners = {(1.7, 0.0), (0.0, 1.7), (-1.7, 0.0), (0.0, -1.7)}
        assert corners <= set(map(tuple, points.tolist()))


def test_rounding_in_the_hessian_is_evened_out():
    loss = Quadratic([0, 0], [[1, 0.3], [0.1 + 0.2, 1]])
    assert 0.1 + 0.2 != 0.3
    assert loss.hessian[0, 1] == loss.hessian[1, 0]


@pytest.mark.parametrize(
    ("center", "hessian", "sentence"),
    [
        ([1, 2, 3], np.eye(2), "shape"),
        ([1, 2], np.eye(3), "shape"),
        ([1, math.nan], np.eye(2), "finite"),
        ([1, 2], [[1, 0.5], [0.4, 1]], "symmetric"),
        ([1, 2], [[1, 2], [2, 1]], "positive definite"),
        ([1, 2], [[1, 1], [1, 1]], "positive definite"),
    ],
)
def test_bad_losses_are_refused(center, hessian, sentence):
    with pytest.raises(ValueError, match=sentence):
        Quadratic(center, hessian)


def test_bad_parameters_are_refused():
    loss = Quadratic.from_ellipse([1, 2], 9, 40)
    for order in (0, -1, math.nan):
        with pytest.raises(ValueError, match="norm_order"):
            constrained_minimum(loss, order, 1.0)
        with pytest.raises(ValueError, match="norm_order"):
            ball(order, 1.0)
        with pytest.raises(ValueError, match="norm_order"):
            sizes([1.0, 2.0], order)
    for amount in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="budget"):
            constrained_minimum(loss, 1, amount)
        with pytest.raises(ValueError, match="budget"):
            ball(2, amount)
        with pytest.raises(ValueError, match="level"):
            ellipse(loss, amount)
        with pytest.raises(ValueError, match="eccentricity"):
            Quadratic.from_ellipse([1, 2], amount, 0)
    with pytest.raises(ValueError, match="angle"):
        Quadratic.from_ellipse([1, 2], 2, math.nan)
    for curve in (lambda: ball(1, 1.0, 4), lambda: ellipse(loss, 1.0, 4)):
        with pytest.raises(ValueError, match="at least 5 points"):
            curve()


def test_results_are_read_only():
    loss = Quadratic.from_ellipse([1, 2], 9, 40)
    for array in (loss.center, loss.hessian, constrained_minimum(loss, 2, 1.0).weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5.0
