"""Ties, corners and exact zeros on round numbers, against arithmetic without rounding.

On the sliders' numbers the loss is rational (up to a factor, which moves no minimum) when its
contours are circles or lie straight or at 45 degrees, so `fractions` decides every comparison. At
other angles `mpmath` does, with 40 digits.
"""

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from sim.constraints import (
    Quadratic,
    constrained_minimum,
    contact,
    descend,
    elastic_net_path,
    norm,
    one_dimensional_descent,
    penalized_minimum,
    regularization_path,
    zero_map,
)
from sim.constraints.minimum import minima
from sim.constraints.quadratic import cos_sin

STRAIGHT = range(-90, 91, 45)
BUDGETS = np.array([float(f"{0.05 * k:.2f}") for k in range(1, 121)])
RATES = [float(f"{0.01 * k:.2f}") for k in range(1, 151)]
PENALTIES = [float(f"{m}e{k}") for k in range(-2, 3) for m in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)]


def exact(x: float) -> Fraction:
    """The number as it is written."""
    return Fraction(repr(float(x)))


def hessian(eccentricity: float, angle: float):
    """sqrt(eccentricity) times that of `from_ellipse`: (h11, h12, h22), exactly or in 40 digits."""
    more = exact(eccentricity) - 1
    if more == 0:
        return Fraction(1), Fraction(0), Fraction(1)
    if angle % 45 == 0:
        square, product = (
            (Fraction(1, 2), Fraction(1 if angle % 180 == 45 else -1, 2))
            if angle % 90
            else (Fraction(int(angle % 180 != 0)), Fraction(0))
        )
        return 1 + more * square, -more * product, 1 + more * (1 - square)
    turn = mpmath.mpf(int(angle)) * mpmath.pi / 180
    cos, sin = mpmath.cos(turn), mpmath.sin(turn)
    more = mpmath.mpf(more.numerator) / more.denominator
    return 1 + more * sin**2, -more * cos * sin, 1 + more * cos**2


def numbers(center, like):
    """The centre in the arithmetic of the hessian."""
    c = [exact(x) for x in center]
    if isinstance(like, Fraction):
        return c
    return [mpmath.mpf(x.numerator) / x.denominator for x in c]


def pull(h, c):
    return [h[0] * c[0] + h[1] * c[1], h[1] * c[0] + h[2] * c[1]]


def alone(h, b, i, penalty):
    """The weight i with the other at zero, and the force on the other."""
    size = abs(b[i]) - penalty
    w = (size if b[i] > 0 else -size) / h[2 * i]
    return w, b[1 - i] - h[1] * w


def signs_at(h, c, penalty):
    """The signs of the lasso's weights, by its optimality conditions."""
    b = pull(h, c)
    if max(map(abs, b)) <= penalty:
        return 0, 0
    for i in (0, 1):
        if abs(b[i]) > penalty and abs(alone(h, b, i, penalty)[1]) <= penalty:
            sign = 1 if b[i] > 0 else -1
            return (sign, 0) if i == 0 else (0, sign)
    for s in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        way = back(h, s)
        if all((x - penalty * v) * sign > 0 for x, v, sign in zip(c, way, s, strict=True)):
            return s
    raise AssertionError("no pattern fits")


def back(h, s):
    """hessian^-1 s."""
    det = h[0] * h[2] - h[1] ** 2
    return (h[2] * s[0] - h[1] * s[1]) / det, (h[0] * s[1] - h[1] * s[0]) / det


