"""Maps and shares of exact zeros, against the one-at-a-time solver and a published experiment."""

import math

import numpy as np
import pytest

from sim.constraints import Quadratic, constrained_minimum, norm, zero_map, zero_share


def code(weights):
    return int(weights[0] == 0) + 2 * int(weights[1] == 0)


@pytest.mark.parametrize("q", [0.3, 0.5, 0.9, 1, 1.5, 2, 4, math.inf])
def test_map_agrees_with_the_solver(q):
    """On random points and on points beside every kind of border, away from exact ties."""
    rng = np.random.default_rng(4)
    seen = set()
    for eccentricity, budget in ((1.0, 0.7), (3.0, 1.5), (20.0, 2.5)):
        loss = Quadratic.from_ellipse([0, 0], eccentricity, rng.uniform(-90, 90))
        picture = zero_map(loss, q, budget, 5.2, 150)
        border = np.argwhere(picture.codes[1:, :-1] != picture.codes[:-1, :-1])
        border = border[rng.permutation(len(border))[:40]]
        points = np.concatenate(
            [rng.integers(0, 150, (60, 2)), border, border + np.eye(2, dtype=int)[0]]
        )
        for row, column in points:
            here = Quadratic([picture.w1[column], picture.w2[row]], loss.hessian)
            values = np.sort(here.value(budget * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])))
            if values[1] - values[0] < 1e-9:
                continue  # two vertices tie: either is right
            weights = constrained_minimum(here, q, budget).weights
            assert picture.codes[row, column] == code(weights)
            seen.add(code(weights))
    assert seen == ({0, 1, 2} if q <= 1 else {0})


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_map_is_exact_within_a_hair_of_a_border(q):
    loss, rng = Quadratic.from_ellipse([0, 0], 3, 25), np.random.default_rng(9)
    coarse = zero_map(loss, q, 1.5, 5.2, 300)
    border = np.argwhere(coarse.codes[1:] != coarse.codes[:-1])
    codes = set()
    for row, column in border[rng.permutation(len(border))[:12]]:
        w1, low, high = coarse.w1[column], coarse.w2[row], coarse.w2[row + 1]
        before = coarse.codes[row, column]
        for _ in range(30):  # bisect to the border
            middle = (low + high) / 2
            here = Quadratic([w1, middle], loss.hessian)
            same = code(constrained_minimum(here, q, 1.5).weights) == before
            low, high = (middle, high) if same else (low, middle)
        near = zero_map(loss, q, 1.5, (w1 - 1e-4, w1 + 1e-4, low - 1e-4, low + 1e-4), 9)
        for i, j in rng.integers(0, 9, (20, 2)):
            here = Quadratic([near.w1[j], near.w2[i]], loss.hessian)
            zero = code(constrained_minimum(here, q, 1.5).weights)
            assert near.codes[i, j] == zero or i == j == 4
            codes.add(zero)
    assert len(codes) > 1


def test_map_of_round_contours_has_the_known_regions():
    """L1: w2 = 0 where c1 >= budget + |c2|; no zeros between, and none inside the ball."""
    picture = zero_map(Quadratic([0, 0], np.eye(2)), 1, 1.5, (-5.0, 5.0, -4.0, 4.0), 161)
    c1, c2 = np.meshgrid(picture.w1, picture.w2)
    clear = np.abs(np.abs(c1) - np.abs(c2)) - 1.5
    sure = (np.abs(clear) > 1e-9) & (c1 != 0) & (c2 != 0)
    expected = np.where(clear > 0, np.where(np.abs(c1) > np.abs(c2), 2, 1), 0)
    np.testing.assert_array_equal(picture.codes[sure], expected[sure])


