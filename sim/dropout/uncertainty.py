"""Looking into a trained network: its thinned networks as an ensemble, and its co-adaptation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.dropout.masks import Array, sample_masks
from sim.dropout.network import Network, forward


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarlo:
    """Predictions with the masks left on.

    `predictions` has shape (n_masks, n_points, outputs), one thinned network in each row; `mean`
    and `deviation` are over the masks, shape (n_points, outputs).
    """

    predictions: Array

    @property
    def mean(self) -> Array:
        """The prediction: the mean over the thinned networks."""
        return np.asarray(self.predictions.mean(axis=0))

    @property
    def deviation(self) -> Array:
        """How far the thinned networks disagree: their standard deviation."""
        return np.asarray(self.predictions.std(axis=0))


def monte_carlo(
    network: Network, x: npt.ArrayLike, rate: float, n_masks: int, rng: np.random.Generator
) -> MonteCarlo:
    """Predict at the points `x`, shape (n_points, inputs), with `n_masks` thinned networks (ReLU).

    A mask holds for all points at once, so each row is one function. Gal and Ghahramani, "Dropout
    as a Bayesian Approximation", ICML 2016. Raises ValueError as `sample_masks` does.
    """
    sizes = (network.weights[0].shape[1], *(len(biases) for biases in network.biases))
    masks = sample_masks(sizes, rate, 1, n_masks, rng)
    factors = [masks.factors(layer) for layer in range(len(sizes))]
    return MonteCarlo(forward(network, np.asarray(x, dtype=np.float64)[None], factors)[-1])


def co_adaptation(network: Network, x: npt.ArrayLike, layer: int = -2) -> Array:
    """The correlation matrix of a hidden layer's units (ReLU) over the points `x`.

    `layer` counts as in `forward`: -2 is the last hidden one. Shape (units, units). A unit that
    puts out the same at every point correlates with none: its row and column are 0, and its 1 on
    the diagonal stays.
    """
    outputs = forward(network, x)[layer]
    centred = outputs - outputs.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    dead = lengths <= 1e-12 * max(1.0, float(np.abs(outputs).max()))
    directions = np.where(dead, 0.0, centred / np.where(dead, 1.0, lengths))
    correlation = np.clip(directions.T @ directions, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)


def mean_correlation(correlation: npt.ArrayLike) -> float:
    """The mean |correlation| of two different units; dead units, which correlate with none, aside.

    0.0 where fewer than two units are alive.
    """
    matrix = np.abs(np.asarray(correlation, dtype=np.float64))
    others = matrix - np.eye(len(matrix))
    alive = (others > 0).any(axis=0)
    n = int(alive.sum())
    return float(others.sum() / (n * (n - 1))) if n > 1 else 0.0
