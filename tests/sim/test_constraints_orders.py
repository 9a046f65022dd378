"""Constrained minima for every norm order, against SciPy, brute force and the KKT conditions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize

from sim.constraints import Quadratic, ball, constrained_minimum, kkt, norm

some = settings(max_examples=60, deadline=None, derandomize=True)

coordinates = st.floats(-4, 4).map(lambda x: round(x, 6))
losses = st.builds(
    Quadratic.from_ellipse,
    st.tuples(coordinates, coordinates),
    st.floats(1, 1000),
    st.floats(-180, 180),
)
budgets = st.floats(1e-3, 6)
orders = st.sampled_from([0.2, 0.5, 0.9, 1, 1.1, 1.5, 2, 3, 4, 20, math.inf])
convex_orders = st.sampled_from([1, 1.1, 1.5, 2, 3, 4, 20, math.inf])
SIGNS = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])


def random_case(rng, eccentricity=20.0):
    return Quadratic.from_ellipse(
        rng.uniform(-4, 4, 2), rng.uniform(1, eccentricity), rng.uniform(-180, 180)
    )


def by_scipy(loss: Quadratic, q: float, budget: float, method: str) -> np.ndarray:
    """The optimiser's answer, pulled radially into the ball when it ends a little outside."""
    power = {"fun": lambda w: budget**q - (np.abs(w) ** q).sum()}
    power["jac"] = lambda w: -q * np.abs(w) ** (q - 1) * np.sign(w)
    start = np.full(2, 0.1 * budget)
    if method == "trust-constr":
        inside = (
            LinearConstraint(SIGNS, -np.inf, budget)
            if q == math.inf
            else NonlinearConstraint(power["fun"], 0, np.inf, jac=power["jac"])
        )
        options = {"gtol": 1e-10, "xtol": 1e-12, "maxiter": 500}
        w = minimize(
            loss.value,
            start,
            jac=loss.gradient,
            hess=lambda w: loss.hessian,
            method=method,
            constraints=inside,
            options=options,
        ).x
    else:
        if q == math.inf:
            power = {"fun": lambda w: budget - SIGNS @ w, "jac": lambda w: -SIGNS}
        w = minimize(
            loss.value,
            start,
            jac=loss.gradient,
            method=method,
            constraints={"type": "ineq", **power},
            options={"ftol": 1e-15, "maxiter": 300},
        ).x
    return w * min(1.0, budget / norm(w, q))


@pytest.mark.parametrize("q", [1.5, 3, 4, math.inf])
def test_never_worse_than_slsqp(q):
    rng = np.random.default_rng(20240611)
    gaps = []
    for _ in range(100):
        loss, budget = random_case(rng), rng.uniform(0.05, 6)
        found = constrained_minimum(loss, q, budget)
        slsqp = by_scipy(loss, q, budget, "SLSQP")
        assert norm(found.weights, q) <= budget
        assert loss.value(found.weights) <= loss.value(slsqp) + 1e-9
        gaps.append(loss.value(slsqp) - loss.value(found.weights))
    # SLSQP mostly converges, so the line above is a real comparison.
    assert np.median(gaps) < 1e-9


@pytest.mark.parametrize("q", [1.5, 4, math.inf])
def test_never_worse_than_an_interior_point_method(q):
    rng = np.random.default_rng(7)
    gaps = []
    for _ in range(8):
        loss, budget = random_case(rng), rng.uniform(0.5, 4)
        ours = loss.value(constrained_minimum(loss, q, budget).weights)
        theirs = loss.value(by_scipy(loss, q, budget, "trust-constr"))
        assert ours <= theirs + 1e-9
        gaps.append(theirs - ours)
    assert np.median(gaps) < 1e-3