def pieces(center, eccentricity, angle):
    """How many straight pieces L1's path has, and the budget at which the second weight enters."""
    h = hessian(eccentricity, angle)
    c = numbers(center, h[0])
    b = pull(h, c)
    top = max(map(abs, b))
    if top == 0:
        return 0, None
    times = set()
    for i in (0, 1):
        k = (h[1] / h[2 * i]) * (1 if b[i] > 0 else -1)
        for side in (1, -1):
            if side != k:
                times.add((b[1 - i] - k * abs(b[i])) / (side - k))
    for s in ((1, 1), (1, -1)):
        times |= {abs(x / v) for x, v in zip(c, back(h, s), strict=True) if v != 0}
    edges = [top]
    for time in sorted(times, reverse=True):
        if time > 0 and edges[-1] - time > 1e-30:  # forty digits are rounded, too
            edges.append(time)
    edges.append(0)
    patterns = [signs_at(h, c, (one + two) / 2) for one, two in pairwise(edges)]
    kinks = [k for k, (one, two) in enumerate(pairwise(patterns)) if one != two]
    if all(patterns[0]):
        return len(kinks) + 1, 0
    if not kinks:
        return 1, None  # it never enters
    i = 0 if patterns[0][0] else 1
    return len(kinks) + 1, abs(alone(h, b, i, edges[kinks[0] + 1])[0])


def on_the_grid(rng, n):
    return [tuple(round(0.05 * k, 2) for k in pair) for pair in rng.integers(-80, 81, (n, 2))]


ROUND = [((0.65, 1.8), 1.0, 63.0), ((0.1, 0.2), 1.0, -7.0)]
DIAGONAL = [((2.0, 2.0), 3.0, 45.0)]


def some_losses():
    """Round ones, those with a centre on a diagonal, straight ones and tilted ones."""
    rng = np.random.default_rng(5)
    angles, ratios = rng.integers(-90, 91, 1000), 1 + 0.5 * rng.integers(0, 39, 1000)
    yield from (*ROUND, *DIAGONAL)
    for c, angle in zip(on_the_grid(rng, 200), angles, strict=False):
        yield c, 1.0, float(angle)
    for k, ratio in enumerate(ratios[:240]):
        x = round(0.05 * (k % 160 - 80), 2)
        yield (x, x if k % 2 else -x), float(ratio), float(STRAIGHT[k % 5])
    for k, (c, ratio) in enumerate(zip(on_the_grid(rng, 300), ratios, strict=False)):
        yield c, float(ratio), float(STRAIGHT[k % 5])
    for ratio in ratios[:40]:  # straight, with both pulls alike: w1 = eccentricity * w2
        yield (round(0.15 * ratio, 3), 0.15), float(ratio), 0.0
    for c, ratio, angle in zip(on_the_grid(rng, 150), ratios, angles, strict=False):
        yield c, float(ratio), float(angle)


def test_angles_are_exact_where_that_matters():
    with mpmath.workdps(40):
        for degrees in [*range(-720, 721, 3), 0.1, 44.9, 45.1, -1e-20, 89.5, 1e6 + 0.5]:
            turn = mpmath.mpf(degrees) * mpmath.pi / 180
            cos, sin = cos_sin(float(degrees))
            assert cos == pytest.approx(float(mpmath.cos(turn)), abs=2e-16)
            assert sin == pytest.approx(float(mpmath.sin(turn)), abs=2e-16)
            if degrees % 90 == 0:
                assert sorted({abs(cos), abs(sin)}) == [0, 1]
            elif degrees % 45 == 0:
                assert abs(cos) == abs(sin)
    for angle in (-90.0, 0.0, 90.0, 180.0, 270.0):
        tilt = Quadratic.from_ellipse((1, 1), 7, angle).hessian[0, 1]
        assert tilt == 0
        assert math.copysign(1, tilt) == 1
    for angle in (-135.0, -45.0, 45.0, 135.0):
        h = Quadratic.from_ellipse((1, 1), 7, angle).hessian
        assert h[0, 0] == h[1, 1]
    for angle in range(-90, 91):
        np.testing.assert_array_equal(
            Quadratic.from_ellipse((1, 1), 1, float(angle)).hessian, np.eye(2)
        )


