"""How many weights a model has, without making it."""

from itertools import pairwise

from sim.recommender.records import Settings

BESIDE_FACTORS = 16
"""Factors, at most, of the perceptron of "neumf": better than 50, and faster."""


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
