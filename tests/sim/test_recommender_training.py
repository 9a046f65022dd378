"""Runs in slices, knobs turned on the way, early stopping, and what the real data show."""

import itertools
import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from sim.recommender import Stop, fit, movielens, split, stopping, training
from sim.recommender.model import MatrixFactorization
from sim.recommender.ratings import Ratings
from sim.recommender.records import EpochRecord, Knobs, Progress, Settings
from sim.recommender.training import Trainer

SETTINGS = Settings(n_factors=6, batch_size=64, learning_rate=0.02, epochs=12, seed=2, device="cpu")


@pytest.fixture(scope="module")
def parts() -> tuple[Ratings, Ratings]:
    """600 ratings of 40 movies by 30 users, of rank 2 under noise, split."""
    rng = np.random.default_rng(7)
    user, movie = rng.integers(30, size=600), rng.integers(40, size=600)
    u, v = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
    rating = 3 + np.tanh((u[user] * v[movie]).sum(1)) + 0.5 * rng.normal(size=600)
    users, movies = tuple(map(str, range(30))), tuple(map(str, range(40)))
    clipped = rating.clip(0.5, 5).astype(np.float32)
    return split(Ratings(user, movie, clipped, movies, ((),) * 40, users, movies))


def same(a: MatrixFactorization, b: MatrixFactorization) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("user_factors", "movie_factors", "user_bias", "movie_bias")
    )


def valid_mse(model: MatrixFactorization, valid: Ratings) -> float:
    return float(((model.predict(valid.user, valid.movie) - valid.rating) ** 2).mean())


def finish(trainer: Trainer, knobs: Knobs) -> Progress:
    return trainer.run_for(math.inf, knobs)


def losses(history: tuple[EpochRecord, ...]) -> list[tuple[int, float, float]]:
    return [(r.epoch, r.train_loss, r.valid_loss) for r in history]


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_slices_do_not_matter(parts: tuple[Ratings, Ratings], dropout: float) -> None:
    knobs = Knobs(0.2, dropout)
    whole, sliced, by_epoch = (Trainer(*parts, SETTINGS) for _ in range(3))
    at_once = finish(whole, knobs)
    slices = [sliced.run_for(0.0, knobs)]  # no time at all: one step each
    while slices[-1].state == "running":
        slices.append(sliced.run_for(0.0, knobs))
    epochs = [by_epoch.run_epoch(knobs) for _ in range(SETTINGS.epochs)]

    assert len(slices) == slices[-1].step == at_once.step == 12 * 8
    assert [p.epoch for p in epochs] == list(range(1, 13))
    for trainer, last in ((sliced, slices[-1]), (by_epoch, epochs[-1])):
        assert same(trainer.current(), whole.current())
        assert same(trainer.best(), whole.best())
        assert losses(last.history) == losses(at_once.history)
    assert tuple(p for part in slices for p in part.points) == at_once.points == whole.points()
    assert at_once.state == epochs[-1].state == "finished"


def test_seeds_and_reset(parts: tuple[Ratings, Ratings]) -> None:
    knobs = Knobs(0.1, 0.3)
    trainer = Trainer(*parts, SETTINGS)
    start = trainer.current()
    first, model = finish(trainer, knobs), trainer.best()
    trainer.reset()
    assert same(trainer.current(), start)
    again = finish(trainer, knobs)
    assert same(trainer.best(), model)
    assert losses(again.history) == losses(first.history)
    assert again.changes == ()
    other = Trainer(*parts, replace(SETTINGS, seed=3))
    assert not same(other.current(), start)


