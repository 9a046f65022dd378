"""How good the order of the recommended movies is: recall and NDCG at k, on held-out ratings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.recommender.model import RatingModel
from sim.recommender.ratings import Ratings

_USERS = 64  # at a time: bounds the memory


@dataclass(frozen=True, slots=True)
class Ranking:
    """Means over the users with at least one relevant movie; both measures are from 0 to 1."""

    recall: float
    ndcg: float
    k: int
    n_users: int
    """How many users the means are over."""


def ranking(
    model: RatingModel, train: Ratings, valid: Ratings, k: int = 10, liked: float = 4.0
) -> Ranking:
    """Recall@k and NDCG@k of the `k` movies that `model` puts first for each user.

    Relevant are the movies that the user rated `liked` or above in `valid`; to be ordered are all
    movies that the user has not rated in `train`, and of equal predictions the movie with the
    smaller index comes first (as in `recommend`). Recall is the share of a user's relevant movies
    among the first k. NDCG counts 1/log₂(1 + place) for each, divided by the most that this user
    could get: the first relevant movies in the first places. Source: Järvelin & Kekäläinen 2002.

    Most movies that a user would like were never rated by them, so both are small, and good only
    to compare models. Raises ValueError for k < 1, where users or movies are not those of the
    model, and where nobody has a relevant movie.
    """
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1.")
    sizes = {(part.n_users, part.n_movies) for part in (model, train, valid)}
    if len(sizes) > 1:
        raise ValueError("The model and the ratings must be of the same users and movies.")
    likes = valid.rating >= np.float32(liked)  # as float32, 0.9 is as large as a rating of 0.9
    gains = 1 / np.log2(np.arange(2, min(k, model.n_movies) + 2))
    most = np.cumsum(gains)
    seen, wanted = _Marks(train), _Marks(valid.take(np.flatnonzero(likes)))
    recalls, ndcgs = [], []
    for first in range(0, model.n_users, _USERS):
        users = np.arange(first, min(first + _USERS, model.n_users))
        rated = seen.table(users)
        relevant = wanted.table(users) & ~rated  # a movie rated in both is no candidate
        counts = relevant.sum(1)
        kept = counts > 0
        if kept.any():
            users, rated, relevant, counts = (x[kept] for x in (users, rated, relevant, counts))
            scores = model.order_table(users)
            scores[rated] = -np.inf
            hits = np.take_along_axis(relevant, _best(scores, len(gains)), axis=1)
            recalls.append(hits.sum(1) / counts)
            ndcgs.append(hits @ gains / most[np.minimum(counts, len(gains)) - 1])
    if not recalls:
        raise ValueError(
            f"No movie in valid, but not in train, is rated {liked} or above by the same user; "
            "choose a smaller liked."
        )
    recall, ndcg = np.concatenate(recalls), np.concatenate(ndcgs)
    return Ranking(float(recall.mean()), float(ndcg.mean()), k, len(recall))


class _Marks:
    """Which movies each user rated, as boolean rows for a few users at a time."""

    def __init__(self, ratings: Ratings) -> None:
        order = np.argsort(ratings.user, kind="stable")
        self._user, self._movie = ratings.user[order], ratings.movie[order]
        self._n_movies = ratings.n_movies

    def table(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(len(users), n_movies) for consecutive `users`."""
        first, last = np.searchsorted(self._user, [users[0], users[-1] + 1])
        marks = np.zeros((len(users), self._n_movies), dtype=bool)
        marks[self._user[first:last] - users[0], self._movie[first:last]] = True
        return marks


def _best(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """The columns of the k largest of each row, largest first, equals in the columns' order."""
    top = np.argpartition(scores, -k, axis=1)[:, -k:]
    least = np.take_along_axis(scores, top, axis=1).min(axis=1, keepdims=True)
    # argpartition takes any of the columns equal to the k-th: such rows are sorted outright
    tied = np.flatnonzero((scores >= least).sum(1) > k)
    top.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    top[tied] = np.argsort(-scores[tied], axis=1, kind="stable")[:, :k]
    return top
