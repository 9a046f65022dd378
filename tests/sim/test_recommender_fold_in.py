"""Folding in: the optimum against SciPy, recovery of known users, and users kept from training."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from sim.recommender import fit, movielens
from sim.recommender.fold_in import (
    UserVector,
    fold_in,
    predict_new,
    reasons,
    recommend_new,
    supports_fold_in,
)
from sim.recommender.model import MatrixFactorization
from sim.recommender.ratings import Ratings


def random_model(
    seed: int = 0, n: int = 60, k: int = 6, range_: tuple[float, float] = (0.0, 5.5)
) -> MatrixFactorization:
    rng = np.random.default_rng(seed)
    draw = [rng.normal(0.3, 0.5, size).astype(np.float32) for size in ((40, k), (n, k), 40, n)]
    return MatrixFactorization(draw[0], draw[1], draw[2], draw[3], range_)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 4, 30])
@pytest.mark.parametrize("penalty", [0.01, 0.2, 5.0])
def test_the_vector_is_the_optimum(seed: int, n: int, penalty: float) -> None:
    range_ = (0.0, 5.5) if seed % 2 else (-10.0, 30.0)
    model = random_model(seed, range_=range_)
    rng = np.random.default_rng(seed)
    movies = rng.choice(60, n, replace=False)
    ratings = rng.uniform(*range_, n)
    users = np.column_stack([model.user_factors, model.user_bias]).astype(float)
    mean, spread = users.mean(axis=0), users.var(axis=0).mean()

    def objective(x: np.ndarray) -> float:
        z = model.movie_factors[movies] @ x[:-1] + x[-1] + model.movie_bias[movies]
        low, high = range_
        error = low + (high - low) / (1 + np.exp(-z)) - ratings
        error *= 5.5 / (high - low)  # on the book's scale
        return float((error**2).sum() + penalty / spread * ((x - mean) ** 2).sum())

    vector = fold_in(model, movies, ratings, penalty)
    found = np.append(vector.factors, vector.bias)
    best = minimize(objective, found, method="BFGS", options={"gtol": 1e-9})
    assert objective(found) <= objective(mean) + 1e-9
    # a local optimum (sigmoid and squares are not convex): SciPy, begun there, finds nothing better
    assert objective(found) <= best.fun * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize(
    ("slope", "start"), [(200 / 9, -100 / 9), (0.02 / 9, -0.01 / 9), (-2.0, 1.0)]
)
def test_a_new_user_is_the_same_on_every_scale(slope: float, start: float) -> None:
    """Stretched ratings, and a model of them with the same weights: the same vector."""
    model, ratings = random_model(), [5, 0.5, 3, 4.5]
    ends = sorted((start, 5.5 * slope + start))
    other = replace(model, rating_range=tuple(ends))
    if slope < 0:  # high ratings for low ones: the weights turn their signs as well
        other = replace(
            other,
            user_bias=-model.user_bias,
            movie_bias=-model.movie_bias,
            user_factors=-model.user_factors,
        )
    movies = [4, 0, 59, 17]
    vector = fold_in(model, movies, ratings)
    theirs = fold_in(other, movies, slope * np.array(ratings) + start)
    sign = np.sign(slope)
    np.testing.assert_allclose(sign * theirs.factors, vector.factors, rtol=1e-4, atol=1e-6)
    assert sign * theirs.bias == pytest.approx(vector.bias, rel=1e-4)
    assert np.abs(vector.factors - model.user_factors.mean(axis=0)).max() > 0.05


def test_ratings_of_a_data_set_are_compared_as_they_were_written() -> None:
    """In float32 the mean of 0.1, 0.2 and 0.3 is above 0.2, and 0.3 is above the range's end."""
    given = np.float32([0.1, 0.2, 0.3])
    factors = np.ones((4, 2), np.float32)
    alike = MatrixFactorization(factors, factors, factors[:, 0], factors[:, 0], (0.1, 0.3))
    (film,) = reasons(alike, [3], [0, 1, 2], given, 3)
    assert [reason.movie for reason in film] == [1, 2]
    assert np.isfinite(fold_in(alike, [0, 1, 2], given).bias)


def test_a_user_of_the_model_is_found_again() -> None:
    model = random_model(n=300)
    movies = np.arange(300)
    for user in (0, 7, 39):
        vector = fold_in(model, movies, model.scores(user), 1e-6)
        np.testing.assert_allclose(vector.factors, model.user_factors[user], atol=1e-4)
        assert vector.bias == pytest.approx(model.user_bias[user], abs=1e-4)


def test_without_ratings_it_is_the_average_user() -> None:
    model = random_model()
    vector = fold_in(model, np.array([], int), [])
    np.testing.assert_allclose(vector.factors, model.user_factors.mean(axis=0), atol=1e-6)
    assert vector.bias == pytest.approx(model.user_bias.mean(), abs=1e-6)
    strong = fold_in(model, [1, 2], [5, 1], 1e9)
    np.testing.assert_allclose(strong.factors, vector.factors, atol=1e-5)


def test_ratings_at_the_ends_stay_finite() -> None:
    model = random_model()
    for rating in (0.0, 5.5):
        vector = fold_in(model, np.arange(60), np.full(60, rating), 1e-9)
        assert np.isfinite(vector.factors).all()
        assert np.abs(predict_new(model, vector, np.arange(60)) - rating).max() < 0.5
    same = np.zeros((3, 2), np.float32)  # users that do not differ at all
    flat = MatrixFactorization(same, same, same[:, 0], same[:, 0])
    assert np.isfinite(fold_in(flat, [0], [4]).bias)