def test_a_turned_knob_acts_on_the_next_step(parts: tuple[Ratings, Ratings]) -> None:
    for turned in (Knobs(0.5), Knobs(0.0, 0.5)):
        plain, other = Trainer(*parts, SETTINGS), Trainer(*parts, SETTINGS)
        for _ in range(11):  # into the second epoch
            plain.run_for(0.0, Knobs(0.0))
            other.run_for(0.0, Knobs(0.0))
        assert same(plain.current(), other.current())
        plain.run_for(0.0, Knobs(0.0))
        progress = other.run_for(0.0, turned)
        assert not same(plain.current(), other.current())
        assert [(c.epoch, c.name) for c in progress.changes] == [
            (11 / 8, "weight_decay" if turned.weight_decay else "dropout")
        ]
    # the new decay's whole effect on that one step: every weight shrunk by 1 − η·Δ
    shrunk = Trainer(*parts, SETTINGS)
    free = Trainer(*parts, SETTINGS)
    shrunk.run_for(0.0, Knobs(0.25))
    free.run_for(0.0, Knobs(0.0))
    start = Trainer(*parts, SETTINGS).current().user_factors
    difference = free.current().user_factors - shrunk.current().user_factors
    kappa = 480 / 8 / 64
    np.testing.assert_allclose(difference, 0.02 * 0.25 * kappa * start, rtol=1e-2, atol=1e-7)


def test_changes_tell_every_knob_and_value(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, SETTINGS)
    for knobs in (Knobs(0.1), Knobs(0.1, 0.2, 5), Knobs(0.1, 0.2, 5), Knobs(0.0, 0.2, None)):
        progress = trainer.run_epoch(knobs)
    assert [(c.epoch, c.name, c.value) for c in progress.changes] == [
        (1.0, "dropout", 0.2),
        (1.0, "patience", 5),
        (3.0, "weight_decay", 0.0),
        (3.0, "patience", None),
    ]


def test_points_and_records_agree(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, SETTINGS)
    progress = finish(trainer, Knobs(0.1))
    points = {point.epoch: point for point in progress.points}
    assert sorted(points) == [i / 4 for i in range(1, 49)]
    for record in progress.history:
        assert points[record.epoch].valid_loss == record.valid_loss
        quarters = [points[record.epoch - i / 4].train_loss for i in range(4)]
        assert record.train_loss == pytest.approx(np.mean(quarters), rel=1e-6)
    assert progress.seconds >= sum(record.seconds for record in progress.history) > 0
    assert progress.ratings_per_second == pytest.approx(480 * 12 / progress.seconds, rel=0.05)
    assert (progress.device, progress.epochs, progress.epoch) == ("CPU", 12, 12.0)


def test_few_steps_give_few_points(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, replace(SETTINGS, batch_size=300, epochs=3))
    progress = finish(trainer, Knobs())
    assert [point.epoch for point in progress.points] == [0.5, 1, 1.5, 2, 2.5, 3]
    one = Trainer(*parts, replace(SETTINGS, batch_size=10_000, epochs=2))
    assert [point.epoch for point in finish(one, Knobs()).points] == [1, 2]


def stop_by_the_rule(curve: list[float], patience: int | None) -> tuple[int, int]:
    """(last epoch, best epoch) by the rule in `Trainer`, from the whole curve."""
    for last in range(1, len(curve) + 1):
        best = min(range(last), key=lambda i: curve[i]) + 1
        if patience is not None and last - best >= patience:
            return last, best
    return len(curve), min(range(len(curve)), key=lambda i: curve[i]) + 1


@pytest.mark.parametrize("patience", [1, 2, 3, 5, 11, 40, None])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_patience_follows_the_rule(
    parts: tuple[Ratings, Ratings], patience: int | None, seed: int
) -> None:
    settings = replace(SETTINGS, epochs=20, seed=seed)
    full = finish(Trainer(*parts, settings), Knobs(0.0))
    curve = [record.valid_loss for record in full.history]
    assert min(curve) < curve[-1]  # it overfits, so there is something to stop
    last, best = stop_by_the_rule(curve, patience)

    trainer = Trainer(*parts, settings)
    progress = finish(trainer, Knobs(0.0, patience=patience))
    told = stopping(full.history, patience)
    assert told == Stop(last, best, curve[best - 1], stopped=patience == last - best)
    assert [record.valid_loss for record in progress.history] == curve[:last]
    assert (progress.best_epoch, progress.best_valid_loss) == (best, curve[best - 1])
    assert progress.wait == last - best
    assert progress.state == ("finished" if last == 20 else "stopped_early")
    # the best weights are back, in both
    for model in (trainer.best(), trainer.current()):
        assert valid_mse(model, parts[1]) == pytest.approx(curve[best - 1], abs=1e-6)


