"""What goes into a training run and what comes out of it: small frozen records, without torch.

They travel between the web process, which must not import torch, and the worker, which has it.
"""

import math
from dataclasses import dataclass
from typing import Literal

State = Literal["running", "finished", "stopped_early", "diverged"]
Schedule = Literal["constant", "one_cycle"]

BOOK_BATCH = 64  # the batch size at which learning_rate and weight_decay are quoted


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed for a run. Changing one of these means a new run.

    Raises ValueError where a value is out of range.
    """

    n_factors: int = 50
    """Length of each user's and each movie's vector of factors."""
    learning_rate: float = 5e-3
    """Step size of AdamW (the largest one, with a schedule), quoted at batch size 64 (see
    `batch_rule`)."""
    batch_size: int = 1024
    """Largest number of ratings in a step; an epoch is cut into equal batches of at most this."""
    epochs: int = 30
    """Passes over the training ratings after which the run is finished."""
    seed: int = 0
    """Fixes the initial weights, the order of the ratings and the dropout masks."""
    rating_range: tuple[float, float] = (0.0, 5.5)
    """Predictions lie strictly between these; leave a margin beyond the ratings themselves."""
    device: str = "auto"
    """"auto" (CUDA, else Apple's MPS, else CPU) or the name of a torch device."""
    points_per_epoch: int = 4
    """Points of the loss curves per epoch; the last one of an epoch is at its end."""
    schedule: Schedule = "constant"
    """"constant", or "one_cycle" (see `one_cycle`): the book's, better after few epochs."""

    def __post_init__(self) -> None:
        for name in ("n_factors", "batch_size", "epochs", "points_per_epoch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0.")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be 0 or a positive integer.")
        if self.schedule not in ("constant", "one_cycle"):
            raise ValueError(f"schedule is {self.schedule!r}; it must be constant or one_cycle.")
        low, high = self.rating_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"rating_range is ({low}, {high}); the first must be the smaller.")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What may be changed while a run goes on; a change acts on the very next step.

    Raises ValueError where a value is out of range.
    """

    weight_decay: float = 0.1
    """AdamW's decoupled decay, on factors and biases alike, quoted at batch size 64. With the
    learning rate η every weight shrinks by the factor 1 − η·weight_decay at each step. This is
    not the λ of a penalty in the loss: Adam divides that by its running gradient size."""
    dropout: float = 0.0
    """Probability with which a product of a user's and a movie's factor is left out of a
    prediction in training. Acts in steps of 1/256."""
    patience: int | None = None
    """Epochs without a new best validation loss after which the run stops; None means never."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay is {self.weight_decay}; it must be 0 or above.")
        if not 0 <= self.dropout <= 0.95:
            raise ValueError(f"dropout is {self.dropout}; it must be between 0 and 0.95.")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}; it must be 1 or more, or None.")


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the loss curves, at `epoch` (a fraction counts the steps within an epoch).

    `train_loss` is the mean of the batch losses since the point before, taken with dropout on
    and each batch before its own step; `valid_loss` is the mean squared error on the validation
    ratings at this moment, without dropout. Both in squared rating units.
    """

    epoch: float
    train_loss: float
    valid_loss: float


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One whole epoch: its number from 1, mean batch loss, validation loss at its end, and the
    seconds spent training in it (waiting between slices is not counted)."""

    epoch: int
    train_loss: float
    valid_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """A knob that was given a new value at `epoch`."""

    epoch: float
    name: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after a slice. Only `points` and the speed are about this slice alone."""

    state: State
    epoch: float
    epochs: int
    step: int
    points: tuple[Point, ...]
    history: tuple[EpochRecord, ...]
    best_epoch: int | None
    best_valid_loss: float | None
    wait: int
    """Epochs since the best one."""
    changes: tuple[Change, ...]
    seconds: float
    """Time spent training so far, without the waiting between slices."""
    ratings_per_second: float
    device: str


def one_cycle(done: float) -> float:
    """Part of the largest learning rate to use when the share `done` of all steps is done.

    A cosine up from 1/25 during the first quarter, and one down to 1e-5 during the rest, as
    fastai's fit_one_cycle does (its change of momentum is left out). Source: Smith & Topin 2018,
    "Super-Convergence".
    """
    start, end, warm_up = 1 / 25, 1e-5, 0.25
    if done < warm_up:
        return 1 + (start - 1) * (1 + math.cos(math.pi * done / warm_up)) / 2
    return end + (1 - end) * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2


@dataclass(frozen=True, slots=True)
class AdamWArguments:
    """The hyper-parameters that AdamW is really run with."""

    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float


def batch_rule(learning_rate: float, weight_decay: float, batch_size: float) -> AdamWArguments:
    """AdamW's arguments for `batch_size`, so that a run keeps the course of one at batch size 64.

    The square-root rule: with κ = batch_size / 64, learning rate and weight decay are multiplied
    by √κ, (1 − β₁) and (1 − β₂) by κ (at most 1), and ε is divided by √κ. So learning_rate and
    weight_decay mean the same whatever the batch: their product, times κ times fewer steps, shrinks
    the weights equally per epoch. The base values (β = 0.9 and 0.99, ε = 1e-5) are fastai's.

    Source: Malladi et al. 2022, "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms"
    (learning rate, β, ε); weight decay by √κ follows, as AdamW decays by the product of the two.
    """
    kappa = batch_size / BOOK_BATCH
    root = math.sqrt(kappa)
    betas = (max(0.0, 1 - 0.1 * kappa), max(0.0, 1 - 0.01 * kappa))
    return AdamWArguments(learning_rate * root, weight_decay * root, betas, 1e-5 / root)
