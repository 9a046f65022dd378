"""What a slice under way says and hears: the tip of the curve, and knobs turned meanwhile."""

import itertools
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.recommender import training
from sim.recommender.ratings import Ratings
from sim.recommender.records import Knobs, Settings
from sim.recommender.training import Trainer

SETTINGS = Settings(n_factors=4, batch_size=10, epochs=10**6, seed=1, device="cpu")
STEPS = 40  # in an epoch


@pytest.fixture(scope="module")
def parts() -> tuple[Ratings, Ratings]:
    rng = np.random.default_rng(3)
    ids = tuple(map(str, range(25)))
    user, movie = rng.integers(25, size=(2, 500))
    rating = rng.uniform(1, 5, 500).astype(np.float32)
    whole = Ratings(user, movie, rating, ids, ((),) * 25, ids, ids)
    return whole.take(np.arange(10 * STEPS)), whole.take(np.arange(10 * STEPS, 500))


def test_the_tip_is_what_a_point_there_would_say(parts: tuple[Ratings, Ratings]) -> None:
    rare = Trainer(*parts, replace(SETTINGS, points_per_epoch=1))
    often = Trainer(*parts, replace(SETTINGS, points_per_epoch=2))
    tips = [rare.run_for(0.0, Knobs(0.1)).tip for _ in range(STEPS)]
    assert tips[:15] == [None] * 15, "too few steps for a mean"
    assert all(tip is not None for tip in tips[15:-1])
    assert tips[-1] is None, "a point has just been made"
    for _ in range(STEPS // 2):
        points = often.run_for(0.0, Knobs(0.1)).points
    assert tips[STEPS // 2 - 1] == (points[0].epoch, points[0].train_loss)


def test_there_is_no_tip_where_the_loss_is_not_finite(parts: tuple[Ratings, Ratings]) -> None:
    trainer = Trainer(*parts, replace(SETTINGS, points_per_epoch=1))
    trainer._engine.network.weights.mul_(1e30)  # products of these overflow
    answers = [trainer.run_for(0.0, Knobs()) for _ in range(STEPS)]
    assert {answer.tip for answer in answers} == {None}
    assert [answer.state for answer in answers[-2:]] == ["running", "diverged"]


def test_turned_knobs_take_over_at_the_next_step(
    parts: tuple[Ratings, Ratings], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(*parts, SETTINGS)
    first = trainer.run_for(0.0, Knobs(0.1))
    readings = itertools.count()

    def clock() -> float:
        """A second for each reading, and knobs turned beside the slice at the hundredth."""
        if (seconds := next(readings)) == 100:
            turned = threading.Thread(target=trainer.turn, args=[Knobs(0.4, 0.5)])
            turned.start()
            turned.join()
        return seconds

    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=clock))
    slice_ = trainer.run_for(200.0, Knobs(0.1))
    assert [(c.name, c.value) for c in slice_.changes] == [("weight_decay", 0.4), ("dropout", 0.5)]
    (epoch,) = {change.epoch for change in slice_.changes}
    assert first.step + 50 < round(epoch * STEPS) < slice_.step - 50
    # the same course as of slices that were cut there
    again = Trainer(*parts, SETTINGS)
    for step in range(slice_.step):
        again.run_for(0.0, Knobs(0.1) if step < round(epoch * STEPS) else Knobs(0.4, 0.5))
    assert np.array_equal(again.current().user_factors, trainer.current().user_factors)
