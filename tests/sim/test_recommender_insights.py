"""Rankings, likeness and the map against plain Python and scikit-learn; the search by example."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

from sim.recommender.insights import (
    factor_map,
    main_genres,
    most_liked,
    movie_factors,
    search_titles,
    similar,
    well_known,
)
from sim.recommender.model import MatrixFactorization
from sim.recommender.ratings import Ratings, movielens

Model = tuple[MatrixFactorization, Ratings]


def random_model(ratings: Ratings, k: int = 8, seed: int = 0) -> MatrixFactorization:
    rng = np.random.default_rng(seed)
    shapes = (ratings.n_users, k), (ratings.n_movies, k), ratings.n_users, ratings.n_movies
    u, v, bu, bv = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return MatrixFactorization(u, v * np.arange(1, k + 1, dtype=np.float32), bu, bv)


def titled(titles: list[str], counts: list[int] | None = None) -> Ratings:
    counts = counts or [1] * len(titles)
    movie = np.repeat(np.arange(len(titles)), counts)
    ids = tuple(map(str, range(len(titles))))
    ones = np.ones(len(movie), np.float32)
    return Ratings(movie * 0, movie, ones, tuple(titles), ((),) * len(ids), ("u",), ids)


@pytest.fixture(scope="module")
def small() -> Model:
    """300 ratings of 40 films; the last two films have none."""
    rng = np.random.default_rng(3)
    user, movie = rng.integers(12, size=300), rng.integers(38, size=300)
    rating = rng.integers(1, 11, size=300).astype(np.float32) / 2
    movies, users = tuple(map(str, range(40))), tuple(map(str, range(12)))
    genres = tuple(tuple("ABCDE"[: 1 + i % 5]) if i % 7 else () for i in range(40))
    ratings = Ratings(user, movie, rating, movies, genres, users, movies)
    return random_model(ratings), ratings


def test_most_liked_is_told_in_two_ways(small: Model) -> None:
    model, ratings = small
    given: dict[int, list[float]] = {}
    for movie, rating in zip(ratings.movie.tolist(), ratings.rating.tolist(), strict=True):
        given.setdefault(movie, []).append(rating)
    mean = {movie: math.fsum(values) / len(values) for movie, values in given.items()}
    liked = most_liked(model, ratings, 10)
    by_bias = sorted(given, key=lambda m: (-model.movie_bias[m], m))
    by_mean = sorted(given, key=lambda m: (-mean[m], -len(given[m]), m))
    assert [film.movie for film in liked.by_bias] == by_bias[:10]
    assert [film.movie for film in liked.by_mean] == by_mean[:10]
    for film in (*liked.by_bias, *liked.by_mean):
        assert film.bias == model.movie_bias[film.movie]
        assert film.mean == pytest.approx(mean[film.movie])
        assert film.count == len(given[film.movie])
    assert len(most_liked(model, ratings, 99).by_mean) == len(given) <= 38


def test_of_equal_means_the_film_with_more_ratings_comes_first() -> None:
    ratings = titled(["a", "b", "c", "d"], [1, 3, 2, 3])
    assert [f.movie for f in most_liked(random_model(ratings), ratings).by_mean] == [1, 3, 2, 0]


def test_means_in_tenths_are_equal_where_they_are() -> None:
    """In float32, and even in float64, the mean of 0.1 and 0.7 is not 0.4."""
    ratings = titled(["a", "b", "c"], [1, 2, 3])
    rating = np.float32([0.4, 0.1, 0.7, 0.3, 0.4, 0.5])
    ratings = replace(ratings, rating=rating)
    films = most_liked(random_model(ratings), ratings).by_mean
    assert [(film.movie, film.mean) for film in films] == [(2, 0.4), (1, 0.4), (0, 0.4)]
    assert all(len(f"{film.bias}") <= 13 for film in films), "no more digits than float32 has"


def test_similar_is_the_cosine(small: Model) -> None:
    model, _ = small
    table = cosine_similarity(model.movie_factors.astype(float))
    for movie in (0, 17, 39):
        movies, cosines = similar(model, movie, 12)
        expected = [m for m in np.argsort(-table[movie], kind="stable") if m != movie][:12]
        assert movies.tolist() == expected
        np.testing.assert_allclose(cosines, table[movie, expected], rtol=1e-9)
        few, _ = similar(model, movie, 3, among=[5, 5, 0, 39, 17, 8])
        others = [m for m in np.argsort(-table[movie], kind="stable") if m in {5, 0, 39, 17, 8}]
        assert few.tolist() == [m for m in others if m != movie][:3]
    assert len(similar(model, 0, 99)[0]) == 39


def test_a_film_without_factors_of_its_own_is_like_none() -> None:
    factors = np.array([[0, 0], [1, 0], [1e-30, 0], [1e30, 1e30]], np.float32)
    model = MatrixFactorization(factors, factors, factors[:, 0], factors[:, 0])
    assert similar(model, 0)[1].tolist() == [0, 0, 0]
    movies, cosines = similar(model, 1)
    assert movies.tolist() == [2, 3, 0]
    np.testing.assert_allclose(cosines, [1, 0.5**0.5, 0], rtol=1e-6)


def test_the_map_is_principal_components(small: Model) -> None:
    model, ratings = small
    films = factor_map(model, ratings, 25)
    assert films.movies.tolist() == well_known(ratings, 25).tolist()
    pca = PCA(2, svd_solver="full").fit(model.movie_factors[films.movies].astype(float))
    expected = pca.transform(model.movie_factors[films.movies].astype(float))
    np.testing.assert_allclose(films.positions, expected, atol=1e-9)  # the signs are the same too
    np.testing.assert_allclose(films.explained, pca.explained_variance_ratio_, rtol=1e-9)
    assert films.titles == tuple(ratings.titles[m] for m in films.movies)
    assert films.genres == main_genres(ratings, films.movies)


def test_the_map_does_not_flip(small: Model) -> None:
    model, ratings = small
    turned = MatrixFactorization(
        model.user_factors[:, ::-1],
        model.movie_factors[:, ::-1],
        model.user_bias,
        model.movie_bias,
    )
    first, second = factor_map(model, ratings), factor_map(turned, ratings)
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-6)


def test_equal_films_make_a_map_of_one_point() -> None:
    ratings = titled(["a", "b", "c"])
    same = np.ones((3, 2), np.float32)
    films = factor_map(MatrixFactorization(same[:1], same, same[0, :1], same[:, 0]), ratings)
    assert films.explained == (0, 0)
    assert not films.positions.any()


def test_the_main_genre_is_the_one_that_says_most() -> None:
    genres = (("Drama", "War"), ("Drama",), ("Drama", "Film-Noir"), ("War", "Drama"), ())
    base = titled(["a"] * 5)
    ratings = Ratings(
        base.user, base.movie, base.rating, base.titles, genres, base.user_ids, base.movie_ids
    )
    every = np.arange(5)
    assert main_genres(ratings, every) == ("War", "Drama", "Film-Noir", "War", "")
    assert main_genres(ratings, every, 2) == ("War", "Drama", "Drama", "War", "")
    assert main_genres(ratings, every[4:]) == ("",)


def test_well_known_films_have_the_most_ratings() -> None:
    ratings = titled(["a", "b", "c", "d"], [2, 0, 5, 2])
    assert well_known(ratings, 9).tolist() == [2, 0, 3]
    assert well_known(ratings, 1).tolist() == [2]


TITLES = [
    "Matrix, The (1999)",
    "Matrix Reloaded, The",
    "Animatrix, The",
    "The Matrix Revisited",
    "Léon: The Professional",
    "Cité des enfants perdus, La",
    "Spider-Man",
    "霸王别姬",
    "Good, the Bad and the Ugly, The",
    "Théâtre (1990)",
    "Über, Die",
    "two\nlines",
]
COUNTS = [9, 3, 20, 5, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("matrix", [0, 3, 1, 2]),  # those that begin so, by ratings, and then the others
        ("the matrix", [0, 3, 1, 2]),
        ("Matrix, The", [0, 3, 1, 2]),
        ("  MATRIX  ", [0, 3, 1, 2]),
        ("matrix the 1999", [0]),
        ("reloaded matrix", [1]),
        ("leon", [4]),
        ("LÉON the prof", [4]),
        ("la cite", [5]),
        ("cité des", [5]),
        ("spider man", [6]),
        ("spider-man!", [6]),
        ("王别", [7]),
        ("the good, the bad", [8]),
        ("good the bad", [8]),
        ("theatre", [9]),
        ("die uber", [10]),
        ("two lines", [11]),
        ("no such film", []),
        ("(", []),
        ("[a-z", []),
    ],
)
def test_titles_are_found(query: str, expected: list[int]) -> None:
    assert search_titles(titled(TITLES, COUNTS), query).tolist() == expected


def test_an_empty_query_fits_all() -> None:
    ratings = titled(TITLES, COUNTS)
    assert search_titles(ratings, " ", 3).tolist() == [2, 0, 3]
    assert len(search_titles(ratings, "", 99)) == len(TITLES)
    assert search_titles(titled([""]), "a").tolist() == []


def test_every_film_is_found_by_its_own_title() -> None:
    ratings = movielens()
    for movie in range(0, ratings.n_movies, 450):
        title = ratings.titles[movie]
        found = search_titles(ratings, title, 50).tolist()
        assert any(ratings.titles[m] == title for m in found), title


def test_bad_arguments_are_sentences(small: Model) -> None:
    model, ratings = small
    with pytest.raises(ValueError, match=r"movie is 40; it must be from 0 to 39\."):
        similar(model, 40)
    with pytest.raises(ValueError, match="movie is -1"):
        similar(model, -1)
    with pytest.raises(ValueError, match="knows 40 movies and the ratings 4;"):
        most_liked(model, titled(["a"] * 4))
    with pytest.raises(ValueError, match="at least 2 factors and 3 rated films; there are 8 and 2"):
        factor_map(model, ratings, 2)

    class Other:
        n_movies = 40

    for ask in (
        lambda: movie_factors(Other()),  # type: ignore[arg-type]
        lambda: similar(Other(), 0),  # type: ignore[arg-type]
        lambda: factor_map(Other(), ratings),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="Other has no factors of movies"):
            ask()
    with pytest.raises(ValueError, match="Other has no bias of movies"):
        most_liked(Other(), ratings)  # type: ignore[arg-type]


def test_all_of_it_is_quick_on_the_bundled_ratings() -> None:
    ratings = movielens()
    model = random_model(ratings, 50)
    search_titles(ratings, "warm")  # the titles are made ready once
    asks: dict[str, Callable[[], object]] = {
        "most_liked": lambda: most_liked(model, ratings),
        "similar": lambda: similar(model, 0),
        "factor_map": lambda: factor_map(model, ratings),
        "search": lambda: search_titles(ratings, "the"),
        "well_known": lambda: well_known(ratings),
    }
    for name, ask in asks.items():
        spent = []
        for _ in range(5):
            began = time.thread_time()  # a busy machine does not count
            ask()
            spent.append(time.thread_time() - began)
        assert min(spent) < 0.03, (name, spent)


def test_nothing_is_kept_of_ratings_that_are_gone(small: Model) -> None:
    model, ratings = small
    others = replace(ratings)
    most_liked(model, others)
    search_titles(others, "film")
    gone = ref(others)
    del others
    assert gone() is None