def test_the_path_has_the_pieces_of_exact_arithmetic():
    counts, ties = set(), 0
    with mpmath.workdps(40):
        for center, eccentricity, angle in some_losses():
            n, enters = pieces(center, eccentricity, angle)
            path = regularization_path(Quadratic.from_ellipse(center, eccentricity, angle), 1)
            shown = (center, eccentricity, angle)
            assert len(path.budgets) - 1 == n, shown
            if enters:
                assert path.budgets[1] == pytest.approx(float(enters), rel=1e-9), shown
                assert (path.weights[1] == 0).sum() == 1
            counts.add(n)
            ties += enters == 0
    assert counts >= {0, 1, 2, 4}
    assert ties > 100, "both weights enter at once"


def test_the_two_of_the_issue():
    loss = Quadratic.from_ellipse((0.65, 1.8), 1, 63)
    path = regularization_path(loss, 1)
    np.testing.assert_allclose(path.weights, [[0, 0], [0, 1.15], [0.65, 1.8]], rtol=1e-15)
    assert len(regularization_path(Quadratic.from_ellipse((2, 2), 3, 45), 1).budgets) == 2


def in_ball(c, q, t):
    if q == math.inf:
        return max(map(abs, c)) <= t
    return sum(abs(x) ** q for x in c) <= t**q


def exact_zeros(h, c, q, t):
    """Which weights of the constrained minimum are zero, by the force at the four axes' ends."""
    if in_ball(c, q, t):
        return [x == 0 for x in c]
    for i in (0, 1):
        for sign in (1, -1):
            gap = list(c)
            gap[i] -= sign * t
            force = pull(h, gap)
            along, across = sign * force[i], abs(force[1 - i])
            if along >= 0 and across <= (along if q == 1 else 0):
                return [i == 1, i == 0]
    return [False, False]


@pytest.mark.parametrize("q", [1, 2, 4, math.inf])
def test_budgets_on_the_grid_give_the_zeros_of_exact_arithmetic(q):
    """At all budgets of the slider: on a corner's last budget, on the boundary, on an axis."""
    found = 0
    losses = [one for one in some_losses() if one[1] == 1 or one[2] % 45 == 0][::9]
    rng = np.random.default_rng(11)
    for k, c in enumerate(on_the_grid(rng, 60)):  # tilted, yet met on an axis once
        losses.append((c, (2.0, 3.0, 5.0)[k % 3], (45.0, -45.0)[k % 2]))
    losses += [((x, 0.0), 3.0, angle) for x, angle in ((3.0, 0.0), (-2.5, 90.0), (1.2, -90.0))]
    for center, eccentricity, angle in losses:
        h, c = hessian(eccentricity, angle), [exact(x) for x in center]
        loss = Quadratic.from_ellipse(center, eccentricity, angle)
        weights = minima(loss, q, BUDGETS)
        for t, w in zip(BUDGETS, weights, strict=True):
            expected = exact_zeros(h, c, q, exact(t))
            assert (w == 0).tolist() == expected, (center, eccentricity, angle, t, w)
            found += any(expected)
            if q == math.inf and not in_ball(c, q, exact(t)) and t == BUDGETS[19]:
                one = constrained_minimum(loss, q, t)
                assert one.active
    assert found > (1000 if q == 1 else 50)


@pytest.mark.parametrize("q", [1, 2, 4, math.inf])
def test_a_budget_binds_where_it_does_without_rounding(q):
    rng = np.random.default_rng(6)
    seen = set()
    for center in [(0.1, 0.2), (0.3, -0.6), (0.9, 1.2), *on_the_grid(rng, 150)]:
        c = [exact(x) for x in center]
        loss = Quadratic.from_ellipse(center, 3, 30)
        budget = float(f"{float(norm(center, q)):.2f}")
        for t in (budget, round(budget + 0.05, 2), max(0.0, round(budget - 0.05, 2))):
            one = constrained_minimum(loss, q, t)
            binds = not in_ball(c, q, exact(t))
            assert one.active == binds, (center, t)
            if not binds:
                assert one.multiplier == 0
                np.testing.assert_array_equal(one.weights, center)
            seen.add((binds, sum(abs(x) for x in c) == exact(t)))
    assert len(seen) >= 2