def test_recommendations_are_those_of_a_user_in_the_model() -> None:
    model = random_model()
    vector = UserVector(model.user_factors[3].astype(float), float(model.user_bias[3]))
    for new, old in zip(
        recommend_new(model, vector, 5, [1, 2]), model.recommend(3, 5, [1, 2]), strict=True
    ):
        np.testing.assert_array_equal(new, old)
    movies = np.array([4, 0, 59])
    np.testing.assert_allclose(
        predict_new(model, vector, movies), model.predict([3, 3, 3], movies), rtol=1e-6
    )


def test_reasons_are_the_nearest_liked_films() -> None:
    factors = np.array([[1, 0], [2, 0.1], [0, 1], [-1, 0], [1, 1], [0.1, 0]], np.float32)
    model = MatrixFactorization(factors, factors, factors[:, 0], factors[:, 0])
    found = reasons(model, [0, 3, 4], [1, 2, 5, 4], [5, 4, 1, 4])  # 5 is not liked; 4 was seen
    assert [[reason.movie for reason in film] for film in found] == [[1, 4], [], [1, 2]]
    assert found[0][0].similarity == pytest.approx(2 / np.hypot(2, 0.1))
    assert found[2][1].similarity == pytest.approx(0.5**0.5)
    assert [len(film) for film in reasons(model, [0], [1, 2, 4], [3, 3, 3], n=1)] == [1]
    assert reasons(model, [0, 1], np.array([], int), []) == ((), ())


@pytest.mark.parametrize(
    ("movies", "ratings", "penalty", "says"),
    [
        ([0, 1], [3], 0.2, "one rating for each movie"),
        ([0.5], [3], 0.2, "not an integer"),
        ([60], [3], 0.2, "out of range; they run to 59"),
        ([-1], [3], 0.2, "out of range"),
        ([4, 4], [3, 2], 0.2, "rated twice"),
        ([4], [5.6], 0.2, "A rating is out of range; they run from 0 to 5.5"),
        ([4], [float("nan")], 0.2, "A rating is out of range"),
        ([4], [3], 0.0, "penalty is 0.0; it must be above 0"),
        ([4], [3], float("nan"), "penalty is nan"),
    ],
)
def test_bad_arguments_are_sentences(
    movies: list[int], ratings: list[float], penalty: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        fold_in(random_model(), movies, ratings, penalty)


def test_other_models_say_so() -> None:
    class Other:
        pass

    assert supports_fold_in(random_model())
    assert not supports_fold_in(Other())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be folded into Other"):
        fold_in(Other(), [0], [3])  # type: ignore[arg-type]


def test_users_kept_from_training_are_predicted_well_and_at_once() -> None:
    ratings = movielens()
    rng = np.random.default_rng(0)
    order = rng.permutation(ratings.n_users)
    renumbered = np.argsort(order)  # the last 100 users are kept from training
    everyone = Ratings(
        renumbered[ratings.user],
        ratings.movie,
        ratings.rating,
        ratings.titles,
        ratings.genres,
        tuple(ratings.user_ids[u] for u in order),
        ratings.movie_ids,
    )
    n_known = ratings.n_users - 100
    rows = rng.permutation(np.flatnonzero(everyone.user < n_known))
    cut = len(rows) // 10
    known = Ratings(
        everyone.user[rows],
        everyone.movie[rows],
        everyone.rating[rows],
        everyone.titles,
        everyone.genres,
        everyone.user_ids[:n_known],
        everyone.movie_ids,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train, valid = known.take(np.arange(cut, len(rows))), known.take(np.arange(cut))
        model = fit(train, valid, device="cpu").model
    finally:
        torch.set_num_threads(threads)
    assert isinstance(model, MatrixFactorization)

    mean = known.rating.mean()
    counts = np.bincount(known.movie, minlength=known.n_movies)
    sums = np.bincount(known.movie, weights=known.rating, minlength=known.n_movies)
    films = (sums + 5 * mean) / (counts + 5)  # five ratings at the mean steady the rare films
    losses: dict[str, list[float]] = {"mean": [], "films": [], "offset": [], "folded": []}
    spent = []
    for user in range(n_known, ratings.n_users):
        own = rng.permutation(np.flatnonzero(everyone.user == user))
        given, rest = own[:10], own[10:]
        movie, rating = everyone.movie[given], everyone.rating[given]
        began = time.thread_time()
        vector = fold_in(model, movie, rating)
        spent.append(time.thread_time() - began)
        offset = (rating - films[movie]).sum() / (len(given) + 3)
        guesses = {
            "mean": mean,
            "films": films[everyone.movie[rest]],
            "offset": films[everyone.movie[rest]] + offset,
            "folded": predict_new(model, vector, everyone.movie[rest]),
        }
        for name, guess in guesses.items():
            losses[name].append(float(((guess - everyone.rating[rest]) ** 2).mean()))
    loss = {name: float(np.mean(values)) for name, values in losses.items()}
    # mean 1.068, films 0.927, the film's and the user's offset 0.833, folded 0.820 when measured
    assert loss["folded"] < loss["offset"] - 0.005
    assert loss["offset"] < loss["films"] < loss["mean"]
    assert loss["folded"] < 0.9 * loss["films"]
    assert np.median(spent) < 0.02
