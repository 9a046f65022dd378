"""What goes into a training run and what comes out of it: small frozen records, without torch.

They travel between the web process, which must not import torch, and the worker, which has it.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from sim.recommender.rules import AdamWArguments, batch_rule, one_cycle

__all__ = [
    "AdamWArguments",
    "Change",
    "EpochRecord",
    "Knobs",
    "ModelName",
    "OptimizerName",
    "Point",
    "Progress",
    "Schedule",
    "Settings",
    "State",
    "batch_rule",
    "one_cycle",
]

State = Literal["running", "finished", "stopped_early", "diverged"]
Schedule = Literal["constant", "one_cycle"]
ModelName = Literal["dot", "ncf", "neumf", "attention"]
OptimizerName = Literal["adamw", "adam_l2", "sgd"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed for a run. Changing one of these means a new run.

    Raises ValueError where a value is out of range.
    """

    n_factors: int = 50
    """Length of each user's and each movie's vector of factors."""
    learning_rate: float = 5e-3
    """Step size of AdamW (the largest one, with a schedule), quoted at batch size 64, for much data
    at a larger one (see `batch_rule`). SGD takes it times a constant of its own (see
    `sim.recommender.optimizers`)."""
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
    model: ModelName = "dot"
    """"dot": product of factors plus biases. "ncf": a neural network on both vectors of factors.
    "neumf": the two added up. "attention": the user is a weighted sum of the factors of the
    movies the user rated. The formulas are in `sim.recommender.model` and `.neural`."""
    optimizer: OptimizerName = "adamw"
    """"adamw" (decoupled decay), "adam_l2" (Adam, with the penalty in the loss) or "sgd". Each
    reads `Knobs.weight_decay` on a scale of its own."""
    hidden: tuple[int, ...] = (64, 32)
    """Widths of the hidden layers of "ncf" and "neumf"."""
    max_history: int = 32
    """Rated movies per user that "attention" looks at; of more, so many are drawn at random. Its
    memory and its time grow with batch_size · max_history · n_factors."""

    def __post_init__(self) -> None:
        counts = ("n_factors", "batch_size", "epochs", "points_per_epoch", "max_history")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0.")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be 0 or a positive integer.")
        for name, kind in (
            ("schedule", Schedule),
            ("model", ModelName),
            ("optimizer", OptimizerName),
        ):
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {choices}.")
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(
                f"hidden is {self.hidden}; it must be one width or more, each above 0."
            )
        low, high = self.rating_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"rating_range is ({low}, {high}); the first must be the smaller.")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What may be changed while a run goes on; a change acts on the very next step.

    Raises ValueError where a value is out of range.
    """

    weight_decay: float = 0.1
    """λ, on all weights and biases alike. With "adamw" the decoupled decay, quoted at batch size
    64: with the learning rate η and κ = batch / 64, each step multiplies every weight by
    e^(−η·λ·κ), near 1 − η·λ·κ while that is small (see `rules.decay_factor`). With "adam_l2" and
    "sgd" the λ of the penalty λ/2·‖w‖² added to a batch's mean squared error, the same at every
    batch size. These are different scales: Adam divides the penalty's gradient by its running
    gradient size, SGD does not (sensible values are in `optimizers`). No λ depends on the scale of
    the ratings: the mean squared error is that of ratings stretched to a range of the book's
    length, 5.5 (see `networks`)."""
    dropout: float = 0.0
    """Probability with which in training a product of two factors ("dot", "attention") or a unit
    of a hidden layer ("ncf", "neumf") is left out of a prediction. Acts in steps of 1/256."""
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
    tip: tuple[float, float] | None = None
    """The epoch reached and the mean batch loss since the last point: how far the curve of the
    training loss has grown towards its next point. None after too few steps for a mean."""
