"""One penalty, three ways to write the step; and one strength, five ways to count it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Array

Floats = npt.NDArray[Any]  # float32 or float64
Form = Literal["in_loss", "in_gradient", "in_update"]
FORMS: tuple[Form, ...] = ("in_loss", "in_gradient", "in_update")

_BOUND = 1e6
_TINY = 1e-20  # the complex step: its square is lost in rounding even beside a float32


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """The weights under each form, (steps + 1, features), the start first.

    `in_loss` differentiates loss + penalty * |w|^2; `in_gradient` adds 2 * penalty * w to the
    loss's gradient; `in_update` multiplies w by 1 - 2 * learning_rate * penalty instead.
    `difference` (steps + 1,) is the largest gap between any two forms in any weight.
    `diverged_at` is the step at which a weight left +-1e6, from which on nothing is kept, or None.
    Up to `safe_learning_rate`, 2 / (L + 2 * penalty) for the largest curvature L of any mini-batch
    of the run, no step can lead away from the minimum of its own loss.
    """

    in_loss: Floats
    in_gradient: Floats
    in_update: Floats
    difference: Array
    diverged_at: int | None
    safe_learning_rate: float


def three_forms(
    penalty: float,
    learning_rate: float = 0.05,
    n_steps: int = 100,
    *,
    n_features: int = 5,
    n_train: int = 20,
    batch_size: int = 5,
    dtype: Literal["float32", "float64"] = "float64",
    rng: np.random.Generator,
) -> Forms:
    """Train one linear regression three times, on the same mini-batches, one form each.

    The loss is the mean squared error of the batch. For "in_loss" the penalised loss is written
    down as one function and differentiated by the complex step (Squire and Trapp, SIAM Review 40,
    1998), exact to rounding as autograd is. The forms are equal in exact numbers, so what
    `difference` shows is rounding: about 1e-16 of a weight per step in float64, 1e-7 in float32.

    Raises ValueError when penalty is negative or not finite, learning_rate not above zero, or
    n_steps below 1.
    """
    _check(penalty, learning_rate)
    if n_steps < 1:
        raise ValueError(f"n_steps must be at least 1, not {n_steps}.")
    number = np.dtype(dtype).type  # every constant in this type too, lest float64 creeps in
    data, order = rng.spawn(2)
    x = data.standard_normal((n_train, n_features)).astype(dtype)
    truth, start = data.standard_normal((2, n_features)).astype(dtype)
    y = x @ truth + (0.1 * data.standard_normal(n_train)).astype(dtype)
    eta, twice_penalty = number(learning_rate), number(2 * penalty)
    factor = number(1 - 2 * learning_rate * penalty)
    nudges = (1j * _TINY * np.eye(n_features)).astype(np.result_type(dtype, np.complex64))

    paths = np.empty((3, n_steps + 1, n_features), dtype)
    paths[:, 0] = start
    diverged_at, batches = None, []
    for step in range(n_steps):
        batch = order.choice(n_train, min(batch_size, n_train), replace=False)
        xb, yb = x[batch], y[batch]
        batches.append(xb)
        in_loss, in_gradient, in_update = paths[:, step]
        nudged = in_loss + nudges
        loss = ((nudged @ xb.T - yb) ** 2).mean(axis=1) + number(penalty) * (nudged**2).sum(axis=1)
        paths[0, step + 1] = in_loss - eta * (loss.imag / number(_TINY))
        added = _gradient(in_gradient, xb, yb) + twice_penalty * in_gradient
        paths[1, step + 1] = in_gradient - eta * added
        paths[2, step + 1] = factor * in_update - eta * _gradient(in_update, xb, yb)
        if not (np.abs(paths[:, step + 1]) <= _BOUND).all():
            diverged_at = step + 1
            break
    paths = paths[:, :diverged_at]
    difference = np.ptp(paths.astype(np.float64), axis=0).max(axis=-1)
    curvature = 2 / len(batches[0]) * np.linalg.norm(np.stack(batches), 2, axis=(1, 2)).max() ** 2
    safe = 2 / (float(curvature) + 2 * penalty)
    return Forms(paths[0], paths[1], paths[2], difference, diverged_at, safe)


@dataclass(frozen=True, slots=True)
class Conventions:
    """One and the same strength, as each convention counts it (data loss: mean squared error).

    `penalty`: the loss has penalty * |w|^2. `half_penalty`: it has (half_penalty / 2) * |w|^2.
    `weight_decay`: the setting of torch.optim.SGD. `decay_factor`: what each step multiplies the
    weights with. `ridge_alpha`: scikit-learn's Ridge, whose data loss is a sum, not a mean.
    """

    penalty: float
    half_penalty: float
    weight_decay: float
    decay_factor: float
    ridge_alpha: float


def conventions(penalty: float, learning_rate: float, n_train: int) -> Conventions:
    """The strengths that train the same model as penalty * |w|^2 beside the mean squared error.

    A step may also see the mean over a mini-batch: only Ridge knows of n, and it means the whole
    training set. With half the mean squared error, as in some books, ridge_alpha would be
    2 * n_train * penalty, and the others as they are.

    Raises ValueError when penalty is negative or not finite, learning_rate is not above zero, or
    n_train is below 1.
    """
    _check(penalty, learning_rate)
    if n_train < 1:
        raise ValueError(f"n_train must be at least 1, not {n_train}.")
    return Conventions(
        penalty=penalty,
        half_penalty=2 * penalty,
        weight_decay=2 * penalty,
        decay_factor=1 - 2 * learning_rate * penalty,
        ridge_alpha=n_train * penalty,
    )


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one training step costs with each form, as measured in a worker on `device`.

    `seconds` has the fastest of the repeats, per form and for "no_penalty"; `ratios` the same
    over the cheapest of the three forms. `largest_difference` is the largest gap between two
    forms in any weight after `n_steps` steps. `n_weights` is what the network really has.
    """

    n_weights: int
    device: str
    n_steps: int
    seconds: dict[str, float]
    ratios: dict[str, float]
    largest_difference: float


def _check(penalty: float, learning_rate: float) -> None:
    if not (np.isfinite(penalty) and penalty >= 0):
        raise ValueError(f"penalty must be finite and zero or more, not {penalty}.")
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be finite and above zero, not {learning_rate}.")


def _gradient(w: Floats, x: Floats, y: Floats) -> Floats:
    """Of the mean squared error of x @ w."""
    return np.asarray(w.dtype.type(2 / len(y)) * ((x @ w - y) @ x))
