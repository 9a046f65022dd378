"""Training in short slices, early stopping, and the same without a screen: `Trainer` and `fit`.

This module and `engine` import torch; nothing that a web process imports may import them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from sim.recommender.engine import Engine, choose_device, device_name, flushed_denormals
from sim.recommender.ensemble import Ensemble
from sim.recommender.model import RatingModel
from sim.recommender.ratings import Ratings
from sim.recommender.records import (
    Change,
    EpochRecord,
    Knobs,
    ModelName,
    OptimizerName,
    Point,
    Progress,
    Schedule,
    Settings,
    State,
)
from sim.recommender.size import check_size

__all__ = ["Fit", "Trainer", "choose_device", "fit"]

_TIP_STEPS = 16  # of fewer the mean loss jumps about


class Trainer:
    """One training run, advanced in slices by whoever holds it; made to live in a worker.

    The course of a run depends on the data, the settings and the knobs at each step, never on how
    it was cut into slices (to the bit on a CPU; on a GPU the order of additions, and so the last
    digits, may vary). Pausing is simply not calling `run_for`.

    **Early stopping.** After each epoch the validation loss is compared with the best so far; a
    strictly smaller one is the new best and its weights are kept. The run stops once `patience`
    epochs in a row brought no new best (as in Keras: wait >= patience). Whether it stopped so or
    finished its epochs, the best epoch's weights are then put back. A loss that is not finite
    ends the run as "diverged", with the best weights so far (the initial ones before epoch 1).
    An ended run stays ended until `reset`.

    **Going on from a model.** With `start`, a finished model of the same settings, a new run (epoch
    0, nothing best yet) begins with its weights: so a run whose worker was lost goes on from its
    last best weights. The optimizer's running averages are not part of a model; they start anew.
    Raises ValueError where the model does not fit.
    """

    def __init__(
        self,
        train: Ratings,
        valid: Ratings,
        settings: Settings | None = None,
        start: RatingModel | None = None,
    ) -> None:
        if len(train) == 0 or len(valid) == 0:
            raise ValueError("Training and validation need at least one rating each.")
        if (train.n_users, train.n_movies) != (valid.n_users, valid.n_movies):
            raise ValueError("Training and validation ratings must share their users and movies.")
        self.settings = settings or Settings()
        check_size(self.settings, train.n_users, train.n_movies)
        self._engine = Engine(train, valid, self.settings, start)
        self._device = device_name(self._engine.device)
        wanted, steps = self.settings.points_per_epoch, self._engine.steps_per_epoch
        self._marks = {math.ceil(steps * (i + 1) / wanted) for i in range(wanted)}
        self._start()

    def reset(self) -> None:
        """Go back to the beginning: the same initial weights, and the same order to come."""
        self._engine.reset()
        self._start()

    def run_for(self, seconds: float, knobs: Knobs) -> Progress:
        """Train for about `seconds` with `knobs`, at least one step, and say where the run stands.

        Returns early when the run has ended. The clock is looked at after each step, so a slice
        is late by one step and one validation (some milliseconds) at most. Knobs that `turn` brings
        meanwhile take over at the next step.
        """
        end = time.perf_counter() + seconds
        return self._run(knobs, lambda: time.perf_counter() >= end)

    def run_epoch(self, knobs: Knobs) -> Progress:
        """Train to the end of the present epoch."""
        return self._run(knobs, lambda: self._step % self._engine.steps_per_epoch == 0)

    def turn(self, knobs: Knobs) -> None:
        """Use `knobs` from the next step of the slice under way on; made to be called beside it."""
        self._wanted = knobs

    def best(self) -> RatingModel:
        """The model with the best epoch's weights; before the first epoch's end, as it stands."""
        return self._engine.network.finished(self._kept) if self._best else self.current()

    def current(self) -> RatingModel:
        """The model as it stands now."""
        return self._engine.network.finished(self._engine.network.weights)

    def points(self) -> tuple[Point, ...]:
        """All points of the loss curves so far."""
        return tuple(self._points)

    def _start(self) -> None:
        self._kept = self._engine.network.weights.clone()
        self._knobs: Knobs | None = None
        self._state: State = "running"
        self._step = 0
        self._clear_sums()
        self._epoch_sum = 0.0
        self._points: list[Point] = []
        self._history: list[EpochRecord] = []
        self._changes: list[Change] = []
        self._best: EpochRecord | None = None
        self._seconds = 0.0
        self._seconds_at_epoch = 0.0

    def _run(self, knobs: Knobs, enough: Callable[[], bool]) -> Progress:
        first_point, first_step = len(self._points), self._step
        clock = time.perf_counter()
        before = self._seconds
        if self._state == "running":
            self._wanted = knobs
            with flushed_denormals(), torch.no_grad():
                while True:
                    if self._wanted is not self._knobs:
                        knobs = self._wanted
                        self._note(knobs)
                    self._sum += self._engine.step(self._step, knobs.weight_decay, knobs.dropout)
                    self._summed += 1
                    self._step += 1
                    within = (self._step - 1) % self._engine.steps_per_epoch + 1
                    if within in self._marks:
                        self._seconds = before + time.perf_counter() - clock
                        self._mark(knobs, whole=within == self._engine.steps_per_epoch)
                    if self._state != "running" or enough():
                        break
                if self._engine.device.type != "cpu":
                    float(self._sum)  # wait for the device, so that the seconds are true
        spent = time.perf_counter() - clock
        self._seconds = before + spent
        taken = self._ratings_seen(self._step) - self._ratings_seen(first_step)
        return Progress(
            state=self._state,
            epoch=self._step / self._engine.steps_per_epoch,
            epochs=self.settings.epochs,
            step=self._step,
            points=tuple(self._points[first_point:]),
            history=tuple(self._history),
            best_epoch=self._best.epoch if self._best else None,
            best_valid_loss=self._best.valid_loss if self._best else None,
            wait=self._wait(),
            changes=tuple(self._changes),
            seconds=self._seconds,
            ratings_per_second=taken / spent if taken else 0.0,
            device=self._device,
            tip=self._tip(),
        )

    def _tip(self) -> tuple[float, float] | None:
        if self._state != "running" or self._summed < _TIP_STEPS:
            return None
        loss = float(self._sum) / self._summed
        return (self._step / self._engine.steps_per_epoch, loss) if math.isfinite(loss) else None

    def _note(self, knobs: Knobs) -> None:
        """Take over `knobs`, and note what changed."""
        if self._knobs is not None:
            epoch = self._step / self._engine.steps_per_epoch
            for field in fields(Knobs):
                value = getattr(knobs, field.name)
                if value != getattr(self._knobs, field.name):
                    self._changes.append(Change(epoch, field.name, value))
        self._knobs = knobs

    def _mark(self, knobs: Knobs, *, whole: bool) -> None:
        summed, valid_loss = float(self._sum), self._engine.valid_loss()
        if not (math.isfinite(summed) and math.isfinite(valid_loss)):
            self._end("diverged")
            return
        epoch = self._step / self._engine.steps_per_epoch
        self._points.append(Point(epoch, summed / self._summed, valid_loss))
        self._epoch_sum += summed
        self._clear_sums()
        if whole:
            self._finish_epoch(round(epoch), valid_loss, knobs.patience)

    def _finish_epoch(self, epoch: int, valid_loss: float, patience: int | None) -> None:
        train_loss = self._epoch_sum / self._engine.steps_per_epoch
        seconds = self._seconds - self._seconds_at_epoch
        record = EpochRecord(epoch, train_loss, valid_loss, seconds)
        self._history.append(record)
        self._epoch_sum, self._seconds_at_epoch = 0.0, self._seconds
        if self._best is None or valid_loss < self._best.valid_loss:
            self._best = record
            self._kept.copy_(self._engine.network.weights)
        if epoch >= self.settings.epochs:
            self._end("finished")
        elif patience is not None and self._wait() >= patience:
            self._end("stopped_early")

    def _end(self, state: State) -> None:
        self._state = state
        self._engine.network.weights.copy_(self._kept)

    def _wait(self) -> int:
        return len(self._history) - self._best.epoch if self._best else 0

    def _ratings_seen(self, step: int) -> int:
        epochs, within = divmod(step, self._engine.steps_per_epoch)
        return epochs * self._engine.n_ratings + self._engine.bounds[within]

    def _clear_sums(self) -> None:
        # the losses are summed on the device: asking for each one would wait for it
        self._sum, self._summed = torch.zeros((), device=self._engine.device), 0


@dataclass(frozen=True, slots=True)
class Fit:
    """What `fit` gives back: the records of all epochs, and the model of the best of them.

    Of several models the records are those of the first; each one's own are in `members`.
    """

    history: tuple[EpochRecord, ...]
    model: RatingModel
    best_epoch: int | None
    device: str
    state: State
    valid_loss: float
    """Mean squared error of `model` on the validation ratings."""
    members: tuple["Fit", ...] = ()
    """With n_models > 1: each model by itself."""


def fit(
    train: Ratings,
    valid: Ratings,
    *,
    n_factors: int = 50,
    epochs: int = 5,
    learning_rate: float = 5e-3,
    weight_decay: float = 0.1,
    dropout: float = 0.0,
    patience: int | None = None,
    batch_size: int = 1024,
    seed: int = 0,
    schedule: Schedule = "one_cycle",
    rating_range: tuple[float, float] = (0.0, 5.5),
    device: str = "auto",
    model: ModelName = "dot",
    optimizer: OptimizerName = "adamw",
    hidden: tuple[int, ...] = (64, 32),
    max_history: int = 32,
    n_models: int = 1,
) -> Fit:
    """Train on `train`, watching `valid`, and give back the model of the best epoch.

    The same run as on the screen, in one go (see `Settings`, `Knobs` and `Trainer` for each
    argument, and for the rule of early stopping). The defaults are the book's recipe: five epochs
    in one cycle with the largest learning rate 5e-3, and weight decay 0.1. A constant learning
    rate, as on the screen, does best at about 0.002. For those in a hurry: epochs=3,
    batch_size=3072, n_factors=16, learning_rate=8e-3, weight_decay=0.06 comes within 3 % of that
    loss in a quarter of the time. With `n_models` above 1, so many runs with the
    seeds seed, seed + 1, ... follow one another, and the model is the mean of theirs (`Ensemble`).
    Raises ValueError for a bad argument.
    """
    if n_models < 1:
        raise ValueError(f"n_models is {n_models}; it must be at least 1.")
    settings = Settings(
        n_factors=n_factors,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        schedule=schedule,
        rating_range=rating_range,
        device=device,
        points_per_epoch=1,
        model=model,
        optimizer=optimizer,
        hidden=hidden,
        max_history=max_history,
    )
    knobs = Knobs(weight_decay, dropout, patience)
    seeds = range(seed, seed + n_models)
    members = tuple(_fit(train, valid, replace(settings, seed=one), knobs) for one in seeds)
    if n_models == 1:
        return members[0]
    ensemble = Ensemble(tuple(member.model for member in members))
    return replace(
        members[0],
        model=ensemble,
        valid_loss=_valid_loss(ensemble, valid),
        members=members,
    )


def _fit(train: Ratings, valid: Ratings, settings: Settings, knobs: Knobs) -> Fit:
    trainer = Trainer(train, valid, settings)
    end = trainer.run_for(math.inf, knobs)
    model, loss = trainer.best(), end.best_valid_loss
    if loss is None:  # it diverged before its first epoch's end
        loss = _valid_loss(model, valid)
    return Fit(end.history, model, end.best_epoch, end.device, end.state, loss)


def _valid_loss(model: RatingModel, valid: Ratings) -> float:
    return float(np.square(model.predict(valid.user, valid.movie) - valid.rating).mean())
