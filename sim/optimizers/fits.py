"""Two small fits to real data, made to be trained many at once: a linear one, and a classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Array

Indices = npt.NDArray[np.int64]

SHARPNESS = 10.0
"""What the digits' cosines are multiplied with before the softmax."""
START = 0.3
"""Deviation of the digits' weights at the start."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A model and its data, for a table of runs: weights of shape (runs, features).

    `gradient(weights, batch)` is that of the mean loss over a batch of training samples, given by
    their numbers; `test_loss(weights)` has shape (runs,). `start` (features,) is where every run
    begins, `n_train` the number of training samples, `batch_size` how many a step sees. With
    `annealed` the learning rate falls to zero along a cosine, else it stays.
    """

    start: Array
    gradient: Callable[[Array, Indices], Array]
    test_loss: Callable[[Array], Array]
    n_train: int
    batch_size: int
    annealed: bool


def diabetes(rng: np.random.Generator) -> Fit:
    """A linear model of scikit-learn's diabetes data, from zero weights.

    It has the 10 measurements, their squares and products (65 features, standardised), 100 random
    patients to train on and the other 342 to test. The loss is the mean squared error in units of
    the training targets' variance, so that predicting the mean gives about 1.
    """
    from sklearn.datasets import load_diabetes  # slow to import, and needed here only

    raw, target = load_diabetes(return_X_y=True)
    raw = raw / raw.std(axis=0)
    first, second = np.triu_indices(raw.shape[1])
    features = np.hstack([raw, raw[:, first] * raw[:, second]])
    train, test = _split(len(target), 100, rng)
    x = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    y = (target - target[train].mean()) / target[train].std()

    def gradient(weights: Array, batch: Indices) -> Array:
        chosen = train[batch]
        errors = weights @ x[chosen].T - y[chosen]
        return np.asarray(2 / len(batch) * (errors @ x[chosen]))

    def test_loss(weights: Array) -> Array:
        return np.asarray(((weights @ x[test].T - y[test]) ** 2).mean(axis=1))

    return Fit(np.zeros(x.shape[1]), gradient, test_loss, len(train), 10, annealed=True)


def digits(rng: np.random.Generator) -> Fit:
    """A classifier of scikit-learn's handwritten digits whose weights only count by direction.

    The images are reduced to 4 by 4 pixels, centred and brought to length 1; a class's logit is
    ten times the cosine between the image and the class's 16 weights, whose length thus means
    nothing, as before a batch norm. 200 random images to train on, the other 1,597 to test, in
    batches of 40; the loss is the cross entropy (chance: log 10 = 2.3), the learning rate constant.
    """
    from sklearn.datasets import load_digits  # slow to import, and needed here only

    images, labels = load_digits(return_X_y=True)
    pixels = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    train, test = _split(len(labels), 200, rng)
    x = pixels - pixels[train].mean(axis=0)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    one_hot = np.eye(10)[labels]

    def logits(directions: Array, chosen: Indices) -> Array:
        flat = directions.reshape(-1, 16) @ x[chosen].T
        return np.asarray(SHARPNESS * flat.reshape(len(directions), 10, -1))

    def gradient(weights: Array, batch: Indices) -> Array:
        chosen = train[batch]
        directions, lengths = _directions(weights)
        errors = _softmax(logits(directions, chosen)) - one_hot[chosen].T
        pull = (errors.reshape(-1, len(batch)) @ x[chosen]).reshape(directions.shape)
        across = pull - directions * (pull * directions).sum(axis=-1, keepdims=True)
        return np.asarray((SHARPNESS / len(batch) / lengths * across).reshape(weights.shape))

    def test_loss(weights: Array) -> Array:
        found = _softmax(logits(_directions(weights)[0], test))
        right = found[:, labels[test], np.arange(len(test))]
        return np.asarray(-np.log(np.maximum(right, 1e-300)).mean(axis=1))

    start = START * rng.standard_normal(10 * 16)
    return Fit(start, gradient, test_loss, len(train), 40, annealed=False)


def _split(n: int, n_train: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    order = rng.permutation(n)
    return order[:n_train], order[n_train:]


def _directions(weights: Array) -> tuple[Array, Array]:
    """The weights of the ten classes, each brought to length 1, and the lengths they had."""
    classes = weights.reshape(len(weights), 10, 16)
    lengths = np.sqrt((classes**2).sum(axis=-1, keepdims=True))
    return classes / lengths, lengths


def _softmax(logits: npt.NDArray[Any]) -> Array:
    """Over the classes, the second axis. Cosines are bounded, so no logit is too large for exp."""
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