def exact_penalised(h, c, q, penalty):
    """Zeros of the penalised minimum for q = 1 and 2, with a hessian that is rational itself."""
    if q == 1:
        return [sign == 0 for sign in signs_at(h, c, penalty)]
    b = pull(h, c)
    return [
        (h[2] + 2 * penalty) * b[0] == h[1] * b[1],
        (h[0] + 2 * penalty) * b[1] == h[1] * b[0],
    ]


@pytest.mark.parametrize("q", [1, 2])
def test_penalties_on_the_grid_give_the_zeros_of_exact_arithmetic(q):
    """Eccentricities that are squares, so that the curvatures themselves are rational."""
    rng = np.random.default_rng(7)
    losses = [((3.0, 1.0), 4.0, 45.0), ((1.0, -3.0), 4.0, -45.0)]
    for k, c in enumerate(on_the_grid(rng, 150)):
        center = [(c[0], c[0]), (c[0], -c[0]), (c[0], 0.0), c, c][k % 5]
        losses.append((center, float((1, 4, 9, 16)[k % 4]), float(STRAIGHT[k % 3 + 1])))
    found = 0
    for center, eccentricity, angle in losses:
        root = Fraction(math.isqrt(int(eccentricity)))
        h = [x / root for x in hessian(eccentricity, angle)]
        loss = Quadratic.from_ellipse(center, eccentricity, angle)
        for penalty in PENALTIES:
            w = penalized_minimum(loss, q, penalty).weights
            expected = exact_penalised(h, [exact(x) for x in center], q, exact(penalty))
            assert (w == 0).tolist() == expected, (center, eccentricity, angle, penalty, w)
            found += any(expected)
    assert found > 1000 if q == 1 else found > 400


def test_no_tilted_loss_has_zeros_that_exact_arithmetic_does_not_have():
    """The other side: a tie is not seen where there is none."""
    rng = np.random.default_rng(8)
    with mpmath.workdps(40):
        for center in on_the_grid(rng, 120):
            eccentricity, angle = 1 + 0.5 * rng.integers(1, 39), float(rng.integers(-44, 0))
            h = hessian(eccentricity, angle)
            c = numbers(center, h[0])
            loss = Quadratic.from_ellipse(center, eccentricity, angle)
            for q in (1, 2, math.inf):
                weights = minima(loss, q, BUDGETS[::10])
                for t, w in zip(BUDGETS[::10], weights, strict=True):
                    assert (w == 0).tolist() == exact_zeros(h, c, q, mpmath.mpf(str(t)))


@pytest.mark.parametrize("q", [1.5, 2, 4, math.inf])
def test_on_an_axis_of_a_loss_that_is_not_tilted_the_other_weight_is_zero(q):
    for angle in (-90.0, 0.0, 90.0):
        loss = Quadratic.from_ellipse((3.0, 0.0), 3, angle)
        assert constrained_minimum(loss, q, 1.5).weights.tolist() == [1.5, 0]
        assert penalized_minimum(loss, q, 0.7).weights[1] == 0
        loss = Quadratic.from_ellipse((0.0, -3.0), 3, angle)
        assert constrained_minimum(loss, q, 1.5).weights.tolist() == [0, -1.5]
        assert (zero_map(loss, q, 1.5, 5.0, 5).codes[2, [0, 4]] == 2).all()
    if q != math.inf:
        # With tilt it takes an accident: here the force at (1, 0) has no part across.
        tilted = Quadratic.from_ellipse((3.0, 1.0), 3, 45)
        assert constrained_minimum(tilted, q, 1.0).weights.tolist() == [1, 0]


def test_the_max_norm_ties_exactly_and_sides_are_chosen_right():
    rng = np.random.default_rng(9)
    for center in on_the_grid(rng, 80):
        loss = Quadratic.from_ellipse(center, 4, float(STRAIGHT[rng.integers(5)]))
        for t in (0.5, 1.0, 1.05, 2.0):
            one = constrained_minimum(loss, math.inf, t)
            if one.active:
                assert np.abs(one.weights).max() == t
                near = np.abs(np.abs(one.weights) - t)
                assert ((near == 0) | (near > 1e-9)).all()
                best = loss.value(one.weights)
                side = np.linspace(-t, t, 201)
                for edge in (-t, t):
                    for w in (
                        np.column_stack([np.full(201, edge), side]),
                        np.column_stack([side, np.full(201, edge)]),
                    ):
                        assert best <= loss.value(w).min() + 1e-12