def test_stopping_without_records_or_with_a_bad_patience() -> None:
    assert stopping((), 3) is None
    with pytest.raises(ValueError, match=r"^patience is 0; .*\.$"):
        stopping((), 0)


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=25), st.one_of(st.none(), st.integers(1, 8))
)
@settings_of_hypothesis(derandomize=True, max_examples=150, deadline=None)
def test_stopping_is_the_rule_on_any_curve(curve: list[int], patience: int | None) -> None:
    """Equal losses included: an equal one is no new best."""
    history = tuple(EpochRecord(i + 1, 1.0, float(loss), 0.1) for i, loss in enumerate(curve))
    last, best = stop_by_the_rule([float(loss) for loss in curve], patience)
    stopped = patience is not None and last - best >= patience
    assert stopping(history, patience) == Stop(last, best, float(curve[best - 1]), stopped)
    if patience is not None and (longer := stopping(history, patience + 1)) is not None:
        assert longer.epoch >= last
        assert longer.best_valid_loss <= curve[best - 1], "more patience never keeps a worse epoch"


def test_a_run_goes_on_from_a_model(parts: tuple[Ratings, Ratings]) -> None:
    first = Trainer(*parts, SETTINGS)
    ended = finish(first, Knobs(0.1))
    kept = pickle.loads(pickle.dumps(first.best()))  # as the web process holds it
    second = Trainer(*parts, SETTINGS, kept)
    assert same(second.current(), kept)
    progress = second.run_epoch(Knobs(0.1))
    assert (progress.epoch, len(progress.history), progress.best_epoch) == (1.0, 1, 1)
    # its first epoch goes on from there: far below the first epoch of the first run
    assert progress.history[0].train_loss < 0.8 * ended.history[0].train_loss
    second.reset()
    assert same(second.current(), kept)
    fewer = replace(SETTINGS, n_factors=5)
    with pytest.raises(ValueError, match="user has shape"):
        Trainer(*parts, fewer, kept)


def test_an_ended_run_stays_ended(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, replace(SETTINGS, epochs=2))
    ended, model = finish(trainer, Knobs()), trainer.current()
    for more in (trainer.run_for(1.0, Knobs(0.9)), trainer.run_epoch(Knobs(0.9))):
        assert (more.state, more.step, more.points) == ("finished", ended.step, ())
        assert (more.ratings_per_second, more.changes) == (0.0, ())
    assert same(trainer.current(), model)


def test_best_before_the_first_epoch_is_the_present(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, SETTINGS)
    progress = trainer.run_for(0.0, Knobs())
    assert (progress.best_epoch, progress.best_valid_loss, progress.wait) == (None, None, 0)
    assert same(trainer.best(), trainer.current())


@pytest.mark.parametrize("good_epochs", [0, 2])
def test_divergence_ends_the_run_without_an_error(
    parts: tuple[Ratings, Ratings], good_epochs: int
) -> None:
    trainer = Trainer(*parts, SETTINGS)
    before = trainer.current()
    for _ in range(good_epochs):
        trainer.run_epoch(Knobs())
        before = trainer.best()
    trainer._engine.network.weights.mul_(1e30)  # products of these overflow
    progress = finish(trainer, Knobs())
    assert progress.state == "diverged"
    assert len(progress.history) == good_epochs
    assert all(math.isfinite(point.valid_loss) for point in trainer.points())
    assert same(trainer.current(), before)


