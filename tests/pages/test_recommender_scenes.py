"""The sentences of the recommender's scenes 1 to 9, on the very runs that Start begins there.

What is started is taken from the screen: settings and knobs as its controls stand, whatever they
are. The runs go side by side in two processes, as each takes seconds of training.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from sim.recommender import Knobs, Settings, Trainer, movielens, split
from tests.pages.conftest import Open
from ui.views.recommender import training

Plan = tuple[Settings, Knobs]
Plans = dict[int, Plan]
Courses = Callable[["int | Plan"], "Course"]


@dataclass(frozen=True)
class Course:
    """How a run went: its losses by epoch; and of the weights that are back in the end, the length
    of the users' factors and the validation loss."""

    state: str
    best_epoch: int
    train: list[float]
    valid: list[float]
    norm: float
    kept: float


def trained(plan: Plan) -> Course:
    """The whole run of a plan. Runs in a process of its own."""
    torch.set_num_threads(1)
    settings, knobs = plan
    train, valid = split(movielens())
    trainer = Trainer(train, valid, settings)
    progress = trainer.run_for(math.inf, knobs)
    model = trainer.current()
    return Course(
        progress.state,
        progress.best_epoch or 0,
        [record.train_loss for record in progress.history],
        [record.valid_loss for record in progress.history],
        float(np.linalg.norm(model.user_factors)),  # type: ignore[attr-defined]
        float(np.square(model.predict(valid.user, valid.movie) - valid.rating).mean()),
    )


@pytest.fixture(scope="module")
def plans(open_screen: Open) -> Plans:
    """What Start begins in each scene: the screen's own call is heard, and nothing is started."""
    heard: Plans = {}
    with pytest.MonkeyPatch.context() as patch:
        for number in range(1, 10):
            patch.setattr(
                training,
                "start",
                lambda settings, knobs, n=number: heard.update({n: (settings, knobs)}),
            )
            screen = open_screen("recommender", scene=str(number))
            screen.button(key="start").click().run()
    assert sorted(heard) == list(range(1, 10))
    return heard


@pytest.fixture(scope="module")
def course(plans: Plans) -> Iterator[Courses]:
    """The course of a scene's run, or of another plan; each is trained once."""
    pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    known = {plan: pool.submit(trained, plan) for plan in plans.values()}

    def result(wanted: int | Plan) -> Course:
        plan = plans[wanted] if isinstance(wanted, int) else wanted
        if plan not in known:
            known[plan] = pool.submit(trained, plan)
        return known[plan].result(timeout=600)

    try:
        yield result
    finally:
        pool.shutdown(cancel_futures=True)


def rise(course: Course) -> float:
    """From the best epoch to the last one."""
    return course.valid[-1] - min(course.valid)


def test_without_regularization_it_memorises(course: Courses) -> None:
    free = course(1)
    assert len(free.train) == 30
    assert free.train == sorted(free.train, reverse=True)
    assert free.train[-1] < 0.05
    assert 2 <= free.best_epoch <= 8
    after = free.valid[free.best_epoch - 1 :]
    assert after == sorted(after), "it turns once, and rises from then on"
    assert rise(free) > 0.25


def test_weight_decay_that_fits(course: Courses) -> None:
    """It falls about as far as without, and stays there to the last epoch."""
    free, fit = course(1), course(2)
    assert min(fit.valid) == pytest.approx(min(free.valid), abs=0.01)
    assert max(fit.valid[fit.best_epoch :]) < min(fit.valid) + 0.015
    assert len(fit.valid) == 30
    assert fit.best_epoch <= 20


def test_too_much_weight_decay(course: Courses) -> None:
    fit, strong = course(2), course(3)
    assert min(strong.valid) > min(fit.valid) + 0.15
    assert min(strong.train) > 0.9 > 2 * min(fit.train)
    assert strong.norm < 0.6 * fit.norm, "the weights stay small"


def test_dropout_instead(course: Courses) -> None:
    assert rise(course(4)) < 0.25 * rise(course(1))


def test_dropout_and_weight_decay(course: Courses) -> None:
    free, both = course(1), course(5)
    assert min(both.valid) < min(free.valid) - 0.003
    assert len(both.valid) == 30
    assert max(both.valid[both.best_epoch :], default=0) < min(free.valid), "to the last epoch"


def test_patience_1_is_fooled_and_patience_5_is_not(course: Courses, plans: Plans) -> None:
    fooled, patient = course(6), course(7)
    (one, fooled_by), (other, knobs) = plans[6], plans[7]
    assert one == other, "the same run"
    assert replace(fooled_by, patience=5) == knobs
    assert fooled.state == "stopped_early"
    assert len(fooled.valid) == fooled.best_epoch + 1
    assert patient.best_epoch > len(fooled.valid)
    assert min(patient.valid) < min(fooled.valid) - 0.003
    # one course: what patience 1 has seen, patience 5 has seen as well
    assert patient.valid[: len(fooled.valid)] == fooled.valid


def test_the_best_epoch_comes_back(course: Courses) -> None:
    free, stopped = course(1), course(8)
    assert stopped.state == "stopped_early"
    assert len(stopped.valid) == stopped.best_epoch + 3
    assert stopped.kept == pytest.approx(min(stopped.valid), abs=1e-6)
    assert stopped.valid == free.valid[: len(stopped.valid)]


def test_big_and_regularized_beats_small(course: Courses, plans: Plans) -> None:
    settings, knobs = plans[9]
    assert (settings.n_factors, knobs.weight_decay > 0, knobs.dropout > 0) == (200, True, True)
    small = course((replace(settings, n_factors=5), Knobs(0.0, patience=knobs.patience)))
    assert min(course(9).valid) < min(small.valid) - 0.003