@pytest.mark.parametrize("q", [0.1, 0.3, 0.5, 0.8, 0.95, 0.99])
def test_below_one_the_minimum_is_global(q):
    """Never above the best of 40,000 boundary points, and below it by no more than their gaps."""
    rng = np.random.default_rng(3)
    at_vertex = elsewhere = 0
    for _ in range(60):
        loss, budget = random_case(rng, 100.0), rng.uniform(0.1, 4)
        found = constrained_minimum(loss, q, budget)
        assert norm(found.weights, q) <= budget
        if found.active:
            ours = loss.value(found.weights)
            brute = loss.value(ball(q, budget, 40_001)).min()
            assert ours <= brute + 1e-12
            assert ours >= brute - 1e-3 * (1 + brute)
            at_vertex += bool((found.weights == 0).any())
            elsewhere += bool((found.weights != 0).all())
    assert at_vertex > 10
    assert elsewhere > 2


def test_half_order_against_the_roots_of_its_polynomial():
    """For q = 1/2, w = budget (s1 a^2, s2 (1 - a)^2), and the loss is a quartic in a."""
    rng = np.random.default_rng(11)
    checked = 0
    for _ in range(100):
        loss, t = random_case(rng, 50.0), rng.uniform(0.1, 4)
        found = constrained_minimum(loss, 0.5, t)
        if not found.active:
            continue
        values = []
        for s1 in (1, -1):
            for s2 in (1, -1):
                one = np.polynomial.Polynomial([-loss.center[0], 0, t * s1])
                two = np.polynomial.Polynomial([t * s2 - loss.center[1], -2 * t * s2, t * s2])
                (h11, h12), (_, h22) = loss.hessian.tolist()
                quartic = (one * one * h11 + one * two * (2 * h12) + two * two * h22) * 0.5
                roots = quartic.deriv().roots()
                real = roots[np.abs(roots.imag) < 1e-6].real
                values += [quartic(a) for a in [0, 1, *real[(real > 0) & (real < 1)]]]
        assert loss.value(found.weights) == pytest.approx(min(values), rel=1e-9, abs=1e-12)
        checked += 1
    assert checked > 40


@some
@given(losses, convex_orders, budgets)
def test_kkt_residual_vanishes(loss, q, budget):
    found = kkt(loss, q, budget)
    assert found.multiplier >= 0
    assert found.residual <= 1e-10 * np.abs(loss.hessian @ loss.center).max() + 1e-15


@some
@given(losses, orders, budgets)
def test_inside_and_active_exactly_when_the_centre_is_outside(loss, q, budget):
    found = constrained_minimum(loss, q, budget)
    assert norm(found.weights, q) <= budget
    assert found.active == bool(norm(loss.center, q) > budget)
    if found.active:
        assert norm(found.weights, q) == pytest.approx(budget, rel=1e-13)
    else:
        np.testing.assert_array_equal(found.weights, loss.center)
        assert found.multiplier == 0


@some
@given(losses, orders, budgets, budgets)
def test_loss_never_rises_with_the_budget(loss, q, one, other):
    small, large = sorted([one, other])
    tight = loss.value(constrained_minimum(loss, q, small).weights)
    loose = loss.value(constrained_minimum(loss, q, large).weights)
    assert loose <= tight * (1 + 1e-12) + 1e-12


@some
@given(losses, orders, budgets)
def test_mirrored_and_swapped_losses_have_mirrored_and_swapped_minima(loss, q, budget):
    def value(center, hessian):
        other = Quadratic(center, hessian)
        return other.value(constrained_minimum(other, q, budget).weights)

    (h11, h12), (_, h22) = loss.hessian
    expected = pytest.approx(value(loss.center, loss.hessian), rel=1e-9, abs=1e-12)
    assert value(-loss.center, loss.hessian) == expected
    assert value(loss.center * [1, -1], [[h11, -h12], [-h12, h22]]) == expected
    assert value(loss.center[::-1], [[h22, h12], [h12, h11]]) == expected