def test_map_where_nothing_is_left_to_choose():
    loss = Quadratic([0, 0], np.eye(2))
    assert (zero_map(loss, 1, 0.0, 5.0, 4).codes == 3).all()
    inside = zero_map(loss, 1, 100.0, 5.0, 5).codes
    assert inside[2].tolist() == [2, 2, 3, 2, 2]
    assert inside[:, 2].tolist() == [1, 1, 3, 1, 1]
    on_axis = zero_map(Quadratic([0, 0], np.diag([2.0, 1.0])), 4, 1.0, 5.0, 5).codes
    assert on_axis[2].tolist() == [2, 2, 3, 2, 2]


@pytest.mark.parametrize(
    ("shape", "published"), [("symmetric", 0.66), ("general", 0.72), ("axis_aligned", 0.80)]
)
def test_shares_of_the_published_experiment(shape, published):
    """Within two points of the 5,000 trials of explained.ai, which tried 100 boundary points."""
    drawn = zero_share(1, 2.0, 40_000, np.random.default_rng(1), shape)
    assert drawn.share == pytest.approx(published, abs=0.02)
    assert drawn.share == (drawn.codes > 0).mean()
    assert zero_share(2, 2.0, 2_000, np.random.default_rng(1), shape).share == 0


def test_share_with_round_contours_is_an_area():
    """No zero where ||c1| - |c2|| < 2 outside the diamond: 136 of the 392 left of the square."""
    share = zero_share(1, 2.0, 40_000, np.random.default_rng(2)).share
    assert share == pytest.approx(1 - 136 / 392, abs=4 * math.sqrt(0.25 / 40_000))


@pytest.mark.parametrize("q", [0.5, 1, 2])
@pytest.mark.parametrize("shape", ["symmetric", "general", "axis_aligned"])
def test_shared_losses_are_solved_as_one_by_one(shape, q):
    drawn = zero_share(q, 2.0, 60, np.random.default_rng(3), shape)
    assert drawn.centers.shape == drawn.weights.shape == (60, 2)
    assert (norm(drawn.centers, q) > 2).all()
    for center, hessian, weights, zero in zip(
        drawn.centers, drawn.hessians, drawn.weights, drawn.codes, strict=True
    ):
        one = constrained_minimum(Quadratic(center, hessian), q, 2.0).weights
        np.testing.assert_allclose(weights, one, atol=1e-12)
        assert zero == code(one)


def test_shapes_of_the_random_losses():
    def draw(shape):
        return zero_share(1, 2.0, 500, np.random.default_rng(5), shape).hessians

    round_, general, aligned = map(draw, ("symmetric", "general", "axis_aligned"))
    assert (round_[:, 0, 0] == round_[:, 1, 1]).all()
    assert (round_[:, 0, 1] == 0).all()
    assert (np.linalg.eigvalsh(general) > 0).all()
    assert np.abs(general[:, 0, 1]).max() == pytest.approx(2, abs=0.1)
    assert (aligned[:, 0, 1] == 0).all()
    assert ((aligned[:, 0, 0] == 0.2) ^ (aligned[:, 1, 1] == 0.2)).all()


def test_bad_arguments_are_refused():
    loss, rng = Quadratic([0, 0], np.eye(2)), np.random.default_rng(0)
    for extent in (0.0, -1.0, math.nan, math.inf, (1.0, 0.0, 0.0, 1.0)):
        with pytest.raises(ValueError, match="extent"):
            zero_map(loss, 1, 1.0, extent)
    with pytest.raises(ValueError, match="resolution"):
        zero_map(loss, 1, 1.0, 5.0, 1)
    with pytest.raises(ValueError, match="budget"):
        zero_map(loss, 1, -1.0, 5.0)
    with pytest.raises(ValueError, match="n must"):
        zero_share(1, 1.0, 0, rng)
    with pytest.raises(ValueError, match="budget"):
        zero_share(1, 10.0, 5, rng)
    with pytest.raises(ValueError, match="shape"):
        zero_share(1, 1.0, 5, rng, "square")
    with pytest.raises(ValueError, match="norm_order"):
        zero_share(0, 1.0, 5, rng)
