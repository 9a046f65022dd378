"""What a learning rate and a λ mean at any batch size, and on any scale of the ratings."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from sim.recommender.optimizers import Optimizer, make_optimizer
from sim.recommender.ratings import Ratings, movielens, rating_range, split
from sim.recommender.records import Knobs, Progress, Settings
from sim.recommender.rules import (
    LARGEST_PULL,
    MOMENTUM,
    TABLE_RATE,
    batch_rule,
    decay_factor,
)
from sim.recommender.training import Trainer
from tests.sim.test_recommender_engine import toy_ratings

HALVES = toy_ratings(n=1500)
HALVES = replace(HALVES, rating=np.round(2 * HALVES.rating) / np.float32(2))  # 0.5, 1, ..., 5
MODELS = ("dot", "ncf", "neumf", "attention")
OPTIMIZERS = ("adamw", "adam_l2", "sgd")
SCALES = {  # a half star, and the rating of none
    "0 to 100": (200 / 9, -100 / 9),
    "10 to 100": (20, 0),
    "5 to 50": (10, 0),
    "-10 to 10": (40 / 9, -110 / 9),
    "0 to 1": (2 / 9, -1 / 9),
    "0 to 0.01": (0.02 / 9, -0.01 / 9),
}

every_model = pytest.mark.parametrize("model", MODELS)
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def stretched(ratings: Ratings, scale: str) -> Ratings:
    slope, start = SCALES[scale]
    return replace(ratings, rating=(ratings.rating * slope + start).astype(np.float32))


def finish(ratings: Ratings, knobs: Knobs, **more: object) -> tuple[Trainer, Progress]:
    settings = Settings(
        n_factors=6,
        batch_size=64,
        learning_rate=0.01,
        epochs=4,
        device="cpu",
        hidden=(12, 8),
        max_history=16,
        rating_range=rating_range(ratings),
    )
    trainer = Trainer(*split(ratings, seed=3), replace(settings, **more))  # type: ignore[arg-type]
    return trainer, trainer.run_for(math.inf, knobs)


@every_model
@every_optimizer
@pytest.mark.parametrize("scale", SCALES)
def test_a_run_is_the_same_on_every_scale(model: str, optimizer: str, scale: str) -> None:
    """Stretch the ratings, and the predictions stretch alike: nothing else changes, λ included."""
    knobs = Knobs({"adamw": 0.5, "adam_l2": 1e-4, "sgd": 1e-4}[optimizer], 0.2)
    one, course = finish(HALVES, knobs, model=model, optimizer=optimizer)
    other, stretched_course = finish(
        stretched(HALVES, scale), knobs, model=model, optimizer=optimizer
    )
    slope, start = SCALES[scale]
    users, movies = (x.ravel() for x in np.mgrid[: HALVES.n_users, : HALVES.n_movies])
    predicted = one.best().predict(users, movies)
    assert predicted.std() > 0.05, "it has learnt something to compare"
    np.testing.assert_allclose(
        (other.best().predict(users, movies) - start) / slope, predicted, atol=2e-3
    )
    for field in ("train_loss", "valid_loss"):
        losses, theirs = (
            [getattr(record, field) for record in progress.history]
            for progress in (course, stretched_course)
        )
        np.testing.assert_allclose(np.array(theirs) / slope**2, losses, rtol=2e-3)


@every_model
@every_optimizer
def test_thumbs_up_and_down_are_learnt(model: str, optimizer: str) -> None:
    """Two values only: below the loss of the mean, which no rate tuned on stars alone reaches."""
    thumbs = replace(HALVES, rating=np.where(HALVES.rating > 3, 1, -1).astype(np.float32))
    train, valid = split(thumbs, seed=3)
    mean = float(np.square(train.rating.mean() - valid.rating).mean())
    trainer, progress = finish(thumbs, Knobs(0.0), model=model, optimizer=optimizer, epochs=12)
    assert (progress.best_valid_loss or 9) < 0.95 * mean
    predicted = trainer.best().predict(valid.user, valid.movie)
    assert np.square(predicted - valid.rating).mean() == pytest.approx(
        progress.best_valid_loss, rel=1e-4
    )


# the decay


def optimizer_of(
    kind: str, weights: torch.Tensor, grad: torch.Tensor, batch: int, rate: float = 1e-3
) -> Optimizer:
    """For tables alone, in an epoch that holds many such batches."""
    settings = Settings(optimizer=kind, batch_size=batch, learning_rate=rate)  # type: ignore[arg-type]
    return make_optimizer(settings, weights, grad, len(weights), 64 * 1250)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("batch", [64, 128, 16_000, 40_000])
@pytest.mark.parametrize("decay", [0.2, 10.0, 1e38])
@pytest.mark.parametrize("share", [1.0, 0.3, 1e-5])
def test_a_step_of_adamw_multiplies_the_weights_by_one_factor(
    monkeypatch: pytest.MonkeyPatch, fused: bool, batch: int, decay: float, share: float
) -> None:
    """e^(−ηλκs), for weights without a gradient: what the docstrings and the screen say."""
    if not fused:
        monkeypatch.delattr(torch, "_fused_adamw_")
    weights, grad = torch.tensor([2.0, -0.5, 1e-3]), torch.zeros(3)
    before = weights.clone()
    optimizer_of("adamw", weights, grad, batch).step(share, decay)
    exponent = 1e-3 * decay * batch / 64 * share
    np.testing.assert_allclose(weights, math.exp(-exponent) * before, rtol=1e-5, atol=2e-7)
    if exponent < 0.01:
        np.testing.assert_allclose(weights, (1 - exponent) * before, rtol=1e-4)


@given(st.floats(1e-6, 10), st.floats(0, 1e6), st.integers(1, 10**6), st.integers(1, 10**8))
@settings_of_hypothesis(derandomize=True, max_examples=200, deadline=None)
def test_an_epoch_decays_alike_whatever_the_batch(
    rate: float, decay: float, batch: int, n_train: int
) -> None:
    """And no factor is below 0 or above 1, for any η, λ and batch, which 1 − ηλκ may be."""
    exponents = []
    for size in (batch, 64):
        rule = batch_rule(rate, decay, size, n_train)
        assert 0 <= decay_factor(rule.learning_rate, rule.weight_decay) <= 1
        exponents.append(rule.learning_rate * rule.weight_decay / size)
    assert exponents[0] == pytest.approx(exponents[1], rel=1e-9)
    small = decay_factor(1e-3, 0.2)
    assert small**7 == pytest.approx(decay_factor(1e-3, 7 * 0.2), rel=1e-12)
    assert small == pytest.approx(1 - 1e-3 * 0.2, abs=2.1e-8)  # half of the square


def test_adams_rate_grows_no_further_than_a_weight_is_large() -> None:
    assert batch_rule(1e-3, 0.1, 65_536).learning_rate == pytest.approx(1e-3 * 32)
    assert batch_rule(0.05, 0.1, 65_536).learning_rate == 0.1
    assert batch_rule(0.05, 0.1, 256).learning_rate == 0.1
    assert batch_rule(0.05, 0.1, 128).learning_rate == pytest.approx(0.05 * math.sqrt(2))
    assert batch_rule(0.3, 0.1, 65_536).learning_rate == 0.3  # as it is, when larger itself
    assert batch_rule(0.3, 0.1, 16).learning_rate == pytest.approx(0.15)


@pytest.mark.parametrize("batch", [64, 1024, 40_000])
@pytest.mark.parametrize("decay", [1e-4, 0.01, 0.2, 10.0, 1e6])
def test_sgds_penalty_lets_no_weight_swing(batch: int, decay: float) -> None:
    """From the first step to the last, and when λ is dragged over the slider and back."""
    weights, grad = torch.tensor([1.0, -3.0]), torch.zeros(2)
    start = weights.clone()
    optimizer = optimizer_of("sgd", weights, grad, batch)
    share = []
    for _ in range(300):
        grad.zero_()
        optimizer.step(1.0, decay)
        share.append(float((weights / start).min()))
    assert min(share) > -0.014
    assert max(share) <= 1
    if decay >= 0.2:
        assert abs(share[-1]) < 1e-5, "and it is gone"
    weights.copy_(start)
    optimizer = optimizer_of("sgd", weights, grad, batch)
    for turned in (0.0, 1e-3, 1.0, decay, 10.0, decay, 1.0, 0.0, 1e-4):
        for _ in range(3):
            grad.zero_()
            optimizer.step(1.0, turned)
            assert ((weights / start).abs() <= 1).all()


@pytest.mark.parametrize("decay", [1e-3, 0.2, 10.0])
@pytest.mark.parametrize("batch", [64, 4096])
def test_sgd_is_torchs_with_a_rate_that_the_penalty_bears(batch: int, decay: float) -> None:
    generator = torch.Generator().manual_seed(2)
    weights, grad = torch.randn(20, generator=generator), torch.zeros(20)
    theirs = weights.clone().requires_grad_()
    ours = optimizer_of("sgd", weights, grad, batch)
    size = 80_000 / math.ceil(80_000 / batch)
    rate = min(1e-3 * TABLE_RATE * size / 64, 0.8, LARGEST_PULL / decay)
    reference = torch.optim.SGD([theirs], lr=rate, momentum=MOMENTUM, weight_decay=decay)
    for number in range(40):
        share = 1.0 if number < 20 else 0.25
        reference.param_groups[0]["lr"] = rate * share
        drawn = torch.randn(20, generator=generator)
        grad.copy_(drawn)
        theirs.grad = drawn.clone()
        ours.step(share, decay)
        reference.step()
        torch.testing.assert_close(weights, theirs.detach(), rtol=1e-4, atol=1e-5)


# the ends of the sliders

MANY = toy_ratings(300, 400, 100_000)
LARGEST_RATE, LARGEST_DECAY = 0.05, 10.0  # of the sliders


def worst(batch: int, knobs: Knobs, **more: object) -> float:
    """The largest validation loss of three epochs, over that of the middle of the range.

    Some 20 steps an epoch, of the real size: the rules go by the batch, not by the data.
    """
    ratings = MANY.take(np.arange(min(len(MANY), 25 * batch)))
    settings: dict[str, object] = {"learning_rate": 1e-3, "batch_size": batch, "epochs": 3, **more}
    trainer, progress = finish(ratings, knobs, **settings)
    assert progress.state == "finished"
    (low, high), valid = trainer.settings.rating_range, split(ratings, seed=3)[1]
    middle = float(np.square((low + high) / 2 - valid.rating).mean())
    return max(point.valid_loss for point in trainer.points()) / middle


@every_optimizer
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("batch", [64, 1024, 4096, 16_384, 65_536])
def test_no_end_of_the_sliders_is_worse_than_not_learning(
    optimizer: str, schedule: str, batch: int
) -> None:
    """Weights of zero predict the middle of the range: λ may pull there, but not beyond.

    At no point of a run is the loss above the middle's by more than 3 % at the screen's learning
    rate, and by more than 12 % at its largest, fifty times that, under the largest λ.
    """
    same = {"optimizer": optimizer, "schedule": schedule}
    for knobs in (Knobs(0.0, 0.9), Knobs(LARGEST_DECAY)):
        assert worst(batch, knobs, **same) < 1.03, knobs
    assert worst(batch, Knobs(LARGEST_DECAY), learning_rate=LARGEST_RATE, **same) < 1.12


@pytest.mark.parametrize(("batch", "decay"), [(16_384, 10.0), (65_536, 4.0)])
def test_strong_decay_in_large_batches_underfits_and_no_more(batch: int, decay: float) -> None:
    """On the bundled ratings at the screen's rate: near 1.74, the loss of the middle, and below."""
    settings = Settings(batch_size=batch, learning_rate=1e-3, epochs=8, device="cpu")
    progress = Trainer(*split(movielens()), settings).run_for(math.inf, Knobs(decay))
    losses = [record.valid_loss for record in progress.history]
    assert losses == pytest.approx([1.65] * 8, abs=0.08)


@pytest.mark.parametrize("ends", [(0.0, 100.0), (5.0, 50.0), (10.0, 100.0), (0.0, 1.0)])
def test_sgd_learns_the_bundled_ratings_on_any_scale(ends: tuple[float, float]) -> None:
    low, high = ends
    bundled = movielens()
    ratings = replace(bundled, rating=low + (high - low) * (bundled.rating - 0.5) / np.float32(4.5))
    train, valid = split(ratings)
    settings = Settings(
        optimizer="sgd",
        batch_size=1024,
        learning_rate=1e-3,
        epochs=2,
        rating_range=rating_range(ratings),
        device="cpu",
    )
    trainer = Trainer(train, valid, settings)
    progress = trainer.run_for(math.inf, Knobs(0.0))
    mean = float(np.square(train.rating.mean() - valid.rating).mean())
    assert (progress.best_valid_loss or 1e9) < 0.85 * mean
    predicted = (trainer.best().predict(valid.user, valid.movie) - low) / (high - low)
    assert -0.05 < predicted.min() < predicted.max() < 1.05, "the ends of the range are ±0.11 away"
