"""How many weights a model has, without making it, and how many it may have."""

from dataclasses import replace
from itertools import pairwise

from sim.recommender.records import Settings

BESIDE_FACTORS = 16
"""Factors, at most, of the perceptron of "neumf": better than 50, and faster."""


MOST_WEIGHTS = 20_000_000
"""Of a model that is trained: with its gradients, Adam's two means and the best epoch's copy about
half a gigabyte, so that one run does not use up a machine that many share. MovieLens 32M with 50
factors has 14.7 million."""


def n_weights(settings: Settings, n_users: int, n_movies: int) -> int:
    """The number of weights and biases that a run with `settings` learns."""
    k, both = settings.n_factors, n_users + n_movies
    if settings.model == "attention":
        return n_users + n_movies * (2 * k + 1)
    product = both * (k + 1)
    if settings.model == "dot":
        return product
    inputs = min(k, BESIDE_FACTORS) if settings.model == "neumf" else k
    sizes = (2 * inputs, *settings.hidden, 1)
    perceptron = both * inputs + sum((before + 1) * after for before, after in pairwise(sizes))
    return perceptron + (product if settings.model == "neumf" else 0)


def most_factors(settings: Settings, n_users: int, n_movies: int) -> int:
    """The largest number of factors, up to that of `settings`, with which the model may be trained.

    0 where a single one is too many.
    """
    low, high = 0, settings.n_factors
    while low < high:
        middle = (low + high + 1) // 2
        fits = n_weights(replace(settings, n_factors=middle), n_users, n_movies) <= MOST_WEIGHTS
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def check_size(settings: Settings, n_users: int, n_movies: int) -> None:
    """Raise ValueError where the model would have more than MOST_WEIGHTS weights."""
    wanted = n_weights(settings, n_users, n_movies)
    if wanted > MOST_WEIGHTS:
        raise ValueError(
            f"{settings.n_factors} factors for {n_users:,} users and {n_movies:,} movies are "
            f"{wanted:,} weights; at most {MOST_WEIGHTS:,} are trained. At most "
            f"{most_factors(settings, n_users, n_movies)} factors fit."
        )
