"""A new user without retraining: fit one vector to a few ratings, the movies standing still.

The new user's factors and bias, together x, minimise

    Σ (c · (prediction − rating))² + penalty · ‖x − m‖² / s²,    c = 5.5 / (high − low)

where m is the mean of the trained users' vectors and s² the mean variance of an entry of them. So
the new user is taken for an average one until the ratings say otherwise, and `penalty` means the
same for every model, whatever the size of its factors, and on every scale of ratings: as in
training (see `networks`), c stretches them to a range of the book's length, 5.5. This is the step
for users in alternating least squares, through the sigmoid; source: Koren, Bell & Volinsky 2009,
"Matrix Factorization Techniques for Recommender Systems", section "Learning algorithms".
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.recommender.insights import movie_factors, unit_rows
from sim.recommender.model import MatrixFactorization, RatingModel
from sim.recommender.ratings import as_written
from sim.recommender.rules import BOOK_SPAN

PENALTY = 0.2
"""The best for users kept out of training, with 3 to 100 ratings each (flat from 0.1 to 0.4)."""

_MOST_STEPS = 100
_TOLERANCE = 1e-9  # of the objective, relative: far below what a prediction shows


@dataclass(frozen=True, slots=True, eq=False)
class UserVector:
    """A user's factors, shape (k,), and bias, on the scale of the model they were fitted to."""

    factors: NDArray[np.float64]
    bias: float


@dataclass(frozen=True, slots=True)
class Reason:
    """A film that the user rated highly, and the cosine of its factors with the recommended one."""

    movie: int
    similarity: float


def supports_fold_in(model: RatingModel) -> bool:
    """Whether `fold_in` can take a new user into this model: the product of factors, so far."""
    return isinstance(model, MatrixFactorization)


def fold_in(
    model: RatingModel, movies: ArrayLike, ratings: ArrayLike, penalty: float = PENALTY
) -> UserVector:
    """The vector of a new user who gave `movies`, shape (n,), the `ratings`, shape (n,).

    n may be 0: then it is the average user's. Found by the Gauss–Newton method from there on.
    Raises ValueError for another model than MatrixFactorization, for movies out of range or rated
    twice, ratings outside the model's range, and a penalty that is not above 0.
    """
    if not isinstance(model, MatrixFactorization):
        raise ValueError(
            f"A new user cannot be folded into {type(model).__name__}; train it anew, or use "
            "MatrixFactorization."
        )
    index, target = _checked(model, movies, ratings)
    if not (np.isfinite(penalty) and penalty > 0):
        raise ValueError(f"penalty is {penalty}; it must be above 0.")
    users = np.column_stack([model.user_factors, model.user_bias])
    start = users.mean(axis=0, dtype=np.float64)
    weight = penalty / max(float(users.var(axis=0, dtype=np.float64).mean()), 1e-12)
    rows = np.column_stack([model.movie_factors[index], np.ones(len(index))]).astype(np.float64)
    x = _gauss_newton(rows, model.movie_bias[index], target, model.rating_range, start, weight)
    return UserVector(x[:-1], float(x[-1]))


def recommend_new(
    model: MatrixFactorization, vector: UserVector, n: int = 10, exclude: Iterable[int] = ()
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What `model.recommend` gives, for a user who is not in the model."""
    return _with_user(model, vector).recommend(0, n, exclude)


def predict_new(
    model: MatrixFactorization, vector: UserVector, movies: ArrayLike
) -> NDArray[np.float64]:
    """Predicted ratings of `movies`, shape (n,), by a user who is not in the model."""
    return _with_user(model, vector).predict(0, movies)


def reasons(
    model: RatingModel, recommended: ArrayLike, movies: ArrayLike, ratings: ArrayLike, n: int = 2
) -> tuple[tuple[Reason, ...], ...]:
    """For each recommended film, up to `n` films that the user liked and that are most like it.

    `movies` and `ratings` are the user's own, new or of the data set; liked are those rated at or
    above the user's mean. Likeness is the cosine of the factors, and only what is above 0 counts,
    so a film may have no reason but its general popularity. Nearest first. Raises ValueError for
    a model without factors of movies.
    """
    units = unit_rows(movie_factors(model))
    index, given = np.asarray(movies, np.int64), _numbers(ratings)
    wanted = np.asarray(recommended, np.int64)
    liked = index[given >= given.mean() - 1e-9 * np.ptp(given)] if len(index) else index
    cosines = units[wanted] @ units[liked].T

    def best(row: NDArray[np.float64], film: int) -> tuple[Reason, ...]:
        order = np.argsort(-row, kind="stable")
        near = [Reason(int(liked[i]), min(1.0, float(row[i]))) for i in order if row[i] > 0]
        return tuple(reason for reason in near if reason.movie != film)[:n]

    return tuple(best(row, int(film)) for row, film in zip(cosines, wanted, strict=True))


def _gauss_newton(
    rows: NDArray[np.float64],
    offset: NDArray[np.floating],
    target: NDArray[np.float64],
    rating_range: tuple[float, float],
    start: NDArray[np.float64],
    weight: float,
) -> NDArray[np.float64]:
    low, high = rating_range
    share = (target - low) / (high - low)  # all of it on the book's scale

    def look(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        s = 0.5 + 0.5 * np.tanh(0.5 * (rows @ x + offset))
        error = BOOK_SPAN * (s - share)
        return float(error @ error + weight * ((x - start) @ (x - start))), error, s

    x = start
    value, error, s = look(x)
    for _ in range(_MOST_STEPS):
        jacobian = rows * (BOOK_SPAN * s * (1 - s))[:, None]
        curvature = jacobian.T @ jacobian + weight * np.eye(len(x))
        step = np.linalg.solve(curvature, jacobian.T @ error + weight * (x - start))
        # the curvature is positive definite, so some part of the step leads downwards
        length, before = 1.0, value
        while True:
            value, error, s = look(x - length * step)
            if value <= before or length < 1e-10:
                break
            length /= 2
        x = x - length * step
        if before - value <= _TOLERANCE * before:
            break
    return x


def _checked(
    model: MatrixFactorization, movies: ArrayLike, ratings: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    index, target = np.asarray(movies), _numbers(ratings)
    if index.ndim != 1 or index.shape != target.shape:
        raise ValueError("There must be one rating for each movie.")
    if len(index) and not np.issubdtype(index.dtype, np.integer):
        raise ValueError(f"A movie index is not an integer: {index.dtype}.")
    if len(index) and not (index.min() >= 0 and index.max() < model.n_movies):
        raise ValueError(f"A movie index is out of range; they run to {model.n_movies - 1}.")
    if len(np.unique(index)) < len(index):
        raise ValueError("A movie is rated twice; give each one rating.")
    low, high = model.rating_range
    if not ((target >= low) & (target <= high)).all():  # written so that not-a-number fails too
        raise ValueError(f"A rating is out of range; they run from {low:g} to {high:g}.")
    return index.astype(np.int64), target


def _numbers(ratings: ArrayLike) -> NDArray[np.float64]:
    """As float64; those of a data set, which are float32, as they were written."""
    given = np.asarray(ratings)
    return as_written(given) if given.dtype == np.float32 else given.astype(np.float64)


def _with_user(model: MatrixFactorization, vector: UserVector) -> MatrixFactorization:
    return MatrixFactorization(
        vector.factors[None, :].astype(np.float32),
        model.movie_factors,
        np.array([vector.bias], np.float32),
        model.movie_bias,
        model.rating_range,
    )
