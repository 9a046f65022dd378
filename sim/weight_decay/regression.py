"""Twenty samples, two hundred features: a regression that memorises, and decay that stops it.

The example of Zhang et al., *Dive into Deep Learning* (d2l), section 3.7: the truth is
y = 0.05 + sum of 0.01 x_i + noise of deviation 0.01, weights start as standard normal
numbers and the bias at zero (section 3.7.2; its shorter code draws the bias too, which leaves the
weights with a level to make up for that has nothing to do with the lesson).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Array

N_TEST = 100
TRUE_WEIGHT, TRUE_BIAS, NOISE = 0.01, 0.05, 0.01
_BOUND = 1e3  # the start is within 5, the truth below 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """One training run; per epoch arrays have shape (epochs + 1,), before training first.

    `decay_bias` is whether the bias decayed like the weights. `train_loss` and `test_loss` are
    mean squared errors without the penalty, `norms` is |w|. `weights` (features,) and `bias` are
    those after the last epoch shown. `diverged_at` is the epoch by whose end a weight had left
    +-1,000, which is not shown, or None. Up to `safe_learning_rate` that cannot happen by the
    steps' own doing: it is 2 / (L + weight_decay) for the largest curvature L of any mini-batch
    of the run, and 2 / L in the implicit form. `constant_loss` is the training loss of the best
    constant, the variance of y.
    """

    weight_decay: float
    decay_bias: bool
    train_loss: Array
    test_loss: Array
    norms: Array
    weights: Array
    bias: float
    diverged_at: int | None
    safe_learning_rate: float
    constant_loss: float


def high_dimensional_regression(
    weight_decay: float,
    *,
    decay_bias: bool = False,
    implicit: bool = False,
    n_train: int = 20,
    n_features: int = 200,
    batch_size: int = 5,
    learning_rate: float = 0.003,
    epochs: int = 100,
    rng: np.random.Generator,
) -> Regression:
    """Train d2l's linear regression by mini-batch SGD with this weight decay.

    As `compare_weight_decays` with one entry.
    """
    (only,) = compare_weight_decays(
        [weight_decay],
        decay_bias=decay_bias,
        implicit=implicit,
        n_train=n_train,
        n_features=n_features,
        batch_size=batch_size,
        learning_rate=learning_rate,
        epochs=epochs,
        rng=rng,
    )
    return only


def compare_weight_decays(
    weight_decays: Sequence[float],
    *,
    decay_bias: bool | Sequence[bool] = False,
    implicit: bool = False,
    n_train: int = 20,
    n_features: int = 200,
    batch_size: int = 5,
    learning_rate: float = 0.003,
    epochs: int = 100,
    rng: np.random.Generator,
) -> tuple[Regression, ...]:
    """Train once per weight decay, on the same data, start and mini-batches, all at once.

    The loss is the mean squared error of the batch, and a step is
    w <- (1 - learning_rate * weight_decay) * w - learning_rate * gradient: torch.optim.SGD on
    nn.MSELoss. The bias decays only with `decay_bias`: one answer for all runs, or one for each.
    Where learning_rate * weight_decay is near 2 or above, that step overshoots zero by more than
    it came, and the run diverges. With `implicit` the step is
    w <- (w - learning_rate * gradient) / (1 + learning_rate * weight_decay), the penalty's
    proximal step, which shrinks for every weight decay and has the same fixed point.

    Raises ValueError for a weight decay that is negative or not finite, a learning rate that is
    not above zero, a count below 1, or answers for another number of weight decays.
    """
    decays = np.array(weight_decays, dtype=np.float64)
    if decays.ndim != 1 or not (np.isfinite(decays) & (decays >= 0)).all():
        raise ValueError(f"weight decays must be finite and zero or more, not {weight_decays}.")
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be finite and above zero, not {learning_rate}.")
    if min(n_train, n_features, batch_size, epochs) < 1:
        raise ValueError("n_train, n_features, batch_size and epochs must be at least 1.")
    if np.shape(decay_bias) not in ((), decays.shape):
        raise ValueError(f"decay_bias must be one answer, or {decays.size}, not {decay_bias}.")
    biases = np.broadcast_to(np.asarray(decay_bias, dtype=np.bool_), decays.shape)

    for_train, for_test, for_start, for_order = rng.spawn(4)
    x, y = _draw(n_train, n_features, for_train)
    x_test, y_test = _draw(N_TEST, n_features, for_test)
    decayed = np.hstack([np.ones((decays.size, n_features)), biases[:, None]])
    shrink = learning_rate * decays[:, None] * decayed
    keep = 1 / (1 + shrink) if implicit else 1 - shrink

    # The bias is the last weight, of a feature that is always 1.
    w = np.tile(np.append(for_start.standard_normal(n_features), 0.0), (decays.size, 1))
    path, batches = [w], []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(epochs):
            order = for_order.permutation(n_train)
            x_epoch, y_epoch = x[order], y[order]
            for first in range(0, n_train, batch_size):
                batch = slice(first, min(first + batch_size, n_train))
                batches.append(order[batch])
                xb = x_epoch[batch]
                step = (w @ xb.T - y_epoch[batch]) @ (2 * learning_rate / len(xb) * xb)
                w = keep * (w - step) if implicit else keep * w - step
            path.append(w)
    by_epoch = np.stack(path, axis=1)
    safe = 2 / (_largest_curvature(x, batches) + (np.zeros_like(decays) if implicit else decays))
    return tuple(
        _record(float(decay), bool(bias), weights, float(bound), x, y, x_test, y_test)
        for decay, bias, weights, bound in zip(decays, biases, by_epoch, safe, strict=True)
    )


def _largest_curvature(x: Array, batches: Sequence[npt.NDArray[np.int64]]) -> float:
    """The largest eigenvalue of any batch's Hessian of the mean squared error."""
    # that of 2 / n * x.T @ x, which x @ x.T has too, and is smaller
    products, largest = x @ x.T, 0.0
    for size in {len(batch) for batch in batches}:
        chosen = np.stack([batch for batch in batches if len(batch) == size])
        of_batches = products[chosen[:, :, None], chosen[:, None, :]]
        largest = max(largest, 2 / size * float(np.linalg.eigvalsh(of_batches).max()))
    return largest


def _draw(n_samples: int, n_features: int, rng: np.random.Generator) -> tuple[Array, Array]:
    features = rng.standard_normal((n_samples, n_features))
    y = TRUE_WEIGHT * features.sum(axis=1) + TRUE_BIAS + NOISE * rng.standard_normal(n_samples)
    return np.hstack([features, np.ones((n_samples, 1))]), y


def _record(
    decay: float,
    decay_bias: bool,
    path: Array,
    safe_learning_rate: float,
    x: Array,
    y: Array,
    x_test: Array,
    y_test: Array,
) -> Regression:
    left = ~(np.abs(path) <= _BOUND).all(axis=1)
    diverged_at = int(left.argmax()) if left.any() else None
    path = path[:diverged_at]
    return Regression(
        weight_decay=decay,
        decay_bias=decay_bias,
        train_loss=((path @ x.T - y) ** 2).mean(axis=1),
        test_loss=((path @ x_test.T - y_test) ** 2).mean(axis=1),
        norms=np.linalg.norm(path[:, :-1], axis=1),
        weights=path[-1, :-1].copy(),
        bias=float(path[-1, -1]),
        diverged_at=diverged_at,
        safe_learning_rate=safe_learning_rate,
        constant_loss=float(y.var()),
    )
