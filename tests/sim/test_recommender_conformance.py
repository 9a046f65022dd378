"""What every model keeps, with every optimizer: one suite for all of them."""

import itertools
import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sim.recommender import Knobs, Progress, RatingModel, Settings, Trainer, split, training
from tests.sim.test_recommender_engine import toy_ratings

TRAIN, VALID = split(toy_ratings(n=1500), seed=3)
RATES = {"adamw": 0.01, "adam_l2": 0.01, "sgd": 0.01}
STRONG = {"adamw": 2.0, "adam_l2": 0.05, "sgd": 0.1}  # a weight decay that acts

every_model = pytest.mark.parametrize("model", ["dot", "ncf", "neumf", "attention"])
every_optimizer = pytest.mark.parametrize("optimizer", RATES)


def make(model: str, optimizer: str = "adamw", start: RatingModel | None = None, **more) -> Trainer:  # type: ignore[no-untyped-def]
    settings = Settings(
        n_factors=6,
        batch_size=64,
        learning_rate=RATES[optimizer],
        epochs=8,
        seed=2,
        device="cpu",
        hidden=(12, 8),
        max_history=16,
        model=model,  # type: ignore[arg-type]
        optimizer=optimizer,  # type: ignore[arg-type]
    )
    return Trainer(TRAIN, VALID, replace(settings, **more), start)


def finish(trainer: Trainer, knobs: Knobs | None = None) -> Progress:
    return trainer.run_for(math.inf, knobs or Knobs(0.0))


def weights(trainer: Trainer) -> torch.Tensor:
    return trainer._engine.network.weights.clone()


def overflow(trainer: Trainer) -> None:
    """Make the weights as large as steps that are far too long would: their products overflow."""
    trainer._engine.network.weights.mul_(1e30)


def losses(progress: Progress) -> list[tuple[int, float, float]]:
    return [(r.epoch, r.train_loss, r.valid_loss) for r in progress.history]


def predictions(model: RatingModel) -> np.ndarray:
    return model.predict(VALID.user, VALID.movie)


@every_model
@every_optimizer
def test_it_learns(model: str, optimizer: str) -> None:
    trainer = make(model, optimizer)
    progress = finish(trainer)
    assert progress.state == "finished"
    training = [record.train_loss for record in progress.history]
    assert training[-1] < 0.9 * training[0]
    constant = float(np.square(TRAIN.rating.mean() - VALID.rating).mean())
    assert (progress.best_valid_loss or 9) < 0.95 * constant
    predicted = np.concatenate([trainer.best().scores(user) for user in range(VALID.n_users)])
    assert 0 < predicted.min() < predicted.max() < 5.5


@every_model
def test_the_same_seed_is_the_same_run_however_it_is_cut(model: str) -> None:
    knobs = Knobs(0.1, 0.3)
    whole, sliced, reset = make(model), make(model), make(model)
    at_once = finish(whole, knobs)
    cut = sliced.run_for(0.0, knobs)
    while cut.state == "running":
        cut = sliced.run_for(0.0, knobs)
    assert losses(cut) == losses(at_once)
    assert torch.equal(weights(sliced), weights(whole))
    before = weights(reset)
    finish(reset, Knobs(0.3))
    reset.reset()
    assert torch.equal(weights(reset), before)
    again = finish(reset, knobs)
    assert losses(again) == losses(at_once)
    assert again.changes == ()
    assert torch.equal(weights(reset), weights(whole))
    assert not torch.equal(weights(make(model, seed=3)), before)


@every_model
def test_dropout_acts_in_training_only(model: str) -> None:
    plain, dropped = make(model), make(model)
    for trainer, p in ((plain, 0.0), (dropped, 0.5)):
        trainer.run_for(0.0, Knobs(0.0, p))
    assert not torch.equal(weights(plain), weights(dropped))
    progress = finish(dropped, Knobs(0.0, 0.5))
    assert progress.history[-1].train_loss != finish(plain).history[-1].train_loss
    best = dropped.best()
    measured = float(np.square(predictions(best) - VALID.rating).mean())
    assert measured == pytest.approx(progress.best_valid_loss, rel=1e-5)
    assert np.array_equal(predictions(best), predictions(best))


