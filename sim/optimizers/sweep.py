"""How the best weight decay depends on the learning rate and on the scale of the loss."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.optimizers.fits import diabetes, digits
from sim.optimizers.rules import Adam, AdamW, Array, State

FitKind = Literal["digits", "diabetes"]
FITS: tuple[FitKind, ...] = ("digits", "diabetes")

_LOST = 1e3  # far beyond what predicting the mean, or guessing, would cost


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Test losses of a table of runs: one row per learning rate (or loss scale).

    `test_loss` (rows, columns) is that of the fit, infinite where the run diverged.
    `learning_rates` and `loss_scales` have one entry per row, `weight_decays` one per column.
    """

    learning_rates: Array
    loss_scales: Array
    weight_decays: Array
    test_loss: Array

    @property
    def best_weight_decays(self) -> Array:
        """The weight decay with the least test loss in each row."""
        return np.asarray(self.weight_decays[self.test_loss.argmin(axis=1)])

    def strongest_weight_decays(self, within: float = 0.1) -> Array:
        """The strongest weight decay that each row bears: its loss is at most `within` above the
        row's least. Of many good ones this is the one with a clear end."""
        least = self.test_loss.min(axis=1, keepdims=True)
        good = self.test_loss <= (1 + within) * least
        return np.asarray(self.weight_decays[good.shape[1] - 1 - good[:, ::-1].argmax(axis=1)])

    def bracketed(self, of: Literal["best", "strongest"] = "best") -> npt.NDArray[np.bool_]:
        """Which rows have that weight decay inside the table, not in its first or last column.

        At an edge it may lie anywhere beyond.
        """
        chosen = self.best_weight_decays if of == "best" else self.strongest_weight_decays()
        return np.asarray(~np.isin(chosen, self.weight_decays[[0, -1]]))

    def trained(self, within: float = 0.15) -> npt.NDArray[np.bool_]:
        """Which rows train: their least loss is at most `within` above the table's."""
        least = self.test_loss.min(axis=1)
        return np.asarray(least <= (1 + within) * least.min())

    def drift(
        self,
        along: Literal["learning_rates", "loss_scales"],
        of: Literal["best", "strongest"] = "best",
        within: float = 0.1,
    ) -> float:
        """The slope of the log of a row's weight decay over log(learning rate or loss scale).

        0: it stays where it is, the two can be tuned apart. 1: it moves in proportion. By least
        squares over the rows that are `trained` to `within` (elsewhere the learning rate is too
        small to train at all) and `bracketed`; nan when fewer than three of these are left: no
        drift can be told from the edge of a table. Raises ValueError when fewer than three rows
        train, or only equal ones.
        """
        trained = self.trained(within)
        x = np.log(self.learning_rates if along == "learning_rates" else self.loss_scales)
        if trained.sum() < 3 or np.ptp(x[trained]) == 0:
            raise ValueError(f"a drift needs three rows that train, of different {along}.")
        told = trained & self.bracketed(of)
        if told.sum() < 3 or np.ptp(x[told]) == 0:
            return float("nan")
        x = x[told] - x[told].mean()
        decays = self.best_weight_decays if of == "best" else self.strongest_weight_decays()
        return float(x @ np.log(decays[told]) / (x @ x))

    def cost_of_keeping(self) -> float:
        """How much the last trained row loses with the best weight decay of the first one.

        The share by which its test loss is above its own least; infinite where it diverges, and nan
        where the first row's best is at the table's edge, and so is not known.
        """
        rows = np.flatnonzero(self.trained())
        if not self.bracketed()[rows[0]]:
            return float("nan")
        kept = self.test_loss[rows[-1], self.test_loss[rows[0]].argmin()]
        return float(kept / self.test_loss[rows[-1]].min() - 1)


def sweep(
    rule_kind: Literal["adam", "adamw"],
    learning_rates: npt.ArrayLike,
    weight_decays: npt.ArrayLike,
    loss_scales: npt.ArrayLike = 1.0,
    *,
    fit: FitKind = "diabetes",
    n_steps: int = 300,
    decay_per_step: bool = False,
    rng: np.random.Generator,
) -> Sweep:
    """Train one of the fits of `sim.optimizers.fits` once for every cell of a table.

    All cells start from the same weights and see the same mini-batches. The loss trained is the
    fit's own times the row's loss scale.

    With `decay_per_step`, AdamW's weight decay is counted as in its paper (Loshchilov and Hutter,
    ICLR 2019): the share of the weights removed in a step, at the initial learning rate, whatever
    that rate is. It has no meaning for Adam. `learning_rates` and `loss_scales` broadcast to the
    rows, shape (rows,). Takes a few tenths of a second for 9 by 15 cells. Raises ValueError for
    settings that are not positive (weight_decays for a column of zeros is allowed, but then there
    is no drift) or an unknown fit.
    """
    if rule_kind not in ("adam", "adamw"):
        raise ValueError(f"rule_kind must be adam or adamw, not {rule_kind}.")
    if decay_per_step and rule_kind == "adam":
        raise ValueError("decay_per_step counts what AdamW takes off the weights; Adam does not.")
    if fit not in FITS:
        raise ValueError(f"fit must be one of {', '.join(FITS)}, not {fit}.")
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
    model = (digits if fit == "digits" else diabetes)(splits)
    rate, decay = (grid.reshape(-1, 1) for grid in np.meshgrid(rates, decays, indexing="ij"))
    scale = np.repeat(scales, decays.size)[:, None]
    if decay_per_step:
        decay = decay / rate
    weights = np.tile(model.start, (rate.size, 1))
    state: State | None = None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for step in range(n_steps):
            share = 0.5 * (1 + np.cos(np.pi * step / n_steps)) if model.annealed else 1.0
            rule = (Adam if rule_kind == "adam" else AdamW)(rate * share, weight_decay=decay)
            batch = batches.integers(0, model.n_train, model.batch_size)
            gradient = scale * model.gradient(weights, batch)
            weights, state = rule.update(weights, gradient, state or rule.init(weights))
        losses = model.test_loss(weights)
    losses = np.where(losses < _LOST, losses, np.inf).reshape(rates.size, decays.size)
    return Sweep(rates, scales, decays, losses)
