"""What the weight decay screen claims, scene by scene, as its read-outs and figures show it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from sim.weight_decay import compare_weight_decays
from sim.weight_decay.cost import FormsDemo
from tests.pages.conftest import (
    Open,
    assert_well,
    painted,
    readout,
    readout_text,
    remarks,
    run_code,
    wait,
)
from ui.measure import Measurement


def _painted(screen: AppTest) -> dict[str, Any]:
    """What the player was given."""
    return json.loads(painted(screen))  # type: ignore[no-any-return]


def _frame(chart: Any) -> pd.DataFrame:
    """The data of a chart on the screen."""
    frame: pd.DataFrame = pa.ipc.open_stream(chart.proto.data.data).read_pandas()
    return frame


def _words(screen: AppTest) -> str:
    return "\n".join(text.value for text in screen.markdown)


def _marked(screen: AppTest) -> str:
    """The sentence beside a figure that something in it diverges."""
    (found,) = [text for text in remarks(screen) if text.startswith("⚠")]
    return found


# --- canyons


def test_canyons(open_screen: Open) -> None:
    screen = open_screen("weight_decay")
    figure = _painted(screen)["figure"]
    safe = {canyon["a"]: canyon["safe"] for canyon in figure["canyons"]}
    assert safe == {1: True, 2: True, 5: True, 6: True, 10: False, 50: False}
    for canyon in figure["canyons"]:
        x = np.array(canyon["x"])
        assert canyon["a"] * x[0] ** 2 == pytest.approx(18, rel=1e-3), "from the same height"
        assert (abs(x[-1]) < abs(x[0])) == canyon["safe"]
        assert canyon["safe"] == (1 / canyon["a"] > 0.15)
    assert readout(screen, "safe_rate") == 0.167
    assert readout(screen, "factor") == -0.8
    assert readout_text(screen, "descended") == "4 / 6"
    assert "a = 10, 50" in _marked(screen)


def test_at_half_of_the_bound_one_step_reaches_the_bottom(open_screen: Open) -> None:
    screen = open_screen("weight_decay", learning_rate="0.1", a="5")
    assert readout(screen, "factor") == 0
    assert readout(screen, "height") == 0


def test_the_network_of_the_bullet_has_the_curvature_it_names() -> None:
    v, x, y, u, h = 1.7, 0.6, 0.3, 0.4, 1e-3
    loss = [(v * (u + k * h) * x - y) ** 2 for k in (-1, 0, 1)]
    assert (loss[0] - 2 * loss[1] + loss[2]) / h**2 == pytest.approx(2 * v**2 * x**2, rel=1e-6)


def test_at_the_bound_itself_nothing_comes_down(open_screen: Open) -> None:
    """0.1 is 2/L of a = 10: the steps jump to and fro, and the figure does not call that safe."""
    screen = open_screen("weight_decay", learning_rate="0.1", a="10")
    assert readout_text(screen, "height") == "–"
    assert "a = 10, 50" in _marked(screen)


def test_no_sentence_where_all_come_down(open_screen: Open) -> None:
    screen = open_screen("weight_decay", learning_rate="0.015")
    assert readout_text(screen, "descended") == "6 / 6"
    assert remarks(screen) == []


# --- three forms


@pytest.mark.parametrize(("dtype", "gap"), [("float64", 1e-14), ("float32", 1e-5)])
def test_three_forms_agree(open_screen: Open, dtype: str, gap: float) -> None:
    screen = open_screen("weight_decay", view="three_forms", dtype=dtype)
    assert 0 < readout(screen, "difference") < gap


@pytest.mark.parametrize(
    ("convention", "strengths"),
    [
        ("λ‖w‖²", ("0.1", "0.2", "0.2", "2")),
        ("½λ‖w‖²", ("0.05", "0.1", "0.1", "1")),
        ("SGD weight_decay", ("0.05", "0.1", "0.1", "1")),
        ("Ridge alpha", ("0.005", "0.01", "0.01", "0.1")),
    ],
)
def test_one_model_has_four_strengths(
    open_screen: Open, convention: str, strengths: tuple[str, ...]
) -> None:
    screen = open_screen("weight_decay", view="three_forms", convention=convention)
    words = _words(screen)
    shown = re.findall(r"^\**(.+?) : ([\d.e-]+)\**\s*$", words, re.MULTILINE)
    assert tuple(value for _, value in shown) == strengths
    assert f"**{convention} : 0.1**" in words


def test_the_conventions_of_one_strength_train_one_model(open_screen: Open) -> None:
    norms = {
        readout(open_screen("weight_decay", view="three_forms", **link), "norm")
        for link in (
            {"penalty": "0.1"},
            {"penalty": "0.2", "convention": "½λ‖w‖²"},
            {"penalty": "0.2", "convention": "SGD weight_decay"},
            {"penalty": "2", "convention": "Ridge alpha"},
        )
    }
    assert len(norms) == 1


def test_forms_that_diverge_end_in_a_mark_and_the_bound(open_screen: Open) -> None:
    screen = open_screen(
        "weight_decay", view="three_forms", penalty="10", forms_learning_rate="0.5"
    )
    assert_well(screen)
    assert readout_text(screen, "norm") == "–"
    sentence = _marked(screen)
    assert "Diverged at step" in sentence
    (bound,) = re.findall(r"= ([\d.]+),", sentence)
    assert float(bound) < 0.1, "2/(L + 2λ), with λ = 10"


def test_the_big_sum_costs_at_the_same_result() -> None:
    """As the button measures it. That it is more work is counted in `test_weight_decay_claims`."""
    cost = FormsDemo().measure(10_000, 20)
    assert cost.largest_difference < 1e-4


def test_a_measurement_runs_in_the_worker_and_fills_the_figure(open_screen: Open) -> None:
    screen = open_screen("weight_decay", scene="3")
    assert "What does each form cost" in _words(screen)
    screen.button(key="measure").click().run()
    asked = screen.session_state["_cost"]
    assert [n_weights for n_weights, _ in asked.questions] == [10**k for k in (4, 5, 6, 7)]
    assert screen.button(key="measure").disabled
    small = Measurement(asked.target, ((10_000, 2), (40_000, 2)))
    screen.session_state["_cost"] = small
    said = []
    wait(screen, lambda: said.append(_words(screen)) or small.ended)
    assert not small.lost
    assert [answer.n_weights for answer in small.answers] == [10_000, 40_000]
    assert re.search("loading PyTorch|starting|Preparing|Timing a model", said[0])
    assert_well(screen.run())
    assert re.search(r"The sum in the loss: [\d.]+ to [\d.]+ times", _words(screen))
    assert not screen.button(key="measure").disabled
    drawn = _frame(screen.get("vega_lite_chart")[1])
    assert len(drawn) == 6, "three forms at two sizes"


# --- the regression


def test_no_decay_memorises(open_screen: Open) -> None:
    screen = open_screen("weight_decay", scene="4")
    assert readout(screen, "train_loss") < 1e-10
    assert readout(screen, "test_loss") > 100
    assert readout(screen, "norm") == pytest.approx(13, abs=0.7)
    (run,) = compare_weight_decays([0.0], rng=np.random.default_rng(0))
    np.testing.assert_allclose(run.norms, 13, atol=0.7)  # it stays there
    assert readout(screen, "unseen") == pytest.approx(180**0.5, abs=0.05)
    figure = _painted(screen)["figure"]
    training, test = (curve["values"] for curve in figure["curves"])
    assert len(training) == len(test) == 101
    assert min(test) > 100


def test_decay_of_three_generalises(open_screen: Open) -> None:
    screen, without = (open_screen("weight_decay", scene=number) for number in "54")
    assert 0.315 < readout(screen, "norm") < 0.421
    assert readout(screen, "norm") == pytest.approx(0.35, abs=0.01)
    assert readout(screen, "unseen") == pytest.approx(180**0.5 * 0.991**400, abs=5e-4)
    assert readout(screen, "norm") == pytest.approx(readout(screen, "unseen"), rel=0.05)
    assert readout(screen, "test_loss") < readout(without, "test_loss") / 100
    muted = _painted(screen)["figure"]["curves"][2]
    assert muted["values"][-1] == pytest.approx(readout(without, "test_loss"), rel=5e-3)


def test_decay_of_a_thousand_underfits(open_screen: Open) -> None:
    screen, fit = (open_screen("weight_decay", scene=number) for number in "65")
    assert readout(screen, "norm") < 0.01
    constant = readout(screen, "constant_loss")
    assert readout(screen, "train_loss") == pytest.approx(constant, rel=0.1)
    assert readout(screen, "train_loss") > 10 * readout(fit, "train_loss")


def test_the_usual_step_diverges_there_and_names_the_bound(open_screen: Open) -> None:
    screen = open_screen("weight_decay", scene="6")
    screen.toggle(key="implicit").set_value(False).run()
    assert_well(screen)
    assert readout_text(screen, "train_loss") == "–"
    assert "1 − ηλ = -2" in _marked(screen)
    assert "2/η = 666.7" in _marked(screen)
    curves = _painted(screen)["figure"]["curves"]
    assert [curve["cross"] for curve in curves] == [True, True, False]
    assert np.isfinite(curves[0]["values"]).all()


def test_a_learning_rate_that_the_data_do_not_bear(open_screen: Open) -> None:
    screen = open_screen("weight_decay", view="regression", sgd_learning_rate="0.04")
    assert_well(screen)
    assert "2/(L + λ) = 0.017" in _marked(screen)
    screen.toggle(key="implicit").set_value(True).run()
    assert "2/L = 0.017" in _marked(screen)


def test_bias_or_no_bias(open_screen: Open) -> None:
    decayed, free, none = (open_screen("weight_decay", scene=number) for number in "754")
    assert abs(readout(decayed, "bias")) < 0.01 < abs(readout(free, "bias"))
    assert readout(decayed, "norm") == pytest.approx(readout(free, "norm"), abs=0.005)
    assert readout(decayed, "test_loss") == pytest.approx(readout(free, "test_loss"), rel=0.1)
    assert readout(none, "test_loss") > 1000 * readout(free, "test_loss")
    for screen, other in ((decayed, free), (free, decayed)):
        (words,) = remarks(screen)
        (change,) = re.findall(r"([+−][\d.]+)%", words)
        moved = readout(other, "test_loss") / readout(screen, "test_loss") - 1
        assert float(change.replace("−", "-")) / 100 == pytest.approx(moved, abs=0.01)
        assert 0.08 < abs(moved) < 0.12, "about a tenth"


def test_the_comparison_has_no_small_fit_and_too_much(open_screen: Open) -> None:
    screen = open_screen("weight_decay", view="regression", compare="true", weight_decay="3")
    frame = _frame(*screen.get("vega_lite_chart"))
    labels = [*frame["none"].dropna(), *frame["name"].dropna()]
    assert [label for label in labels if label] == ["none", "small", "fit", "too much"]
    at = frame.set_index("decay")
    none, small, fit, much = (at.loc[decay] for decay in (4e-5, 0.01, 10.0, 300.0))
    assert fit["validation"] < 0.01 * small["validation"]
    assert small["validation"] == pytest.approx(none["validation"], rel=0.05)
    assert much["data"] > 4 * fit["data"], "too much shows in the training loss"
    assert np.isnan(at.loc[1000.0, "data"]), "diverged"
    assert frame["bound"].dropna().tolist() == [pytest.approx(2 / 0.003)]
    assert tuple(frame[["low", "high"]].dropna().iloc[0]) == (1e-4, 1e-1)
    assert frame["here"].dropna().tolist() == [3.0]


def test_a_usual_choice_takes_little_off_in_400_steps(open_screen: Open) -> None:
    norms = [
        readout(open_screen("weight_decay", view="regression", weight_decay=decay), "norm")
        for decay in ("0", "0.1")
    ]
    assert 0.85 < norms[1] / norms[0] < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_too_much_hardly_raises_the_test_loss(seed: int) -> None:
    runs = compare_weight_decays([30.0, 300.0], rng=np.random.default_rng(seed))
    assert runs[1].test_loss[-1] < 1.2 * runs[0].test_loss[-1]
    assert runs[1].train_loss[-1] > 0.75 * runs[1].constant_loss


# --- L1 against L2


def test_l1_and_l2(open_screen: Open) -> None:
    screen = open_screen("weight_decay", scene="8")
    assert readout_text(screen, "zeros_l1") == "23 / 30"
    assert readout_text(screen, "zeros_l2") == "0 / 30"
    frame = _frame(screen.get("vega_lite_chart")[1])
    matter = frame["truth"] != 0
    assert matter.sum() == 5
    assert frame["l1_zero"][matter].isna().all(), "the five are kept"
    assert frame["l1_zero"][~matter].notna().sum() > 25 / 2, "most of the others are not"
    assert (frame["l2_kept"].abs() < 1).all()
    assert frame["l2_zero"].isna().all()


# --- the code


@pytest.mark.parametrize("link", [{}, {"learning_rate": "0.03", "a": "12.5"}])
def test_the_code_descends_the_canyons(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("weight_decay", **link)
    own = float(link.get("a", 6))
    printed = run_code(screen)  # a, its factor, the 2 of 2/L, its value, the height
    at = printed.index(own)
    shown = [readout(screen, key) for key in ("factor", "safe_rate", "height")]
    assert [printed[at + i] for i in (1, 3, 4)] == pytest.approx(shown, rel=6e-3)


@pytest.mark.parametrize("link", [{}, {"penalty": "1", "convention": "½λ‖w‖²", "seed": "3"}])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_code_trains_three_forms(open_screen: Open, link: dict[str, str], dtype: str) -> None:
    screen = open_screen("weight_decay", view="three_forms", dtype=dtype, **link)
    norm, difference, penalty, *_ = run_code(screen)
    assert norm == pytest.approx(readout(screen, "norm"), rel=6e-3)
    assert difference < {"float64": 1e-14, "float32": 1e-5}[dtype]
    assert penalty == 0.1 if not link else 0.5


@pytest.mark.parametrize(
    "link",
    [
        {"scene": "5"},
        {"scene": "6"},
        {"scene": "7"},
        {"view": "regression", "compare": "true", "weight_decay": "30", "seed": "2"},
        {"view": "regression", "implicit": "true", "decay_bias": "true", "weight_decay": "30"},
    ],
)
def test_the_code_trains_the_regression(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("weight_decay", **link)
    printed = run_code(screen)
    shown = [readout(screen, key) for key in ("train_loss", "test_loss", "norm", "bias")]
    assert printed[-4:] == pytest.approx(shown, rel=0.05), "two digits are shown of small numbers"
    assert len(printed) == (25 if "compare" in link else 5)


@pytest.mark.parametrize("link", [{}, {"l1_penalty": "0.05", "l2_penalty": "2", "seed": "4"}])
def test_the_code_finds_the_sparse_weights(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("weight_decay", view="l1_l2", **link)
    shown = [
        float(readout_text(screen, f"{key}_{order}").split(" / ")[0])
        for order in ("l1", "l2")
        for key in ("zeros", "train", "test")
    ]
    assert run_code(screen) == pytest.approx(shown, rel=6e-3)


@pytest.mark.parametrize("view", ["canyons", "three_forms", "regression", "l1_l2"])
@pytest.mark.parametrize("tab", ["The maths", "The data"])
def test_the_tabs_of_every_view(open_screen: Open, view: str, tab: str) -> None:
    screen = open_screen("weight_decay", view=view)
    screen.session_state["tab"] = tab
    assert_well(screen.run())
    assert screen.dataframe if tab == "The data" else screen.latex


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("view", ["three_forms", "regression", "l1_l2"])
def test_every_view_stands_at_the_extremes(open_screen: Open, view: str, end: str) -> None:
    """Also where everything diverges: no number on the screen is not one."""
    screen = open_screen("weight_decay", view=view)
    for slider in screen.slider:
        screen.get_by_key(slider.key).set_value(slider.min if end == "low" else slider.max)
    for slider in screen.select_slider:
        screen.get_by_key(slider.key).set_value(float(slider.options[0 if end == "low" else -1]))
    for switches in (False, True):
        for toggle in screen.toggle:
            if toggle.key in ("decay_bias", "implicit", "compare"):
                screen.get_by_key(toggle.key).set_value(switches)
        assert_well(screen.run())
        page = "".join(block.proto.body for block in screen.get("html"))
        assert page.count("<dd>") >= 2
        assert not re.search(r"<dd>[^<]*(nan|inf|∞)", page)