def test_a_contour_that_grazes_the_far_side_does_not_cross():
    """The circle about (3, 0) through (-1, 0) holds the unit disc: twice the touching one."""
    loss = Quadratic.from_ellipse((3.0, 0.0), 1, 0)
    assert contact(loss, 2, 1.0, 8.0).kind == "around"
    assert contact(loss, 2, 1.0, 7.999).kind == "crossing"
    inside = Quadratic.from_ellipse((0.5, 0.0), 1, 0)
    assert contact(inside, 2, 1.0, 0.125).kind == "inside"


def test_the_elastic_nets_path_starts_at_zero_and_ties_as_the_lasso_does():
    path = elastic_net_path(Quadratic.from_ellipse((2.0, 2.0), 3, 45), 0.5, 40)
    assert not path.weights[0].any()
    assert (path.weights[1:] != 0).all()


def test_all_round_balls_arrive_when_exact_arithmetic_says():
    """All pairs of the sliders' penalties and learning rates, from 2 in up to 40 steps."""
    landed = 0
    for penalty in PENALTIES:
        for rate in RATES:
            step = exact(penalty) * exact(rate)
            steps = math.ceil(2 / step)
            rolled = one_dimensional_descent("l1", 2.0, penalty, rate, 40, "proximal")
            assert rolled.reached_zero_at == (steps if steps <= 40 else None), (penalty, rate)
            lands = (2 / step).denominator == 1 and steps <= 40
            if not lands and rate * 100 % 10:
                continue  # the rest is tried at a tenth of the pairs
            signed = one_dimensional_descent("l1", 2.0, penalty, rate, 40)
            assert signed.reached_zero_at == (steps if lands else None), (penalty, rate)
            landed += lands
            pulled = one_dimensional_descent("l2", 2.0, penalty, rate, 40)
            assert pulled.reached_zero_at == (1 if 2 * step == 1 else None), (penalty, rate)
            assert (pulled.diverged_at is not None) <= (step > 1)
            if step == 1:
                assert set(np.abs(pulled.positions)) == {2.0}
    assert landed == 100


def test_descents_land_on_zero_where_exact_arithmetic_does():
    """Round contours, thirty steps; what exact arithmetic has below 1e-12 floats cannot tell."""
    rng = np.random.default_rng(10)
    landed = {"proximal": 0, "subgradient": 0, "gradient": 0}
    for center in [(0.0, 1.0), (0.0, 0.0), (1.5, 3.0), *on_the_grid(rng, 25)]:
        for penalty, rate in ((12.0, 0.2), (1.0, 0.15), (2.0, 0.2), (0.6, 0.7), (4.0, 0.1)):
            for method in landed:
                order = 2 if method == "gradient" else 1
                loss = Quadratic.from_ellipse(center, 1, 63)
                run = descend(loss, order, penalty, (-3.0, 3.0), rate, 30, method)
                for i in (0, 1):
                    w = exact((-3.0, 3.0)[i])
                    for frame in run.weights[1:, i]:
                        w = exact_move(w, exact(center[i]), exact(penalty), exact(rate), method)
                        if not 0 < abs(w) < Fraction(1, 10**12):
                            assert (frame == 0) == (w == 0), (center, penalty, rate, method)
                        landed[method] += w == 0
    assert min(landed.values()) > 20, landed


def exact_move(w, c, penalty, rate, method):
    u = w - rate * (w - c)
    if method == "proximal":
        return max(abs(u) - rate * penalty, Fraction(0)) * (1 if u > 0 else -1)
    if method == "gradient":
        return u - 2 * rate * penalty * w
    return u - rate * penalty * ((w > 0) - (w < 0))
