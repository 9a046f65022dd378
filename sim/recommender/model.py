"""Matrix factorisation as a finished model: what it predicts and what it recommends."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class MatrixFactorization:
    """Predicts low + (high − low) · sigmoid(u·v + b_u + b_m) for a user's and a movie's factors.

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
        if self.user_factors.ndim != 2 or self.movie_factors.ndim != 2:
            raise ValueError("The factors must be matrices with one row per user or movie.")
        if self.user_factors.shape[1] != self.movie_factors.shape[1]:
            raise ValueError(
                f"Users have {self.user_factors.shape[1]} factors and movies "
                f"{self.movie_factors.shape[1]}; both must have the same number."
            )
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

    def predict(self, user: ArrayLike, movie: ArrayLike) -> NDArray[np.float64]:
        """Predicted ratings, shape (n,), for the pairs of `user` and `movie` indices, each (n,).

        Raises ValueError where an index is out of range.
        """
        users = _indices(user, self.n_users, "user")
        movies = _indices(movie, self.n_movies, "movie")
        dot = np.einsum("...k,...k->...", self.user_factors[users], self.movie_factors[movies])
        return self._squash(dot + self.user_bias[users] + self.movie_bias[movies])

    def scores(self, user: int) -> NDArray[np.float64]:
        """Predicted ratings of every movie by one user, shape (n_movies,)."""
        index = int(_indices(user, self.n_users, "user"))
        dot = self.movie_factors @ self.user_factors[index]
        return self._squash(dot + self.user_bias[index] + self.movie_bias)

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

    def _squash(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        low, high = self.rating_range
        # tanh form of the sigmoid: no overflow however large |z| is
        return low + (high - low) * (0.5 + 0.5 * np.tanh(0.5 * z.astype(np.float64)))


def _indices(values: ArrayLike, count: int, what: str) -> NDArray[np.int64]:
    indices = np.asarray(values)
    if indices.size and not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"A {what} index is not an integer: {indices.dtype}.")
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        raise ValueError(f"A {what} index is out of range; they run from 0 to {count - 1}.")
    return indices.astype(np.int64)
