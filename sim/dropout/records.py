"""What goes into the live fit and what comes out of it: small frozen records, without torch.

They travel between the web process, which must not import torch, and the worker, which has it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.dropout.masks import Array, check_rate
from sim.dropout.network import Network
from sim.overfitting import Sample, noisy_sine

State = Literal["running", "finished", "diverged"]
NETS = ("small", "large", "dropout")
"""The three networks of a fit: a small one, a large one, and the large one with dropout."""
N_TEST = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed for a run. Changing one of these means a new run.

    Raises ValueError where a value is out of range.
    """

    n_points: int = 15
    """Training points of the noisy sine."""
    noise: float = 0.5
    """Standard deviation of their noise."""
    small: tuple[int, ...] = (3,)
    """Widths of the small network's hidden layers."""
    large: tuple[int, ...] = (64, 64)
    """Widths of the over-sized network's hidden layers, with and without dropout."""
    learning_rate: float = 0.01
    """Adam's."""
    batch_size: int = 15
    """Points in a step; with all of them the loss curves without dropout are smooth."""
    steps: int = 1000
    """Steps after which the run is finished."""
    steps_per_point: int = 20
    """Steps between two points of the loss curves."""
    seed: int = 0
    """Fixes the data, the initial weights, the batches and the masks."""

    def __post_init__(self) -> None:
        for name in ("n_points", "batch_size", "steps", "steps_per_point"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0.")
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise ValueError(f"noise is {self.noise}; it must be 0 or above.")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be 0 or a positive integer.")
        for name in ("small", "large"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must name layers of units.")

    def samples(self) -> tuple[Sample, Sample]:
        """The training points and `N_TEST` test points, drawn as the overfitting screen does."""
        train, test = np.random.default_rng(self.seed).spawn(2)
        return (
            noisy_sine(self.n_points, self.noise, train),
            noisy_sine(N_TEST, self.noise, test),
        )


@dataclass(frozen=True, slots=True)
class Knobs:
    """What may be changed while a run goes on; a change acts on the very next step."""

    p: float = 0.2
    """The drop probability of the hidden units of the network with dropout, 0 <= p < 1."""

    def __post_init__(self) -> None:
        check_rate(self.p)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the loss curves, after `step` steps; a value for each of `NETS`.

    `train_loss` is the mean of the batch losses since the point before, each before its own step
    and, for the network with dropout, with its masks on: what training sees. `test_loss` is the
    mean squared error on new points, all units taking part; they have the training points' noise.
    """

    step: int
    train_loss: tuple[float, ...]
    test_loss: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The drop probability was given a new value at `step`."""

    step: int
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What each of `NETS` predicts at `x`, all units taking part: `y` has shape (3, len(x))."""

    x: Array
    y: Array


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where a run stands after a slice. `points` alone are about this slice only."""

    state: State
    step: int
    steps: int
    points: tuple[Point, ...]
    curves: Curves
    correlations: tuple[Array, Array]
    """Of the last hidden layer's units over [-1, 1]: the large net without, and with dropout."""
    changes: tuple[Change, ...]
    seconds: float
    best_epoch: None = None
    """No epoch is kept as the best: the fit shows where training ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Nets:
    """The three networks as numpy arrays, after `step` steps, and the p of the last one's masks."""

    small: Network
    large: Network
    dropout: Network
    step: int
    p: float
