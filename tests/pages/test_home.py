"""The home screen: its pictures are described as what they show."""

from __future__ import annotations

import numpy as np

from sim import constraints, dropout, overfitting
from sim.weight_decay import canyon_descent
from tests.pages.conftest import Open, assert_well
from ui import i18n
from ui.lecture import TOPICS


def test_every_card_has_a_picture_and_words_of_its_own(open_screen: Open) -> None:
    for lang in ("en", "zh"):
        screen = open_screen("home", lang=lang)
        assert_well(screen)
        i18n.activate(lang)
        said = [text.value for text in screen.text]
        i18n.activate("en")
        assert len(said) == len(set(said)) == len(TOPICS)
        questions = {text.value for text in screen.markdown}
        assert not questions & set(said), "words for the picture, not the question again"


def test_the_pictures_show_what_their_words_say() -> None:
    sample = overfitting.noisy_sine(20, 0.3, np.random.default_rng(37).spawn(2)[0])
    model = overfitting.fit_polynomial(*sample, degree=15)
    assert np.abs(model(sample.x) - sample.y).mean() < 0.1, "through the points"
    loss = constraints.Quadratic.from_ellipse((1.5, 3.0), 3.0, 30.0)
    assert (constraints.constrained_minimum(loss, 1, 1.5).weights == 0).sum() == 1, "in a corner"
    for a in (1, 5):
        path = canyon_descent(a, 0.15, np.sqrt(18 / a), 10)
        assert path.height[-1] < 0.02 * path.height[0], "to the bottom"
    masks = dropout.sample_masks((4, 6, 6, 2), 0.5, 1, 1, np.random.default_rng(5))
    assert not np.concatenate(masks.keep, axis=-1).all(), "some are dropped"