@pytest.mark.parametrize("q", [0.5, 1.5, 4, math.inf])
def test_multiplier_is_the_price_of_the_power_of_the_budget(q):
    """Minus the derivative of the minimum by budget^q, or by the budget for q = inf."""
    rng = np.random.default_rng(5)
    checked = 0
    for _ in range(40):
        loss, budget = random_case(rng), rng.uniform(0.3, 3)
        found, more, less = (
            constrained_minimum(loss, q, budget + step) for step in (0, 1e-5, -1e-5)
        )
        if not more.active or np.abs(more.weights - less.weights).max() > 1e-2:
            continue  # below q = 1 the minimum may have jumped between the two
        checked += 1
        slope = (loss.value(less.weights) - loss.value(more.weights)) / 2e-5
        per_budget = 1 if q == math.inf else q * budget ** (q - 1)
        assert found.multiplier * per_budget == pytest.approx(slope, abs=1e-3)
    assert checked > 15


def test_the_square_ties_the_weights_exactly():
    loss = Quadratic.from_ellipse([3.0, 2.5], 3, 45)
    assert constrained_minimum(loss, math.inf, 1.5).weights.tolist() == [1.5, 1.5]
    loss = Quadratic([3.0, 0.25], np.eye(2))
    assert constrained_minimum(loss, math.inf, 1.5).weights.tolist() == [1.5, 0.25]


def test_an_optimum_on_an_axis_leaves_the_other_weight_at_zero():
    loss = Quadratic([0.0, -3.0], np.diag([2.0, 0.5]))
    for q in (0.5, 1, 1.5, 2, 4, math.inf):
        assert constrained_minimum(loss, q, 1.25).weights.tolist() == [0.0, -1.25]


@pytest.mark.parametrize("q", [0.5, 1.5, 4, math.inf])
def test_zero_and_tiny_budgets(q):
    loss = Quadratic.from_ellipse([3, -2], 20, 10)
    nothing = constrained_minimum(loss, q, 0.0)
    assert nothing.weights.tolist() == [0.0, 0.0]
    pull = np.abs(loss.hessian @ loss.center)
    assert nothing.multiplier == {0.5: 0.0, math.inf: pull.sum()}.get(q, math.inf)
    for budget in (1e-300, 1e-12):
        found = constrained_minimum(loss, q, budget)
        assert 0 < norm(found.weights, q) <= budget
        assert found.active


@pytest.mark.parametrize("n", [5, 6, 100, 181])
@pytest.mark.parametrize("q", [0.3, 0.5, 1, 1.5, 2, 4, math.inf])
def test_ball_boundary(q, n):
    points = ball(q, 1.7, n)
    assert points.shape == (n, 2)
    np.testing.assert_array_equal(points[0], points[-1])
    np.testing.assert_allclose(norm(points, q), 1.7, rtol=1e-13)
    turns = np.diff(np.unwrap(np.arctan2(points[:, 1], points[:, 0])))
    assert (turns > 0).all()
    assert turns.sum() == pytest.approx(2 * np.pi)
    vertices = {(1.7, 0.0), (0.0, 1.7), (-1.7, 0.0), (0.0, -1.7)}
    if q == math.inf:
        vertices = {(1.7, 1.7), (-1.7, 1.7), (-1.7, -1.7), (1.7, -1.7)}
    assert vertices <= set(map(tuple, points.tolist()))


def test_norm_of_known_vectors():
    w = np.array([[3.0, -4.0], [0.0, 0.0], [0.0, -2.0]])
    assert norm(w, 1).tolist() == [7, 0, 2]
    assert norm(w, 2).tolist() == [5, 0, 2]
    assert norm(w, math.inf).tolist() == [4, 0, 2]
    np.testing.assert_allclose(norm(w, 0.5), [(3**0.5 + 2) ** 2, 0, 2], rtol=1e-15)
    np.testing.assert_allclose(norm(w, 4), [(81 + 256) ** 0.25, 0, 2], rtol=1e-15)
