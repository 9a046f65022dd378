"""How the best weight decay depends on the learning rate and on the scale of the loss."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Adam, AdamW, Array, State

_N_TRAIN = 100
_BATCH_SIZE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Test losses of a table of runs: one row per learning rate (or loss scale).

    `test_loss` (rows, columns) is the mean squared error on the held-out patients, in units of
    the training targets' variance, so that predicting the mean gives about 1. It is infinite
    where the run diverged. `learning_rates` and `loss_scales` have one entry per row,
    `weight_decays` one per column.
    """

    learning_rates: Array
    loss_scales: Array
    weight_decays: Array
    test_loss: Array

    @property
    def best_weight_decays(self) -> Array:
        """The weight decay with the least test loss in each row."""
        return np.asarray(self.weight_decays[self.test_loss.argmin(axis=1)])

    def drift(self, along: Literal["learning_rates", "loss_scales"], within: float = 0.1) -> float:
        """The slope of log(best weight decay) over log(learning rate or loss scale).

        0: the best stays where it is, the two can be tuned apart. 1: it moves in proportion. By
        least squares over the rows whose best loss is at most `within` above the table's best:
        elsewhere the learning rate is too small to train at all. Raises ValueError when fewer
        than three rows, or only equal ones, are left.
        """
        best = self.test_loss.min(axis=1)
        trained = best <= (1 + within) * best.min()
        x = np.log(self.learning_rates if along == "learning_rates" else self.loss_scales)[trained]
        if x.size < 3 or np.ptp(x) == 0:
            raise ValueError(f"a drift needs three rows that train, of different {along}.")
        x = x - x.mean()
        return float(x @ np.log(self.best_weight_decays[trained]) / (x @ x))


def sweep(
    rule_kind: Literal["adam", "adamw"],
    learning_rates: npt.ArrayLike,
    weight_decays: npt.ArrayLike,
    loss_scales: npt.ArrayLike = 1.0,
    *,
    n_steps: int = 300,
    decay_per_step: bool = False,
    rng: np.random.Generator,
) -> Sweep:
    """Train a linear model on scikit-learn's diabetes data once for every cell of a table.

    The model has the 10 measurements, their squares and products (65 features, standardised),
    100 random patients to train on and the other 342 to test. All cells start from zero weights
    and see the same mini-batches of 10, and the learning rate falls to zero along a cosine, as in
    Loshchilov and Hutter's figures. The loss is the mean squared error times the row's loss scale.

    With `decay_per_step`, AdamW's weight decay is counted as in that paper: the share of the
    weights removed in a step, at the initial learning rate, whatever that rate is. It has no
    meaning for Adam. `learning_rates` and `loss_scales` broadcast to the rows, shape (rows,).
    Takes about 0.1 s for 9 by 9 cells. Raises ValueError for settings that are not positive
    (weight_decays for a column of zeros is allowed, but then there is no drift).
    """
    if rule_kind not in ("adam", "adamw"):
        raise ValueError(f"rule_kind must be adam or adamw, not {rule_kind}.")
    if decay_per_step and rule_kind == "adam":
        raise ValueError("decay_per_step counts what AdamW takes off the weights; Adam does not.")
    rates, scales = np.broadcast_arrays(
        np.atleast_1d(np.asarray(learning_rates, dtype=np.float64)),
        np.asarray(loss_scales, dtype=np.float64),
    )
    decays = np.asarray(weight_decays, dtype=np.float64)
    if rates.ndim != 1 or decays.ndim != 1 or decays.size == 0:
        raise ValueError("learning_rates, loss_scales and weight_decays must be one-dimensional.")
    if not (scales > 0).all():
        raise ValueError("loss_scales must be above zero.")

    splits, batches = rng.spawn(2)
    x, y, x_test, y_test = _diabetes(splits)
    rate, decay = (grid.reshape(-1, 1) for grid in np.meshgrid(rates, decays, indexing="ij"))
    scale = np.repeat(scales, decays.size)[:, None]
    if decay_per_step:
        decay = decay / rate
    weights = np.zeros((rate.size, x.shape[1]))
    state: State | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(n_steps):
            now = rate * 0.5 * (1 + np.cos(np.pi * step / n_steps))
            rule = (Adam if rule_kind == "adam" else AdamW)(now, weight_decay=decay)
            chosen = batches.integers(0, len(y), _BATCH_SIZE)
            errors = weights @ x[chosen].T - y[chosen]
            gradient = scale * (2 / _BATCH_SIZE) * (errors @ x[chosen])
            weights, state = rule.update(weights, gradient, state or rule.init(weights))
        losses = ((weights @ x_test.T - y_test) ** 2).mean(axis=1)
    # A run that left for good is far beyond what predicting the mean would cost.
    losses = np.where(losses < 1e3, losses, np.inf).reshape(rates.size, decays.size)
    return Sweep(rates, scales, decays, losses)


def _diabetes(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Features and targets, standardised on the training part: x, y, x_test, y_test."""
    from sklearn.datasets import load_diabetes  # slow to import, and needed here only

    raw, target = load_diabetes(return_X_y=True)
    raw = raw / raw.std(axis=0)
    first, second = np.triu_indices(raw.shape[1])
    features = np.hstack([raw, raw[:, first] * raw[:, second]])
    order = rng.permutation(len(target))
    train, test = order[:_N_TRAIN], order[_N_TRAIN:]
    x = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    y = (target - target[train].mean()) / target[train].std()
    return x[train], y[train], x[test], y[test]
