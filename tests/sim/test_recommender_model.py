"""The finished model: the formula, written out in plain Python, and the order of what it names."""

import math

import numpy as np
import pytest

from sim.recommender.model import MatrixFactorization


def small_model(range_: tuple[float, float] = (0.0, 5.5)) -> MatrixFactorization:
    rng = np.random.default_rng(4)
    draw = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 2), (5, 2), 3, 5)]
    return MatrixFactorization(draw[0], draw[1], draw[2], draw[3], range_)


def by_hand(model: MatrixFactorization, user: int, movie: int) -> float:
    u, v = model.user_factors[user].tolist(), model.movie_factors[movie].tolist()
    z = sum(a * b for a, b in zip(u, v, strict=True))
    z += float(model.user_bias[user]) + float(model.movie_bias[movie])
    low, high = model.rating_range
    return low + (high - low) / (1 + math.exp(-z))


@pytest.mark.parametrize("range_", [(0.0, 5.5), (-1.0, 11.0)])
def test_predictions_are_the_formula(range_: tuple[float, float]) -> None:
    model = small_model(range_)
    pairs = [(u, m) for u in range(3) for m in range(5)]
    users, movies = np.array(pairs).T
    expected = [by_hand(model, u, m) for u, m in pairs]
    np.testing.assert_allclose(model.predict(users, movies), expected, rtol=1e-5)
    every = np.concatenate([model.scores(u) for u in range(3)])
    np.testing.assert_allclose(every, expected, rtol=1e-5)
    assert (model.n_users, model.n_movies) == (3, 5)


def test_recommends_the_best_unseen_first() -> None:
    model = small_model()
    expected = sorted({0, 2, 3, 4}, key=lambda m: -by_hand(model, 1, m))
    movies, ratings = model.recommend(1, n=3, exclude=[1])
    assert movies.tolist() == expected[:3]
    np.testing.assert_allclose(ratings, [by_hand(model, 1, m) for m in expected[:3]], rtol=1e-5)
    assert len(model.recommend(1, n=99, exclude=[1])[0]) == 4


def test_ties_go_to_the_smaller_index() -> None:
    zeros = np.zeros((6, 1), np.float32)
    bias = np.array([0, 1, 0, 1, 1, 0], np.float32)
    model = MatrixFactorization(zeros[:1], zeros, zeros[:1, 0], bias)
    assert model.recommend(0, n=5)[0].tolist() == [1, 3, 4, 0, 2]


def test_no_overflow_at_the_ends() -> None:
    huge = np.array([[1e18]], np.float32)
    none = np.zeros(1, np.float32)
    assert MatrixFactorization(huge, huge, none, none).predict([0], [0]).tolist() == [5.5]
    assert MatrixFactorization(huge, -huge, none, none).predict([0], [0]).tolist() == [0.0]


@pytest.mark.parametrize(("user", "movie"), [([3], [0]), ([-1], [0]), ([0], [5]), ([0.5], [0])])
def test_bad_indices_are_refused(user: list[float], movie: list[int]) -> None:
    with pytest.raises(ValueError, match=r"index is (out of range|not an integer)"):
        small_model().predict(user, movie)


def test_parts_must_fit() -> None:
    model = small_model()
    with pytest.raises(ValueError, match="same number"):
        MatrixFactorization(
            model.user_factors, model.movie_factors[:, :1], model.user_bias, model.movie_bias
        )
    with pytest.raises(ValueError, match="one bias for each"):
        MatrixFactorization(
            model.user_factors, model.movie_factors, model.movie_bias, model.movie_bias
        )
    with pytest.raises(ValueError, match="matrices"):
        MatrixFactorization(model.user_bias, model.movie_factors, model.user_bias, model.movie_bias)
    with pytest.raises(ValueError, match="n is -1"):
        model.recommend(0, n=-1)


@pytest.mark.parametrize("ends", [(-3.0, 0.1), (-3.0, -0.9), (0.1, 0.3), (0.0, 5.5)])
def test_no_prediction_leaves_the_range(ends: tuple[float, float]) -> None:
    """However sure the model is: -3 + (0.1 + 3) is above 0.1 by a rounding."""
    one, bias = np.zeros((1, 1), np.float32), np.linspace(-40, 40, 161, dtype=np.float32)
    model = MatrixFactorization(one, np.zeros((161, 1), np.float32), one[0], bias, ends)
    predicted = model.scores(0)
    assert ends[0] <= predicted.min() < predicted.max() <= ends[1]
    assert predicted[[0, -1]] == pytest.approx(np.array(ends))