@every_model
@every_optimizer
def test_weight_decay_shrinks_and_acts_at_once(model: str, optimizer: str) -> None:
    free, decayed = make(model, optimizer), make(model, optimizer)
    for _ in range(5):
        free.run_for(0.0, Knobs(0.0))
        decayed.run_for(0.0, Knobs(0.0))
    assert torch.equal(weights(free), weights(decayed))
    free.run_for(0.0, Knobs(0.0))
    turned = decayed.run_for(0.0, Knobs(STRONG[optimizer]))
    assert not torch.equal(weights(free), weights(decayed))
    assert [(c.name, c.value) for c in turned.changes] == [("weight_decay", STRONG[optimizer])]
    for _ in range(3):
        free.run_epoch(Knobs(0.0))
        decayed.run_epoch(Knobs(STRONG[optimizer]))
    assert weights(decayed).norm() < 0.9 * weights(free).norm()


@every_model
def test_the_best_weights_come_back(model: str) -> None:
    trainer = make(model, epochs=40, learning_rate=0.03)
    progress = finish(trainer, Knobs(0.0, patience=3))
    curve = [record.valid_loss for record in progress.history]
    assert progress.state == "stopped_early"
    assert progress.best_epoch == np.argmin(curve) + 1 == len(curve) - 3
    for finished in (trainer.best(), trainer.current()):
        measured = float(np.square(predictions(finished) - VALID.rating).mean())
        assert measured == pytest.approx(min(curve), rel=1e-5)


@every_model
@every_optimizer
@pytest.mark.parametrize("good_epochs", [0, 2])
def test_divergence_is_an_end_like_others(model: str, optimizer: str, good_epochs: int) -> None:
    trainer = make(model, optimizer)
    before = weights(trainer)
    for _ in range(good_epochs):
        progress = trainer.run_epoch(Knobs(0.0))
    if good_epochs:
        assert progress.best_epoch == 2
        before = weights(trainer)
    overflow(trainer)
    progress = finish(trainer)
    assert progress.state == "diverged"
    assert progress.best_epoch == (good_epochs or None)
    assert (progress.best_valid_loss is None) == (good_epochs == 0)
    assert torch.equal(weights(trainer), before)
    assert np.isfinite(predictions(trainer.best())).all()
    assert trainer.run_for(1.0, Knobs(0.0)).step == progress.step


@every_model
@every_optimizer
def test_a_finished_model_is_the_engine_and_starts_another_run(model: str, optimizer: str) -> None:
    trainer = make(model, optimizer)
    progress = finish(trainer, Knobs(0.0, 0.2))
    kept = pickle.loads(pickle.dumps(trainer.best()))
    measured = float(np.square(predictions(kept) - VALID.rating).mean())
    assert measured == pytest.approx(progress.best_valid_loss, rel=1e-5)
    assert measured == pytest.approx(trainer._engine.valid_loss(), rel=1e-5)
    assert b"torch" not in pickle.dumps(kept)

    other = make(model, optimizer, kept, seed=trainer.settings.seed)
    assert np.array_equal(predictions(other.current()), predictions(kept))
    once = other.run_epoch(Knobs(0.0))
    assert once.history[0].train_loss < 0.9 * progress.history[0].train_loss
    other.reset()
    assert np.array_equal(predictions(other.current()), predictions(kept))
    with pytest.raises(ValueError, match="has shape"):
        make(model, optimizer, kept, n_factors=5)
    wrong = "ncf" if model == "dot" else "dot"
    with pytest.raises(ValueError, match=r"^The weights are of a \w+; these settings need a \w+"):
        make(wrong, optimizer, kept)


@every_model
def test_the_clock_is_kept(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own, which no busy machine can hold up: 1/128 s a reading."""
    trainer, readings = make(model, epochs=100_000), itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(readings) / 128)
    monkeypatch.setattr(training, "time", clock)
    progress = trainer.run_for(1.0, Knobs(0.1, 0.2))
    assert progress.state == "running"
    assert 1.0 <= progress.seconds <= 1.05, "late by a step and a validation at most"
    assert progress.ratings_per_second > 0