def test_the_clock_is_kept(parts: tuple[Ratings, Ratings], monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own, which no busy machine can hold up: 1/128 s a reading."""
    trainer, readings = Trainer(*parts, replace(SETTINGS, epochs=100_000)), itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(readings) / 128)
    monkeypatch.setattr(training, "time", clock)
    progress = trainer.run_for(2.0, Knobs())
    assert progress.state == "running"
    assert 2.0 <= progress.seconds <= 2.05, "late by a step and a validation at most"
    assert progress.step > 100


def test_unfit_ratings_are_refused(parts: tuple[Ratings, Ratings]) -> None:
    train, valid = parts
    with pytest.raises(ValueError, match="at least one rating each"):
        Trainer(train, valid.take(np.array([], dtype=int)), SETTINGS)
    fewer = replace(valid, user=valid.user * 0, user_ids=("0",))
    with pytest.raises(ValueError, match="share their users and movies"):
        Trainer(train, fewer, SETTINGS)


def test_fit_is_the_same_run_without_a_screen(parts: tuple[Ratings, Ratings]) -> None:
    result = fit(
        *parts,
        n_factors=6,
        epochs=12,
        learning_rate=0.02,
        weight_decay=0.1,
        dropout=0.2,
        patience=4,
        batch_size=64,
        seed=2,
        schedule="constant",
        device="cpu",
    )
    trainer = Trainer(*parts, SETTINGS)
    progress = finish(trainer, Knobs(0.1, 0.2, 4))
    assert same(result.model, trainer.best())
    assert [r.valid_loss for r in result.history] == [r.valid_loss for r in progress.history]
    assert (result.best_epoch, result.state) == (progress.best_epoch, progress.state)


def test_it_learns_what_was_hidden(parts: tuple[Ratings, Ratings]) -> None:
    train, valid = parts
    constant = float(((train.rating.mean() - valid.rating) ** 2).mean())
    result = fit(
        *parts,
        n_factors=6,
        epochs=15,
        learning_rate=0.02,
        weight_decay=0.2,
        batch_size=64,
        device="cpu",
    )
    assert valid_mse(result.model, valid) < 0.85 * constant
    assert result.valid_loss == pytest.approx(valid_mse(result.model, valid), rel=1e-5)


def test_records_travel_without_torch(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, SETTINGS)
    progress = trainer.run_epoch(Knobs())
    assert pickle.loads(pickle.dumps(progress)) == progress
    assert b"torch" not in pickle.dumps((progress, trainer.best(), SETTINGS, Knobs()))


def test_real_ratings_overfit_without_decay_and_not_with_it() -> None:
    train, valid = split(movielens())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        settings = Settings(learning_rate=1e-3, epochs=15, points_per_epoch=1, device="cpu")
        curves = {}
        for weight_decay in (0.0, 0.2, 1.0):
            progress = finish(Trainer(train, valid, settings), Knobs(weight_decay))
            curves[weight_decay] = [record.valid_loss for record in progress.history]
            if weight_decay == 0.0:
                train_end = progress.history[-1].train_loss
    finally:
        torch.set_num_threads(threads)
    free, good, strong = curves[0.0], curves[0.2], curves[1.0]
    assert 3 <= free.index(min(free)) + 1 <= 8
    assert free[-1] > min(free) + 0.1  # 0.765 and back up to 0.927 when measured
    assert train_end < 0.15
    assert good[-1] < min(good) + 0.01  # it stays where it fell to: 0.767
    assert good[-1] < free[-1] - 0.1
    assert strong[-1] > good[-1] + 0.15  # and too much of it underfits: 0.981


def test_the_books_recipe_reaches_the_published_area() -> None:
    result = fit(*split(movielens()), device="cpu")
    assert len(result.history) == 5
    # 0.763 when measured; guessing the mean rating gives 1.12
    assert result.history[-1].valid_loss < 0.775


def test_a_shorter_recipe_for_those_in_a_hurry() -> None:
    """The one in the docstring of `fit`: a quarter of the time, a little more loss."""
    result = fit(
        *split(movielens()),
        n_factors=16,
        epochs=3,
        batch_size=3072,
        learning_rate=8e-3,
        weight_decay=0.06,
        device="cpu",
    )
    assert result.valid_loss < 0.775  # 0.769 when measured
