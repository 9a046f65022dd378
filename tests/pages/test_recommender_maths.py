"""The numbers in "The maths" are those of the trainer's step, and the help of λ holds."""

from __future__ import annotations

import dataclasses
import math
import re
from itertools import product
from types import SimpleNamespace
from typing import Any, get_args
from unittest import mock

import pytest
import torch

from sim.recommender import Knobs, Settings, Trainer, movielens, split
from sim.recommender.optimizers import make_optimizer
from sim.recommender.records import ModelName, OptimizerName, Schedule
from ui.views.recommender import maths
from ui.views.recommender.dataset import bundled

N_TRAIN = 80_003


def shown(settings: Settings, knobs: Knobs) -> tuple[str, list[str]]:
    """The words and the formulas of the tab."""
    words: list[str] = []
    formulas: list[str] = []
    with mock.patch.object(
        maths, "st", SimpleNamespace(markdown=words.append, latex=formulas.append)
    ):
        maths.train(settings, knobs)
    return " ".join(words), formulas


def number(words: str, after: str) -> float:
    (found,) = re.findall(re.escape(after) + r" ?(-?[\d.,]+(?:e-?\d+)?)", words)
    return float(found.rstrip(".,").replace(",", ""))


def one_step(settings: Settings, decay: float, gradient: float) -> tuple[float, float]:
    """What the optimizer makes of a weight 1 in a table and one in a layer."""
    weights = torch.ones(2, dtype=torch.float64)
    grad = torch.full((2,), gradient, dtype=torch.float64)
    make_optimizer(settings, weights, grad, 1, N_TRAIN).step(1.0, decay)
    return float(weights[0]), float(weights[1])


@pytest.mark.parametrize("batch_size", [64, 128, 1024, 16_384, 65_536])
@pytest.mark.parametrize("decay", [0.0, 0.2, 10.0])
@pytest.mark.parametrize("eta", [1e-4, 0.001, 0.05])
def test_adamw_takes_the_step_that_the_maths_says(
    batch_size: int, decay: float, eta: float
) -> None:
    settings = Settings(batch_size=batch_size, learning_rate=eta)
    words, _ = shown(settings, Knobs(decay, 0.0, 30))
    kappa = number(words, "κ =")
    assert kappa == pytest.approx(N_TRAIN / math.ceil(N_TRAIN / batch_size) / 64, rel=1e-3)
    factor, _layer = one_step(settings, decay, 0.0)
    assert number(words, "at s = 1 by") == pytest.approx(factor, rel=1e-5)
    assert factor == pytest.approx(math.exp(-eta * decay * kappa), rel=1e-3, abs=1e-4)
    moved, _layer = one_step(settings, 0.0, 1e6)  # beside which ε is nothing
    assert number(words, "max(η, 0.1)) =") == pytest.approx(1 - moved, rel=1e-3)


@pytest.mark.parametrize("batch_size", [64, 128, 16_384])
@pytest.mark.parametrize("decay", [0.0, 1e-4, 0.05])
def test_sgd_takes_the_rates_that_the_maths_says(batch_size: int, decay: float) -> None:
    settings = Settings(batch_size=batch_size, optimizer="sgd", model="ncf", learning_rate=0.001)
    words, formulas = shown(settings, Knobs(decay, 0.0, 30))
    table, layer = one_step(settings, decay, 1.0)
    assert number(words, "0.8, 0.004/λ) =") == pytest.approx((1 - table) / (1 + decay), rel=1e-3)
    assert number(words, "0.1, 0.004/λ) =") == pytest.approx((1 - layer) / (1 + decay), rel=1e-3)
    assert any(r"\lambda w" in formula for formula in formulas)


def test_every_combination_says_what_is_in_use() -> None:
    combinations = product(get_args(ModelName), get_args(OptimizerName), get_args(Schedule))
    for model, optimizer, schedule in combinations:
        settings = Settings(model=model, optimizer=optimizer, schedule=schedule, n_factors=7)
        words, formulas = shown(settings, Knobs(0.1, 0.3, 4))
        told: dict[str, Any] = {
            "7 **factors**": True,
            "so many": True,
            "units": model in ("ncf", "neumf"),
            "mean of the": False,
            "one cycle": schedule == "one_cycle",
            "constant, s = 1": schedule == "constant",
            "velocity": optimizer == "sgd",
            "penalty λ/2": optimizer != "adamw",
            "multiplies every weight": optimizer == "adamw",
            "**Patience** 4": True,
        }
        assert {text: text in words for text in told} == told
        drawn = " ".join(formulas)
        assert ("softmax" in drawn) == (model == "attention")
        assert ("ReLU" in drawn) == (model in ("ncf", "neumf"))
        assert (r"e^{-s\,\eta\,\lambda\,\kappa}" in drawn) == (optimizer == "adamw")
        assert r"5.5\;\sigma" in drawn


def test_on_another_scale_the_loss_is_learned_as_if_the_range_were_the_books() -> None:
    words, formulas = shown(Settings(rating_range=(-10.0, 110.0)), Knobs())
    assert "as if the range were 5.5 long" in words
    assert any(r"\tfrac{5.5}{120}" in formula for formula in formulas)
    assert r"-10 + 120\;\sigma" in formulas[0]


@pytest.mark.parametrize(
    ("optimizer", "decays"),
    [("adamw", (0.02, 0.2, 2.0)), ("adam_l2", (1e-5, 1e-4, 1e-3)), ("sgd", (1e-5, 1e-4, 1e-3))],
)
def test_what_fits_is_of_the_order_that_the_help_says(
    optimizer: Any, decays: tuple[float, ...]
) -> None:
    settings = Settings(
        epochs=12, batch_size=1024, learning_rate=1e-3, optimizer=optimizer, points_per_epoch=1
    )
    parts = split(movielens())
    runs = [Trainer(*parts, settings).run_for(math.inf, Knobs(decay)) for decay in decays]
    last = [run.history[-1].valid_loss for run in runs]
    assert min(last) == last[1]


def test_the_ratings_are_as_many_as_here() -> None:
    assert len(bundled().train) == N_TRAIN


@pytest.mark.parametrize(
    ("rating_range", "factor"), [((0.0, 5.5), None), ((-10.0, 110.0), r"\tfrac{5.5}{120}")]
)
def test_folding_in_says_how_errors_are_stretched(
    rating_range: tuple[float, float], factor: str | None
) -> None:
    """As `fold_in` does it (its own tests): the same new user on every scale."""
    formulas: list[str] = []
    quiet = SimpleNamespace(markdown=lambda _text: None, latex=formulas.append)
    dataset = dataclasses.replace(bundled(), rating_range=rating_range)
    with (
        mock.patch.object(maths, "st", quiet),
        mock.patch.object(maths, "current", return_value=dataset),
    ):
        maths.films({})
    (formula,) = formulas
    assert (factor or r"\; \sum") in formula
    assert (r"\tfrac" in formula) == (factor is not None)
