"""The mean of several models, as a model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.recommender.model import RatingModel


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble(RatingModel):
    """Predicts the mean of its `members`' predictions; ValueError unless they fit together."""

    members: tuple[RatingModel, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("An ensemble needs at least one member.")
        if len({(m.n_users, m.n_movies, m.rating_range) for m in self.members}) > 1:
            raise ValueError("All members must be of the same users, movies and rating range.")

    @property
    def rating_range(self) -> tuple[float, float]:
        """(low, high), of all members."""
        return self.members[0].rating_range

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.members[0].n_users

    @property
    def n_movies(self) -> int:
        """Number of movies."""
        return self.members[0].n_movies

    def score_table(self, users: ArrayLike) -> NDArray[np.float64]:
        """Predicted ratings of every movie by some users, shape (len(users), n_movies)."""
        return np.asarray(np.mean([member.score_table(users) for member in self.members], axis=0))

    def _predict(self, users: NDArray[np.int64], movies: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(np.mean([member.predict(users, movies) for member in self.members], 0))
