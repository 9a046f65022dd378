"""What the dropout screen claims, scene by scene."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open, readout, readout_text, run_code


def _figure(screen: AppTest) -> dict[str, Any]:
    (player,) = screen.get("bidi_component")
    return json.loads(player.proto.json)["figure"]


def _percent(screen: AppTest, key: str) -> float:
    return float(readout_text(screen, key).removesuffix("%")) / 100


def _near(share: float, expected: float, trials: int) -> bool:
    """Within five standard errors: a false alarm in two million, were the seeds not fixed."""
    return abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / trials) + 5e-4


def test_a_thinned_network(open_screen: Open) -> None:
    screen = open_screen("dropout")
    figure = _figure(screen)
    assert figure["sizes"] == [4, 8, 8, 2]
    assert len(figure["kept"]) == 60
    assert len({tuple(frame) for frame in figure["kept"]}) > 50, "a new mask in every pass"
    assert _near(_percent(screen, "kept"), 0.5, 60 * 16)
    assert readout(screen, "factor") == 2


def test_each_sample_its_own(open_screen: Open) -> None:
    figure = _figure(open_screen("dropout", scene="2"))
    assert figure["samples"] == 4
    assert sum(len(set(frame)) == 4 for frame in figure["kept"]) > 55


def test_p_is_zero(open_screen: Open) -> None:
    screen = open_screen("dropout", scene="3")
    assert _percent(screen, "kept") == _percent(screen, "weights") == 1
    assert {sample for frame in _figure(screen)["kept"] for sample in frame} == {"ffff"}


def test_p_is_nine_tenths(open_screen: Open) -> None:
    screen = open_screen("dropout", scene="4")
    assert _near(_percent(screen, "kept"), 0.1, 60 * 32)
    assert readout(screen, "factor") == 10


def test_few_units_small_p(open_screen: Open) -> None:
    screen = open_screen("dropout", scene="5")
    dropped = [4 - int(frame[0][0], 16).bit_count() for frame in _figure(screen)["kept"]]
    assert sum(number <= 1 for number in dropped) > 0.9 * len(dropped)


def test_inference_uses_all(open_screen: Open) -> None:
    screen = open_screen("dropout", scene="6")
    assert _percent(screen, "kept") == 1
    assert readout(screen, "factor") == 1
    assert len(_figure(screen)["kept"]) == 1
    # the expectation is the same: in training, the mean factor is 1 as well
    assert readout(open_screen("dropout", samples="8"), "mean_factor") == pytest.approx(1, abs=0.03)


def test_a_higher_p_drops_the_same_units_and_more(open_screen: Open) -> None:
    low, high = (_figure(open_screen("dropout", p=p))["kept"] for p in ("0.3", "0.6"))
    for before, after in zip(low, high, strict=True):
        assert int(after[0], 16) & ~int(before[0], 16) == 0


def test_sixty_frames_are_light(open_screen: Open) -> None:
    screen = open_screen("dropout", samples="8", hidden_layers="4", hidden_units="16")
    (player,) = screen.get("bidi_component")
    assert len(player.proto.json) < 100_000


def test_the_code_runs_and_agrees(open_screen: Open) -> None:
    screen = open_screen("dropout", p="0.4", samples="2")
    *_, factor, share = run_code(screen)
    assert factor == pytest.approx(readout(screen, "factor"), rel=3e-3)
    assert _near(share, 0.6, 60 * 8)
