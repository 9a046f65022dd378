"""Finished models, without torch: what every one of them can say, and matrix factorisation."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


class RatingModel(ABC):
    """What every finished model can say. Users and movies are numbered from 0.

    Methods raise ValueError where an index is out of range.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def n_users(self) -> int:
        """Number of users."""

    @property
    @abstractmethod
    def n_movies(self) -> int:
        """Number of movies."""

    @property
    @abstractmethod
    def rating_range(self) -> tuple[float, float]:
        """(low, high): predictions lie between these."""

    @abstractmethod
    def score_table(self, users: ArrayLike) -> NDArray[np.float64]:
        """Predicted ratings of every movie by some users, shape (len(users), n_movies)."""

    @abstractmethod
    def _predict(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predicted ratings for pairs of checked indices, both (n,)."""

    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """Numbers that put the movies into the order of `score_table`, often at less cost.

        A new array of that shape, which the caller may change.
        """
        return self.score_table(users)

    def predict(self, user: ArrayLike, movie: ArrayLike) -> NDArray[np.float64]:
        """Predicted ratings, shape (n,), for the pairs of `user` and `movie` indices, each (n,)."""
        users = _indices(user, self.n_users, "user")
        movies = _indices(movie, self.n_movies, "movie")
        users, movies = np.broadcast_arrays(users, movies)
        predicted = self._predict(users.ravel(), movies.ravel())
        return predicted.reshape(users.shape)

    def scores(self, user: int) -> NDArray[np.float64]:
        """Predicted ratings of every movie by one user, shape (n_movies,)."""
        scores: NDArray[np.float64] = self.score_table([user])[0]
        return scores

    def recommend(
        self, user: int, n: int = 10, exclude: Iterable[int] = ()
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The `n` movies with the highest predicted rating, best first, and those ratings.

        Movies in `exclude` (those already seen, say) are left out, so fewer than `n` may come
        back. Of two equal predictions the movie with the smaller index comes first.
        """
        if n < 0:
            raise ValueError(f"n is {n}; it must be 0 or more.")
        scores = self.scores(user)
        seen = np.fromiter(exclude, dtype=np.int64)
        allowed = np.ones(self.n_movies, dtype=bool)
        allowed[_indices(seen, self.n_movies, "movie")] = False
        movies = np.flatnonzero(allowed)
        order = np.argsort(-scores[movies], kind="stable")[:n]
        return movies[order], scores[movies[order]]

    def _users(self, users: ArrayLike) -> NDArray[np.int64]:
        return np.atleast_1d(_indices(users, self.n_users, "user"))


class SigmoidModel(RatingModel):
    """Predicts low + (high − low) · sigmoid(z), for rating_range = (low, high); a model says z."""

    __slots__ = ()

    @abstractmethod
    def _logits(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.floating]:
        """z for pairs of checked indices, both (n,)."""

    @abstractmethod
    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """z for every movie and some users, shape (len(users), n_movies)."""

    def score_table(self, users: ArrayLike) -> NDArray[np.float64]:
        """Predicted ratings of every movie by some users, shape (len(users), n_movies)."""
        return self._squash(self.order_table(users))

    def _predict(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._squash(self._logits(users, movies))

    def _squash(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        low, high = self.rating_range
        # tanh form of the sigmoid: no overflow however large |z| is
        predicted = low + (high - low) * (0.5 + 0.5 * np.tanh(0.5 * z.astype(np.float64)))
        return np.minimum(predicted, high)  # −3 + (0.1 + 3) is above 0.1 by a rounding


@dataclass(frozen=True, slots=True, eq=False)
class MatrixFactorization(SigmoidModel):
    """z = u·v + b_u + b_m, for a user's and a movie's factors and their biases.

    `user_factors` is (n_users, k), `movie_factors` (n_movies, k), `user_bias` (n_users,) and
    `movie_bias` (n_movies,); `rating_range` is (low, high). Raises ValueError where these do not
    fit together. Source: fastai's DotProductBias, Howard & Gugger, "Deep Learning for Coders
    with fastai and PyTorch", chapter 8.
    """

    user_factors: NDArray[np.float32]
    movie_factors: NDArray[np.float32]
    user_bias: NDArray[np.float32]
    movie_bias: NDArray[np.float32]
    rating_range: tuple[float, float] = (0.0, 5.5)

    def __post_init__(self) -> None:
        check_factors(self.user_factors, self.movie_factors)
        if self.user_bias.shape != (self.n_users,) or self.movie_bias.shape != (self.n_movies,):
            raise ValueError("There must be one bias for each user and one for each movie.")

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.user_factors.shape[0])

    @property
    def n_movies(self) -> int:
        """Number of movies."""
        return int(self.movie_factors.shape[0])

    def _logits(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.floating]:
        dot = np.einsum("nk,nk->n", self.user_factors[users], self.movie_factors[movies])
        return np.asarray(dot + self.user_bias[users] + self.movie_bias[movies])

    def order_table(self, users: ArrayLike) -> NDArray[np.floating]:
        """z for every movie and some users, shape (len(users), n_movies)."""
        index = self._users(users)
        table = self.user_factors[index] @ self.movie_factors.T
        table += self.user_bias[index, None]
        table += self.movie_bias
        return table


def check_factors(user_factors: NDArray[np.float32], movie_factors: NDArray[np.float32]) -> None:
    """ValueError unless these are matrices with equally many columns."""
    if user_factors.ndim != 2 or movie_factors.ndim != 2:
        raise ValueError("The factors must be matrices with one row per user or movie.")
    if user_factors.shape[1] != movie_factors.shape[1]:
        raise ValueError(
            f"Users have {user_factors.shape[1]} factors and movies "
            f"{movie_factors.shape[1]}; both must have the same number."
        )


def _indices(values: ArrayLike, count: int, what: str) -> NDArray[np.int64]:
    indices = np.asarray(values)
    if indices.size and not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"A {what} index is not an integer: {indices.dtype}.")
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        raise ValueError(f"A {what} index is out of range; they run from 0 to {count - 1}.")
    return indices.astype(np.int64)
