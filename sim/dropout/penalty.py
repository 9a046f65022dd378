"""Dropout on the inputs of a linear model is a penalty: in expectation, ridge regression.

With every entry of X dropped with probability p and the others divided by 1 - p,
E‖y - X̃w‖² = ‖y - Xw‖² + p/(1 - p)·Σⱼ‖xⱼ‖²wⱼ². Wager, Wang and Liang, "Dropout Training as Adaptive
Regularization", NeurIPS 2013, section 2. Gaussian noise of standard deviation σ on every entry
gives ‖y - Xw‖² + nσ²‖w‖² (Bishop, "Training with Noise is Equivalent to Tikhonov Regularization",
Neural Computation 7, 1995).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.dropout.masks import Array, check_rate

Corruption = Callable[[int, np.random.Generator], Array]
"""Draws copies of X with other noise: shape (n_draws, n, d)."""


def dropout_cost(X: npt.ArrayLike, rate: float) -> Array:
    """What the square of each weight costs under dropout: p/(1 - p)·‖xⱼ‖², shape (d,)."""
    check_rate(rate)
    return np.asarray(rate / (1.0 - rate) * (np.asarray(X, dtype=np.float64) ** 2).sum(axis=0))


def noise_cost(X: npt.ArrayLike, deviation: float) -> Array:
    """What the square of each weight costs under input noise: nσ², the same for all, shape (d,)."""
    if not (np.isfinite(deviation) and deviation >= 0):
        raise ValueError(f"the noise must be a finite number that is 0 or more, not {deviation}.")
    n, d = np.shape(X)
    return np.full(d, n * float(deviation) ** 2)


def dropped(X: npt.ArrayLike, rate: float) -> Corruption:
    """Copies of X with each entry dropped with probability `rate`, the others over 1 - rate."""
    check_rate(rate)
    inputs = np.asarray(X, dtype=np.float64)
    return lambda n_draws, rng: (
        inputs * (rng.random((n_draws, *inputs.shape)) >= rate) / (1.0 - rate)
    )


def noised(X: npt.ArrayLike, deviation: float) -> Corruption:
    """Copies of X with Gaussian noise of this standard deviation added to each entry."""
    noise_cost(X, deviation)
    inputs = np.asarray(X, dtype=np.float64)
    return lambda n_draws, rng: inputs + deviation * rng.standard_normal((n_draws, *inputs.shape))


def penalised_loss(X: npt.ArrayLike, y: npt.ArrayLike, w: npt.ArrayLike, cost: Array) -> float:
    """‖y - Xw‖² + Σⱼ costⱼ·wⱼ²: the expectation of the loss under corruption, by formula."""
    weights = np.asarray(w, dtype=np.float64)
    errors = np.asarray(y, dtype=np.float64) - np.asarray(X, dtype=np.float64) @ weights
    return float(errors @ errors + cost @ weights**2)


def corrupted_losses(copies: Array, y: npt.ArrayLike, w: npt.ArrayLike) -> Array:
    """‖y - X̃w‖² for each corrupted copy, shape (n_draws,)."""
    errors = np.asarray(y, dtype=np.float64) - copies @ np.asarray(w, dtype=np.float64)
    return np.asarray((errors**2).sum(axis=-1))


def penalised_weights(X: npt.ArrayLike, y: npt.ArrayLike, cost: Array) -> Array:
    """The weights that minimise `penalised_loss`: ridge regression with a λ for each weight.

    No intercept, no ½, no 1/n. Least squares on X with a row √costⱼ·eⱼ added for each weight, so
    the smallest of the minimising weights where there are many. Shape (d,).
    """
    inputs = np.asarray(X, dtype=np.float64)
    targets = np.concatenate([np.asarray(y, dtype=np.float64), np.zeros(len(cost))])
    solution = np.linalg.lstsq(np.vstack([inputs, np.diag(np.sqrt(cost))]), targets, rcond=None)
    return np.asarray(solution[0])


def weights_over_copies(copies: Array, y: npt.ArrayLike) -> Array:
    """The weights that minimise the mean of `corrupted_losses` over these copies, shape (d,)."""
    _n_draws, _n, d = copies.shape
    targets = np.broadcast_to(np.asarray(y, dtype=np.float64), copies.shape[:2]).ravel()
    return np.asarray(np.linalg.lstsq(copies.reshape(-1, d), targets, rcond=None)[0])
