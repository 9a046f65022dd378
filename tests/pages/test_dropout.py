"""What the dropout screen claims, scene by scene."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from sim.dropout import (
    NETS,
    Knobs,
    Nets,
    Point,
    Progress,
    Settings,
    kept_distribution,
    monte_carlo,
)
from sim.dropout.training import Trainer
from tests.pages.conftest import (
    Open,
    assert_well,
    painted,
    readout,
    readout_text,
    run_code,
    wait,
    wait_for_status,
)
from ui.views.dropout import masks
from ui.views.dropout.controls import CONTROLS

CONTROL_DEFAULTS = {control.key: control.default for control in CONTROLS}
SCENE = {
    name: str(number)
    for number, name in enumerate(
        [
            "thinned",
            "sample",
            "pass",
            "p = 0",
            "p = 0.9",
            "few units",
            "inference",
            "scaling",
            "overfits",
            "rescues",
            "uncertainty",
            "ridge",
        ],
        start=1,
    )
}


def _scene(open_screen: Open, name: str) -> AppTest:
    return open_screen("dropout", scene=SCENE[name])


def _figure(screen: AppTest) -> dict[str, Any]:
    return json.loads(painted(screen))["figure"]


def _percent(screen: AppTest, key: str) -> float:
    return float(readout_text(screen, key).removesuffix("%")) / 100


def _near(share: float, expected: float, trials: int) -> bool:
    """Within five standard errors: a false alarm in two million, were the seeds not fixed."""
    return abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / trials) + 5e-4


def _dropped(frame: list[str], units: int) -> int:
    return units - int(frame[0], 16).bit_count()


def _updates(figure: dict[str, Any], gap: int, before: int, after: int) -> int:
    """As the painter counts: the passes in which a sample ran through the weight and back."""
    first = sum(figure["sizes"][:gap]) + before
    second = sum(figure["sizes"][: gap + 1]) + after
    return sum(
        any((ord(cell[first]) - 48) >> 3 and (ord(cell[second]) - 48) & 7 for cell in frame)
        for frame in figure["signals"]
    )


# --- masks ---------------------------------------------------------------------------------------


def test_a_thinned_network(open_screen: Open) -> None:
    screen = _scene(open_screen, "thinned")
    figure = _figure(screen)
    assert figure["sizes"] == [4, 8, 8, 2]
    assert len(figure["kept"]) == 100
    assert len({tuple(frame) for frame in figure["kept"]}) > 90, "a new mask in every pass"
    assert _near(_percent(screen, "kept"), 0.5, 100 * 16)
    assert readout(screen, "factor") == 2


def test_a_dropped_unit_sends_nothing_and_its_weights_are_not_updated(open_screen: Open) -> None:
    figure = _figure(_scene(open_screen, "thinned"))
    dropped = sending = 0
    for (kept,), (signals,) in zip(figure["kept"], figure["signals"], strict=True):
        for unit, digit in enumerate(f"{int(kept, 16):016b}"):
            code = ord(signals[4 + unit]) - 48
            assert code == 0 or digit == "1"
            dropped += digit == "0"
            sending += code > 0
    assert dropped > 600 < sending
    # an input weight is updated when its unit is kept, and the pass can get through behind it
    counts = [_updates(figure, 0, i, j) for i in range(4) for j in range(8)]
    assert 30 < min(counts) < max(counts) < 70
    assert _near(np.mean(counts) / 100, 0.5, 800)
    assert _near(
        np.mean([_updates(figure, 1, i, j) for i in range(8) for j in range(8)]) / 100, 0.25, 800
    )


def test_the_updates_shown_are_those_of_the_run(open_screen: Open) -> None:
    screen = open_screen("dropout", samples="3", hidden_units="4")
    figure = _figure(screen)
    sizes = figure["sizes"]
    counts = [
        _updates(figure, gap, i, j)
        for gap in range(len(sizes) - 1)
        for i in range(sizes[gap])
        for j in range(sizes[gap + 1])
    ]
    assert readout_text(screen, "updated") == f"{np.mean(counts):.0f} of 100"


def test_the_counts_stand_against_the_binomial(open_screen: Open) -> None:
    figure = _figure(_scene(open_screen, "thinned"))
    assert figure["chances"] == pytest.approx(kept_distribution([4, 8, 8, 2], [0.5, 0.5]).tolist())
    kept = np.array([16 - _dropped(frame, 16) for frame in figure["kept"]])
    expected = np.arange(17) @ figure["chances"]
    deviation = math.sqrt((np.arange(17) - expected) ** 2 @ figure["chances"])
    assert abs(kept.mean() - expected) < 5 * deviation / 10


def test_p_is_zero(open_screen: Open) -> None:
    screen = _scene(open_screen, "p = 0")
    assert _percent(screen, "kept") == 1
    assert readout_text(screen, "updated") == "100 of 100"
    assert {sample for frame in _figure(screen)["kept"] for sample in frame} == {"ffff"}


def test_p_is_nine_tenths(open_screen: Open) -> None:
    screen = _scene(open_screen, "p = 0.9")
    assert _near(_percent(screen, "kept"), 0.1, 100 * 32)
    assert readout(screen, "factor") == 10
    noisy, smooth = (
        np.abs(np.diff(masks.look(CONTROL_DEFAULTS | {"p": p, "hidden_units": 16}).passes.losses))
        for p in (0.9, 0.0)
    )
    assert np.median(noisy) > 10 * np.median(smooth), "training becomes very noisy"


def test_few_units_small_p(open_screen: Open) -> None:
    figure = _figure(_scene(open_screen, "few units"))
    assert figure["sizes"] == [4, 16, 8, 4, 2]
    assert figure["rates"] == ["p = 0.6", "p = 0.3", "p = 0.15"]
    # 28 units in hex, padded with zeros to 32 bits
    bits = np.array([[int(b) for b in f"{int(frame[0], 16):032b}"] for frame in figure["kept"]])
    assert not bits[:, 28:].any()
    assert bits[:, :16].mean() < 0.5
    assert ((1 - bits[:, 24:28]).sum(axis=1) <= 1).mean() > 0.8


def test_inference_uses_all(open_screen: Open) -> None:
    screen = _scene(open_screen, "inference")
    assert _percent(screen, "kept") == 1
    assert readout(screen, "factor") == 1
    figure = _figure(screen)
    assert len(figure["kept"]) == 1
    assert figure["chances"] is None
    # the expectation is the same: in training, the mean factor is 1 as well
    assert readout(open_screen("dropout", samples="8"), "mean_factor") == pytest.approx(1, abs=0.03)


def test_a_higher_p_drops_the_same_units_and_more(open_screen: Open) -> None:
    low, high = (_figure(open_screen("dropout", p=p))["kept"] for p in ("0.3", "0.6"))
    for before, after in zip(low, high, strict=True):
        assert int(after[0], 16) & ~int(before[0], 16) == 0


def test_the_frames_are_light(open_screen: Open) -> None:
    screen = open_screen("dropout", samples="8", hidden_layers="4", hidden_units="16")
    assert len(painted(screen)) < 100_000


# --- samples and passes --------------------------------------------------------------------------


def test_another_sample(open_screen: Open) -> None:
    screen = _scene(open_screen, "sample")
    figure = _figure(screen)
    assert (figure["cells"], figure["columns"]) == (4, 4)
    assert sum(len(set(frame)) == 4 for frame in figure["kept"]) > 90
    assert _near(_percent(screen, "other_sample"), 0.5, 100 * 16)
    assert _near(_percent(screen, "kept_first"), 0.5, 100 * 16)
    assert _near(_percent(screen, "kept_second"), 0.5, 100 * 16)


def test_another_pass(open_screen: Open) -> None:
    screen = _scene(open_screen, "pass")
    figure = _figure(screen)
    assert (figure["cells"], figure["columns"], len(figure["kept"])) == (4, 1, 25)
    assert sum(len(set(frame)) == 4 for frame in figure["kept"]) > 22
    assert _near(_percent(screen, "other_pass"), 0.5, 99 * 16)
    passes = [cell for frame in figure["kept"] for cell in frame]
    assert passes == [frame[0] for frame in _figure(open_screen("dropout"))["kept"]]


# --- scaling -------------------------------------------------------------------------------------


def test_scaling_matters(open_screen: Open) -> None:
    screen = _scene(open_screen, "scaling")
    assert readout(screen, "ratio") == pytest.approx(0.5, abs=0.05)
    assert readout(screen, "misses") > 10
    screen.toggle(key="inverted_scaling").set_value(True).run()
    assert readout(screen, "ratio") == pytest.approx(1, abs=0.05)
    assert readout(screen, "misses") < 4


def test_with_scaling_every_p_meets_the_inference_value(open_screen: Open) -> None:
    ratios = [
        readout(open_screen("dropout", view="scaling", p=p), "ratio") for p in ("0", "0.5", "0.9")
    ]
    assert ratios[0] == 1
    assert ratios[1] == pytest.approx(1, abs=0.1)
    assert ratios[2] == pytest.approx(1, abs=0.3)


# --- the live fit, its headless twin -------------------------------------------------------------


@cache
def _fit(p: float, seed: int = 8) -> tuple[Progress, tuple[Point, ...], Nets]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the workers; more of them only wait for each other
    try:
        trainer = Trainer(Settings(seed=seed))
        progress = trainer.run_for(math.inf, Knobs(p))
    finally:
        torch.set_num_threads(threads)
    return progress, trainer.points(), trainer.best()


def _ends(point: Point, kind: str) -> dict[str, float]:
    return dict(zip(NETS, getattr(point, f"{kind}_loss"), strict=True))


def _knobs(screen: AppTest) -> tuple[float, int]:
    return screen.slider(key="p").value, screen.number_input(key="seed").value


def test_the_big_net_overfits(open_screen: Open) -> None:
    screen = _scene(open_screen, "overfits")
    p, seed = _knobs(screen)
    _progress, points, _nets = _fit(p, seed)
    train, test = _ends(points[-1], "train"), _ends(points[-1], "test")
    assert train["large"] < train["small"] / 3
    assert test["large"] > 1.5 * test["small"]
    for point in points:  # with p = 0 the twin does exactly the same
        assert point.train_loss[1] == point.train_loss[2]
        assert point.test_loss[1] == point.test_loss[2]


def test_dropout_rescues_it(open_screen: Open) -> None:
    p, seed = _knobs(_scene(open_screen, "rescues"))
    progress, points, _nets = _fit(p, seed)
    train, test = _ends(points[-1], "train"), _ends(points[-1], "test")
    assert test["dropout"] < test["small"] < test["large"], "the large regularised one wins"
    assert train["dropout"] > 3 * train["large"]
    steps = np.diff([point.train_loss for point in points[len(points) // 2 :]], axis=0)
    roughness = np.abs(steps).mean(axis=0)
    assert roughness[2] > 3 * roughness[1], "noisy"
    off = [matrix[~np.eye(len(matrix), dtype=bool)] for matrix in progress.correlations]
    assert np.abs(off[1]).mean() < 0.8 * np.abs(off[0]).mean(), "less co-adaptation"


def test_uncertainty_is_wide_where_there_is_no_data(open_screen: Open) -> None:
    p, seed = _knobs(_scene(open_screen, "uncertainty"))
    nets = _fit(p, seed)[2]
    x = np.linspace(-2, 2, 101)
    spread = monte_carlo(nets.dropout, x[:, None], p, 100, np.random.default_rng(seed)).deviation
    inside = np.abs(x) <= 1
    assert np.abs(Settings(seed=seed).samples()[0].x).max() <= 1
    assert spread[~inside].mean() > 1.7 * spread[inside].mean()
    for side in (x < -1.5, x > 1.5):
        assert spread[side].mean() > spread[inside].mean()


def test_a_run_starts_takes_a_new_p_and_feeds_the_band(open_screen: Open) -> None:
    screen = _scene(open_screen, "rescues")
    assert readout_text(screen, "test_large") == "–"
    screen.button(key="start").click().run()
    wait_for_status(screen, r"^Step [1-9]")
    screen.slider(key="p").set_value(0.3).run()
    run = screen.session_state["_dropout_run"]
    wait(screen, lambda: run.progress.changes)
    assert [change.value for change in run.progress.changes] == [0.3]
    assert run.progress.changes[0].step > 0, "the run went on, it did not restart"
    assert readout(screen, "test_large") > 0
    screen.button(key="pause").click().run()
    wait_for_status(screen, "^Paused")
    wait(screen, lambda: run.model)
    screen.get_by_key("view").set_value("uncertainty").run()
    assert_well(screen)
    assert readout(screen, "spread_inside") > 0
    screen.slider(key="p").set_value(0.0).run()
    assert readout(screen, "spread_inside") == 0, "at p = 0 all masks are the same"
    screen.button(key="reset_weights").click().run()
    assert "Press Start" in screen.progress[0].text


# --- dropout is ridge ----------------------------------------------------------------------------


@pytest.mark.parametrize("corruption", ["dropout", "noise"])
def test_dropout_is_ridge(open_screen: Open, corruption: str) -> None:
    screen = _scene(open_screen, "ridge")
    screen.selectbox(key="corruption").set_value(corruption).run()
    assert readout(screen, "by_masks") == pytest.approx(readout(screen, "formula"), rel=0.05)
    assert readout(screen, "weights_differ") < 0.1
    assert readout(screen, "shrunk") < 0.95
    differences = []
    for n_masks in (100, 5000):
        screen.slider(key="n_masks").set_value(n_masks).run()
        differences.append(readout(screen, "weights_differ"))
    assert differences[1] < differences[0], "they meet as masks accumulate"


def test_the_names_of_a_choice_follow_the_language_and_its_link_does_not(open_screen: Open) -> None:
    screen = open_screen("dropout", view="ridge", corruption="noise", lang="zh")
    choice = screen.selectbox(key="corruption")
    assert choice.value == "noise"
    assert choice.options[1] == "高斯噪声"
    assert not screen.warning
    english = open_screen("dropout", view="ridge")
    english.selectbox(key="corruption").set_value("noise").run()
    assert english.query_params["corruption"] in ("noise", ["noise"])
    english.selectbox(key="corruption").set_value("dropout").run()
    assert "corruption" not in english.query_params


# --- the code ------------------------------------------------------------------------------------


def test_the_code_of_the_masks_runs_and_agrees(open_screen: Open) -> None:
    screen = open_screen("dropout", p="0.4", samples="2")
    *_, factor, share = run_code(screen)
    assert factor == pytest.approx(readout(screen, "factor"), rel=3e-3)
    assert _near(share, 0.6, 1000 * 8)


def test_the_code_of_the_samples_agrees(open_screen: Open) -> None:
    screen = open_screen("dropout", view="samples", p="0.3")
    printed = run_code(screen)
    assert _near(printed[0], 0.42, 100 * 16)
    assert _near(printed[1], 0.42, 99 * 16)
    shown = ("other_sample", "other_pass", "kept_first", "kept_second")
    assert [f"{share:.1%}" for share in printed] == [readout_text(screen, key) for key in shown]


@pytest.mark.parametrize(("inverted", "ratio"), [("true", 1.0), ("false", 0.5)])
def test_the_code_of_the_scaling_agrees(open_screen: Open, inverted: str, ratio: float) -> None:
    screen = open_screen("dropout", view="scaling", inverted_scaling=inverted)
    printed = run_code(screen)
    assert printed[-1] == pytest.approx(ratio, abs=0.05)
    assert readout(screen, "ratio") == pytest.approx(ratio, abs=0.05)
    shown = [readout(screen, key) for key in ("inference_input", "mean_input", "ratio")]
    assert printed == pytest.approx(shown, rel=6e-3), "the very unit, the very masks"


def test_the_code_of_the_band_agrees(open_screen: Open) -> None:
    """It holds the code of the fit too: the same order of test errors, the same widening band."""
    screen = open_screen("dropout", view="uncertainty", p="0.2", seed="8")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        large, dropout, inside, outside = run_code(screen)
    finally:
        torch.set_num_threads(threads)
    assert dropout < large
    assert outside > inside > 0
    fit = open_screen("dropout", view="fit", p="0.2", seed="8")
    fit.session_state["tab"] = "The code"
    (alone,) = fit.run().code
    (both,) = screen.code
    assert both.value.startswith(alone.value)


@pytest.mark.parametrize("corruption", ["dropout", "noise"])
def test_the_code_of_the_penalty_gives_the_screens_numbers(
    open_screen: Open, corruption: str
) -> None:
    screen = open_screen("dropout", view="ridge", corruption=corruption)
    formula, by_masks, differ = run_code(screen)
    assert readout(screen, "formula") == pytest.approx(formula, rel=5e-3)
    assert readout(screen, "by_masks") == pytest.approx(by_masks, rel=5e-3)
    assert readout(screen, "weights_differ") == pytest.approx(differ, rel=5e-3)
