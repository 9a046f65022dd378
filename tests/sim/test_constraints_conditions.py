"""The forces at the minimum, and the points that a contour shares with the ball."""

import math

import numpy as np
import pytest

from sim.constraints import (
    Quadratic,
    constrained_minimum,
    contact,
    kkt,
    norm,
    penalized_minimum,
)

CORNER = Quadratic.from_ellipse([1.5, 3.0], 3, 30)
ORDERS = [0.5, 1, 1.5, 2, 4, math.inf]


def random_case(rng):
    return Quadratic.from_ellipse(rng.uniform(-4, 4, 2), rng.uniform(1, 20), rng.uniform(-180, 180))


def test_rays_of_known_minima():
    corner = kkt(CORNER, 1, 1.5)
    assert corner.weights.tolist() == [0, 1.5]
    assert sorted(corner.rays.tolist()) == [[-1, 1], [1, 1]]
    np.testing.assert_allclose(corner.force, -CORNER.gradient([0, 1.5]))
    edge = kkt(Quadratic([3.0, 2.0], np.eye(2)), 1, 1.5)
    assert edge.rays.tolist() == [[1, 1]]
    disc = kkt(CORNER, 2, 1.5)
    np.testing.assert_allclose(disc.rays, [2 * disc.weights])
    np.testing.assert_allclose(disc.force, disc.multiplier * disc.rays[0], atol=1e-12)
    tied = kkt(Quadratic([3.0, 2.5], np.eye(2)), math.inf, 1.5)
    assert tied.rays.tolist() == [[1, 0], [0, 1]]
    side = kkt(Quadratic([-3.0, 0.5], np.eye(2)), math.inf, 1.5)
    assert side.rays.tolist() == [[-1, 0]]
    star = kkt(CORNER, 0.5, 1.5)
    assert sorted(star.rays.tolist()) == [[-1, 0], [1, 0]]
    assert len(kkt(CORNER, 1, 0.0).rays) == 4


@pytest.mark.parametrize("q", [1, math.inf])
def test_the_force_lies_in_the_cone_of_a_corner(q):
    rng = np.random.default_rng(6)
    corners = 0
    for _ in range(60):
        found = kkt(random_case(rng), q, rng.uniform(0.1, 3))
        if len(found.rays) == 2:
            corners += 1
            shares = np.linalg.solve(found.rays.T, found.force)
            assert (shares >= -1e-12).all()
            assert shares.sum() == pytest.approx(found.multiplier, rel=1e-12)
    assert corners > 10


@pytest.mark.parametrize("q", ORDERS)
def test_residual_vanishes_at_a_minimum_and_not_beside_it(q):
    rng = np.random.default_rng(7)
    beside = 0
    for _ in range(30):
        loss, budget = random_case(rng), rng.uniform(0.1, 3)
        scale = np.abs(loss.hessian @ loss.center).max()
        assert kkt(loss, q, budget).residual < 1e-8 * scale
        # Another loss's minimum does not satisfy the conditions of this one.
        other = constrained_minimum(random_case(rng), q, budget)
        if other.active and (other.weights != 0).all():
            beside += 1
            assert kkt(loss, q, other).residual > 1e-6 * scale
    assert beside > 5


def test_at_zero_weights_the_force_must_be_weak_enough():
    pull = np.abs(CORNER.hessian @ CORNER.center)
    for q, least in ((1, pull.max()), (math.inf, pull.sum())):
        held = penalized_minimum(CORNER, q, least * 1.5)
        assert not held.weights.any()
        assert kkt(CORNER, q, held).residual == 0
        # The same point under a penalty of half the strength: the force leaves its square.
        weak = type(held)(held.weights, held.objective, least / 2, 0.0)
        assert kkt(CORNER, q, weak).residual > 0.1


@pytest.mark.parametrize("q", ORDERS)
def test_no_contact_touching_crossing(q):
    rng = np.random.default_rng(8)
    crossed = 0
    for _ in range(25):
        loss, budget = random_case(rng), rng.uniform(0.3, 2)
        found = constrained_minimum(loss, q, budget)
        if not found.active:
            continue
        touching = float(loss.value(found.weights))
        apart = contact(loss, q, budget, touching * 0.9)
        assert (apart.kind, apart.points.shape) == ("none", (0, 2))
        touch = contact(loss, q, budget, touching)
        assert touch.kind == "touching"
        np.testing.assert_array_equal(touch.points, [found.weights])
        for level in (touching * (1 + 1e-6), touching * 1.05 + 0.01):
            cross = contact(loss, q, budget, level)
            assert cross.kind == "crossing"
            assert len(cross.points) >= 2
            assert len(cross.points) % 2 == 0
            crossed += len(cross.points) == 2
            np.testing.assert_allclose(loss.value(cross.points), level, rtol=1e-9)
            np.testing.assert_allclose(norm(cross.points, q), budget, rtol=1e-12)
        assert contact(loss, q, budget, 1e4).kind == "around"
    assert crossed > 20


def test_crossing_of_a_circle_with_a_circle():
    """The contour |w - (3, 0)| = 2.5 meets |w| = 1.5 at w1 = (9 + 2.25 - 6.25) / 6."""
    found = contact(Quadratic([3.0, 0.0], np.eye(2)), 2, 1.5, 0.5 * 2.5**2)
    w1 = 5 / 6
    w2 = math.sqrt(2.25 - w1**2)
    np.testing.assert_allclose(sorted(found.points.tolist()), [[w1, -w2], [w1, w2]], rtol=1e-12)
    assert found.touching_level == pytest.approx(0.5 * 1.5**2, rel=1e-13)


def test_a_contour_within_the_ball_and_a_ball_of_one_point():
    loss = Quadratic([0.2, 0.1], np.eye(2))
    assert contact(loss, 1, 2.0, 0.1).kind == "inside"
    assert contact(loss, 1, 2.0, 2.0).kind == "crossing"
    assert contact(loss, 1, 2.0, 20.0).kind == "around"
    assert contact(loss, 1, 0.0, 1.0).kind == "around"
    assert contact(loss, 1, 0.0, 0.01).kind == "none"
    assert contact(loss, 1, 0.0, float(loss.value([0, 0]))).points.tolist() == [[0, 0]]


def test_bad_arguments_are_refused():
    for level in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="level"):
            contact(CORNER, 1, 1.0, level)
    with pytest.raises(ValueError, match="norm_order"):
        kkt(CORNER, 0, 1.0)
    with pytest.raises(ValueError, match="budget"):
        kkt(CORNER, 1, -1.0)
