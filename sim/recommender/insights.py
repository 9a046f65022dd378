"""What a trained recommender has learnt about films: liking, likeness, a map; and finding them."""

import math
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.recommender.model import RatingModel
from sim.recommender.ratings import Ratings, as_written, kept_with_them

_ARTICLES = (
    "the|a|an|la|le|les|l'|los|las|el|il|lo|gli|i|der|die|das|den|det|de|een|un|une|una|o|os|as"
)
# "Matrix, The (1999)": the article is at the end, or before a bracket
_MOVED = re.compile(rf"^(.+?), ({_ARTICLES})(?= \(| *$)", re.MULTILINE)
_ACCENTS = re.compile("[\u0300-\u036f\u3099\u309a]+")  # as NFKD leaves them behind their letters
_BETWEEN = re.compile(r"[^\w\n]+|_")
_LEADING = re.compile(r"^(the|a|an) ")


@dataclass(frozen=True, slots=True)
class Film:
    """A film in a ranking: its number, its bias in the model, its mean rating and their count."""

    movie: int
    bias: float
    mean: float
    count: int


@dataclass(frozen=True, slots=True)
class MostLiked:
    """The best films by the model's bias and, for comparison, by their mean rating; best first."""

    by_bias: tuple[Film, ...]
    by_mean: tuple[Film, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FactorMap:
    """The most rated films, placed by the two directions in which their factors differ most."""

    movies: NDArray[np.int64]
    """Their numbers, shape (n,), the most rated one first."""
    positions: NDArray[np.float64]
    """Their coordinates, shape (n, 2), about the mean (0, 0)."""
    explained: tuple[float, float]
    """The share of the factors' variance that lies along each coordinate."""
    genres: tuple[str, ...]
    """One genre per film, for its colour ("" where none applies)."""
    titles: tuple[str, ...]


def movie_factors(model: RatingModel) -> NDArray[np.float32]:
    """The model's factors of each movie, (n_movies, k); ValueError where it has none."""
    factors = getattr(model, "movie_factors", None)
    if factors is None:
        raise ValueError(
            f"{type(model).__name__} has no factors of movies; choose a model such as "
            "MatrixFactorization."
        )
    return np.asarray(factors)


def most_liked(model: RatingModel, ratings: Ratings, n: int = 10) -> MostLiked:
    """The `n` films that are liked best, told in two ways; only films rated in `ratings`.

    The bias is what the model adds to a film whoever watches it: liked beyond what the tastes of
    those who rated it explain, and shrunk where few did. The mean has neither; of equal means the
    film with more ratings comes first. Source: Howard & Gugger, chapter 8, "Interpreting
    Embeddings and Biases". Raises ValueError where the model has no bias of movies.
    """
    bias = getattr(model, "movie_bias", None)
    if bias is None:
        raise ValueError(f"{type(model).__name__} has no bias of movies.")
    _check(model, ratings)
    counts, means = _counts_and_means(ratings)
    rated = np.flatnonzero(counts)

    def films(order: NDArray[np.int64]) -> tuple[Film, ...]:
        chosen = rated[order[:n]]
        return tuple(
            Film(int(m), float(b), float(means[m]), int(counts[m]))
            for m, b in zip(chosen, as_written(bias[chosen]), strict=True)
        )

    return MostLiked(
        films(np.lexsort((rated, -bias[rated]))),
        films(np.lexsort((rated, -counts[rated], -means[rated]))),
    )


@kept_with_them
def _counts_and_means(ratings: Ratings) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The number of ratings of each film and their mean, to nine digits of the largest rating."""
    counts = np.bincount(ratings.movie, minlength=ratings.n_movies)
    sums = np.bincount(ratings.movie, as_written(ratings.rating), minlength=ratings.n_movies)
    largest = float(np.abs(ratings.rating).max(initial=0))
    digits = 8 - math.floor(math.log10(largest)) if largest else 0
    # rounded, (0.1 + 0.7) / 2 is equal to 0.4
    return counts, np.round(sums / np.maximum(counts, 1), digits)


def unit_rows(factors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each row scaled to length 1, so that products of rows are cosines; a row of zeros stays."""
    rows = factors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def similar(
    model: RatingModel, movie: int, n: int = 10, among: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `n` films whose factors point most nearly the way of `movie`'s, and their cosines.

    Nearest first, without `movie` itself; of equal ones the smaller number. `among` holds the
    films to choose from (default all): factors of a film with few ratings say little, and with
    `well_known` those are left out. Source: Howard & Gugger, chapter 8, "Embedding Distance".
    Raises ValueError where `movie` is out of range.
    """
    factors = movie_factors(model)
    if not 0 <= movie < len(factors):
        raise ValueError(f"movie is {movie}; it must be from 0 to {len(factors) - 1}.")
    others = np.arange(len(factors)) if among is None else np.unique(np.asarray(among, np.int64))
    others = others[others != movie]
    cosines = unit_rows(factors[others]) @ unit_rows(factors[[movie]])[0]
    order = np.argsort(-cosines, kind="stable")[:n]
    return others[order], cosines[order].clip(-1, 1)


def factor_map(model: RatingModel, ratings: Ratings, n_films: int = 300) -> FactorMap:
    """The `n_films` most rated films by the first two principal components of their factors.

    The components are those of these films' centred factors, by singular value decomposition;
    each one's sign is such that its largest weight is positive, so the picture does not flip.
    Raises ValueError for a model without factors, with fewer than two of them, or for fewer than
    three films.
    """
    factors = movie_factors(model)
    _check(model, ratings)
    movies = well_known(ratings, n_films)
    if factors.shape[1] < 2 or len(movies) < 3:
        raise ValueError(
            f"A map needs at least 2 factors and 3 rated films; there are {factors.shape[1]} "
            f"and {len(movies)}."
        )
    chosen = factors[movies].astype(np.float64)
    centred = chosen - chosen.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    axes = directions[:2]
    axes = axes * np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])[:, None]
    shares = sizes**2 / max(float((sizes**2).sum()), np.finfo(float).tiny)
    return FactorMap(
        movies,
        centred @ axes.T,
        (float(shares[0]), float(shares[1])),
        main_genres(ratings, movies),
        tuple(ratings.titles[movie] for movie in movies),
    )


def main_genres(ratings: Ratings, movies: NDArray[np.int64], n_genres: int = 7) -> tuple[str, ...]:
    """One genre for each of `movies`, out of the `n_genres` that are most frequent among them.

    Of several the rarest one, which says most: a film is "Drama" where it is nothing more special.
    "" where a film has none of these.
    """
    lists = [ratings.genres[movie] for movie in movies]
    names, counts = np.unique([name for genres in lists for name in genres], return_counts=True)
    order = np.lexsort((names, -counts))[:n_genres]
    rank = {str(names[place]): i for i, place in enumerate(order)}
    return tuple(
        max((name for name in genres if name in rank), key=rank.__getitem__, default="")
        for genres in lists
    )


def well_known(ratings: Ratings, n: int = 50) -> NDArray[np.int64]:
    """The numbers of the `n` films with the most ratings, most first; only films with any."""
    counts = np.bincount(ratings.movie, minlength=ratings.n_movies)
    return np.argsort(-counts, kind="stable")[: min(n, int((counts > 0).sum()))]


def search_titles(ratings: Ratings, query: str, n: int = 10) -> NDArray[np.int64]:
    """The numbers of the films whose titles fit `query`, at most `n`, best first.

    Case, accents and punctuation do not count, nor whether an article stands before the title or
    behind it ("Matrix, The"). Titles that begin with the query come before those that hold all of
    its words somewhere; among equals the film with more ratings comes first. An empty query fits
    every title.
    """
    (wanted,) = _plain((query,))
    if query.strip() and not wanted:
        return np.empty(0, np.int64)
    words = wanted.split()
    titles = _plain_titles(ratings)
    holds = [all(word in title for word in words) for title in titles]
    movies = np.flatnonzero(holds)
    begins = [f"\n{wanted}" in titles[movie] for movie in movies]
    counts = np.bincount(ratings.movie, minlength=ratings.n_movies)[movies]
    return movies[np.lexsort((movies, -counts, np.logical_not(begins)))[:n]]


@kept_with_them
def _plain_titles(ratings: Ratings) -> tuple[str, ...]:
    """Each title with and without its leading article, a line break before both."""
    return tuple(f"\n{title}\n{_LEADING.sub('', title)}" for title in _plain(ratings.titles))


def _plain(titles: tuple[str, ...]) -> list[str]:
    """Titles for comparing: lower case, no accents, no punctuation, the article in front."""
    # as one text: a call of each step for each of ten thousand titles takes far longer
    text = "\n".join(titles)
    if text.count("\n") != len(titles) - 1:
        text = "\n".join(" ".join(title.split()) for title in titles)
    text = text.casefold()
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    text = _MOVED.sub(r"\2 \1", text)
    return [line.strip() for line in _BETWEEN.sub(" ", text).split("\n")]


def _check(model: RatingModel, ratings: Ratings) -> None:
    if model.n_movies != ratings.n_movies:
        raise ValueError(
            f"The model knows {model.n_movies} movies and the ratings {ratings.n_movies}; "
            "they must be of the same data."
        )
