"""What the overfitting screen claims, view by view and scene by scene."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sim.overfitting import (
    bias_variance,
    bias_variance_by_penalty,
    edit,
    error_curve,
    fit_polynomial,
    mean_squared_error,
    noisy_sine,
    penalty_curve,
)
from tests.pages.conftest import (
    Open,
    assert_well,
    painted,
    readout,
    readout_text,
    remarks,
    run_code,
)
from ui import i18n
from ui.points import EditControl, read

VIEWS = (
    "fit",
    "complexity",
    "bias_variance",
    "coefficients",
    "more_data",
    "penalty",
    "double_descent",
)
SCENES = range(1, 12)


def _samples(n_points: int = 20, noise: float = 0.3, seed: int = 37):
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    return noisy_sine(n_points, noise, train_rng), noisy_sine(1000, noise, test_rng)


def _sent(screen: AppTest) -> dict[str, Any]:
    """What the canvas is given."""
    return json.loads(painted(screen))


def _all(screen: AppTest) -> list[tuple[str, str]]:
    page = "".join(block.proto.body for block in screen.get("html"))
    return re.findall(r'st-key-readout_(\w+)".*?<dd>(.*?)</dd>', page)


# ---- the scenes


def test_it_memorises(open_screen: Open) -> None:
    screen = open_screen("overfitting")
    assert readout(screen, "train_mse_b") < readout(screen, "train_mse_a")
    assert readout(screen, "test_mse_b") > 2 * readout(screen, "test_mse_a")
    assert readout(screen, "largest_coefficient_b") > 1000
    figure = _sent(screen)["figure"]
    (panel,) = figure["panels"]
    assert [curve["role"] for curve in panel["curves"]] == ["truth", "sound", "overfit"]
    assert len(figure["base"]) == 20
    assert "held_out" not in panel


def test_too_simple(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="2"), open_screen("overfitting")
    for error in ("train_mse", "test_mse"):
        assert readout(screen, f"{error}_a") > 2 * readout(default, f"{error}_a")
    more = open_screen("overfitting", scene="2", degree_a="1", degree_b="2", n_points="200")
    assert readout(more, "test_mse_a") > 2 * readout(default, "test_mse_a"), "data cure no bias"
    assert len(_sent(screen)["figure"]["panels"][0]["held_out"]) == 100


def test_just_right(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="3")
    assert "Best · 3" in "".join(block.proto.body for block in screen.get("html"))
    assert readout(screen, "best_mse") < 1.2 * readout(screen, "noise")
    curve = error_curve(*_samples())
    # as far as least squares can be told from rounding: beyond 19 it passes through all points
    assert (np.diff(curve.train_mse[:20]) <= 1e-12).all(), "falls with every degree"
    assert (np.diff(curve.test_mse[:4]) < 0.01).all()
    assert curve.test_mse[15] > 3 * curve.test_mse[3]


def test_one_outlier(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="4"), open_screen("overfitting")
    assert readout(screen, "test_mse_b") > 100 * readout(default, "test_mse_b")
    assert readout(screen, "test_mse_a") < 2 * readout(default, "test_mse_a")
    sent = _sent(screen)
    assert sent["edits"] == {"moved": {"19": [0.295, -1.15]}, "removed": [], "added": []}
    assert sent["figure"]["base"][19] == pytest.approx([0.295, 0.853], abs=1e-3)
    assert sent["figure"]["panels"][0]["sticks"] == ["sound", "overfit"]


def test_new_sample(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="5")
    a, b = (panel["cloud"] for panel in _sent(screen)["figure"]["panels"])
    assert a["count"] == b["count"] == 100
    assert np.max(a["changes"]) < 0.5
    assert np.median(b["changes"]) > 10 * np.median(a["changes"])
    assert readout(screen, "variance_b") > 100 * readout(screen, "variance_a")


def test_more_data(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="6")
    assert readout(screen, "test_mse_b") < 1.15 * readout(screen, "test_mse_a")


def test_a_penalty(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="7"), open_screen("overfitting")
    assert readout(screen, "test_mse_b") < 0.5 * readout(default, "test_mse_b")
    assert readout(screen, "test_mse_b") < readout(default, "test_mse_a")
    assert readout(screen, "largest_coefficient_b") < 10


def test_too_much(open_screen: Open) -> None:
    screen, fit = open_screen("overfitting", scene="8"), open_screen("overfitting", scene="7")
    for name in "ab":
        assert readout(screen, f"largest_coefficient_{name}") < 0.1
        for error in ("train_mse", "test_mse"):
            assert readout(screen, f"{error}_{name}") > 2 * readout(fit, f"{error}_{name}")


def test_choosing_a_penalty(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="9")
    options = screen.select_slider(key="penalty").options[1:]
    curve = penalty_curve(*_samples(), 15, [float(option) for option in options])
    assert readout(screen, "best_by_test") == curve.best_by_test == 0.002
    assert readout(screen, "best_by_cv") == curve.best_by_cv == 0.001
    choice = curve.test_mse[curve.penalties == curve.best_by_cv]
    assert choice <= 1.01 * curve.test_mse.min()
    assert readout(screen, "cv_choice_mse") == pytest.approx(float(choice[0]), rel=5e-3)
    assert curve.test_mse[0] > 2 * curve.test_mse.min() < curve.test_mse[-1] / 2, "a U"
    assert (np.diff(curve.train_mse) > 0).all(), "What to see: the training error only rises"


def test_l1_gives_zeros(open_screen: Open) -> None:
    screen, default = open_screen("overfitting", scene="10"), open_screen("overfitting")
    assert readout_text(screen, "zeros_b") == "11 of 15"
    assert readout(screen, "test_mse_b") < readout(default, "test_mse_a")
    screen.selectbox(key="penalty_kind").set_value("l2").run()
    assert readout_text(screen, "zeros_b") == "0 of 15"


def test_double_descent(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="11")
    assert readout(screen, "peak_mse") > 1000 * readout(screen, "small_mse")
    assert readout(screen, "large_mse") < 2 * readout(screen, "small_mse")
    assert readout(screen, "tuned_peak_mse") < 2 * readout(screen, "small_mse"), "no peak"
    page = "".join(block.proto.body for block in screen.get("html"))
    assert "Degree 19, peak" in page


@pytest.mark.parametrize("number", SCENES)
def test_every_scene_opens_by_its_number(open_screen: Open, number: int) -> None:
    assert_well(open_screen("overfitting", scene=str(number)))


# ---- the views


def test_raising_the_degree() -> None:
    """What to see: the training error only falls, the test error falls and then soars."""
    curve = error_curve(*_samples(), range(16))
    assert (np.diff(curve.train_mse) <= 1e-12).all()
    assert 1 < curve.best_degree < 10
    assert max(curve.test_mse[10:]) > 3 * min(curve.test_mse)


def test_a_penalty_lowers_the_right_arm_of_the_u() -> None:
    plain, calmed = (error_curve(*_samples(), range(26), penalty) for penalty in (0.0, 1e-3))
    assert plain.test_mse[15:].min() > 2 * calmed.test_mse[15:].max()


@pytest.mark.parametrize("n_datasets", ["10", "100", "500"])
@pytest.mark.parametrize("penalty", ["0", "1e-3"])
def test_the_identity_holds_on_the_screen(open_screen: Open, n_datasets: str, penalty: str) -> None:
    """Within four standard errors as shown, and the rounding of three digits."""
    screen = open_screen(
        "overfitting", view="bias_variance", n_datasets=n_datasets, penalty=penalty
    )
    page = "".join(block.proto.body for block in screen.get("html"))
    errors = [float(text) for text in re.findall(r"Measured ± ([\d.e-]+)", page)]
    for name, error in zip("ab", errors, strict=True):
        parts = sum(readout(screen, f"{part}_{name}") for part in ("bias_squared", "variance"))
        total, measured = readout(screen, f"sum_{name}"), readout(screen, f"expected_error_{name}")
        assert parts + 0.09 == pytest.approx(total, rel=0.01)
        assert abs(total - measured) < 4 * error + 0.006 * total


def test_bias_shrinks_and_variance_grows(open_screen: Open) -> None:
    screen = open_screen("overfitting", view="bias_variance", degree_a="1", n_datasets="500")
    assert readout(screen, "bias_squared_a") > 20 * readout(screen, "variance_a")
    assert readout(screen, "variance_b") > 20 * readout(screen, "bias_squared_b")
    exact = bias_variance(1, 0.0, 20, 0.3, 2, np.random.default_rng(37).spawn(2)[0])
    assert readout(screen, "bias_squared_a") == pytest.approx(exact.exact_bias_squared, rel=0.05)


def test_a_penalty_buys_less_variance_with_a_little_bias() -> None:
    curve = bias_variance_by_penalty(
        15, [0.0, 1e-3], 20, 0.3, 100, np.random.default_rng(37).spawn(2)[0]
    )
    assert curve.exact_variance[1] < 0.01 * curve.exact_variance[0]
    assert curve.exact_bias_squared[0] < curve.exact_bias_squared[1] < 0.1


def test_the_clouds_are_the_fits(open_screen: Open) -> None:
    screen = open_screen("overfitting", view="bias_variance", n_datasets="50")
    cloud = _sent(screen)["figure"]["panels"][0]["cloud"]
    drawn = np.frombuffer(base64.b64decode(cloud["fits"]), "<i2").reshape(50, -1) / 1000
    part = bias_variance(3, 0.0, 20, 0.3, 50, np.random.default_rng(37).spawn(2)[0])
    np.testing.assert_allclose(drawn, part.fits[:, ::3], atol=1e-3)
    step = part.fits[7, ::3] - part.fits[6, ::3]
    assert cloud["changes"][7] == pytest.approx(np.sqrt(np.mean(step**2)), abs=1e-4)


@pytest.mark.parametrize(
    ("n", "name"), [("100", "each training set"), ("500", "100 of 500 training sets")]
)
def test_the_legend_says_how_many_curves_are_drawn(open_screen: Open, n: str, name: str) -> None:
    figure = _sent(open_screen("overfitting", view="bias_variance", n_datasets=n))["figure"]
    assert figure["panels"][1]["cloud"]["count"] == 100
    assert name in [entry["name"] for entry in figure["legend"]]


def test_more_data_close_the_gap(open_screen: Open) -> None:
    few = open_screen("overfitting", view="more_data")
    many = open_screen("overfitting", view="more_data", n_points="200")
    assert readout(few, "gap_b") > 10 > 0.1 > readout(many, "gap_b")
    simple = open_screen("overfitting", view="more_data", degree_a="1", n_points="200")
    assert readout(simple, "test_mse_a") > 2 * 0.09, "more data cure no bias"
    calm = open_screen("overfitting", view="more_data", penalty="1e-3")
    assert readout(calm, "gap_b") < 0.001 * readout(few, "gap_b")


@pytest.mark.parametrize("seed", ["2", "3", "5"])
def test_double_descent_whatever_the_seed(open_screen: Open, seed: str) -> None:
    screen = open_screen("overfitting", view="double_descent", seed=seed, n_points="200")
    assert readout(screen, "peak_mse") > 10 * readout(screen, "large_mse")
    assert readout(screen, "tuned_peak_mse") < readout(screen, "peak_mse") / 10
    assert any("40 points" in text for text in remarks(screen))


def test_moving_one_control_keeps_the_rest(open_screen: Open) -> None:
    few, many = open_screen("overfitting"), open_screen("overfitting", degree_a="9")
    assert readout(few, "train_mse_b") == readout(many, "train_mse_b")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_every_view_stands_at_the_corners(open_screen: Open, view: str, kind: str) -> None:
    corners = (
        {"degree_a": "0", "degree_b": "0", "n_points": "5", "noise": "0", "penalty": "0"},
        {"degree_a": "25", "degree_b": "25", "n_points": "5", "noise": "0", "penalty": "1e-9"},
        {"degree_a": "25", "degree_b": "25", "n_points": "200", "noise": "1", "penalty": "100"},
        {"degree_a": "0", "degree_b": "25", "n_points": "5", "noise": "1", "penalty": "0"},
    )
    for corner in corners:
        screen = open_screen(
            "overfitting", view=view, penalty_kind=kind, n_datasets="10", against="penalty",
            residuals="true", held_out="true", **corner,
        )  # fmt: skip
        assert_well(screen)
        assert not screen.warning
        texts = [text for _key, text in _all(screen)]
        assert len(texts) >= 2
        assert not [text for text in texts if "nan" in text or "inf" in text]


@pytest.mark.parametrize("view", VIEWS)
def test_every_tab_of_every_view_opens_in_both_languages(open_screen: Open, view: str) -> None:
    for lang in i18n.LANGUAGES:
        screen = open_screen("overfitting", view=view, lang=lang)
        i18n.activate(lang)
        tabs = [i18n._(title) for title in ("The maths", "The data")]
        i18n.activate("en")
        for tab in tabs:
            screen.session_state["tab"] = tab
            assert_well(screen.run())
        # those of the fit can be edited, in a table of their own
        assert len(screen.dataframe) == (2 if view == "fit" else 1)


# ---- points moved by hand


def test_edits_reach_every_view_of_the_same_points(open_screen: Open) -> None:
    link = {"moved": "19:0.295:-1.15", "removed": "0,3", "added": "0.5:-1,-0.25:2"}
    train, test = _samples()
    sample = edit(train, {19: (0.295, -1.15)}, [0, 3], [(0.5, -1), (-0.25, 2)])
    model = fit_polynomial(*sample, 3)
    for view in ("fit", "complexity", "coefficients"):
        screen = open_screen("overfitting", view=view, **link)
        shown = readout(screen, "test_mse_a")
        assert shown == pytest.approx(mean_squared_error(model, test), rel=5e-3)
        assert not screen.warning


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("moved", "19:0.295"),
        ("moved", "19:0:9"),
        ("moved", "19:nan:0"),
        ("moved", "19:0:0,19:0.5:0"),
        ("moved", "200:0:0"),
        ("moved", "-1:0:0"),
        ("moved", "<script>alert(1)</script>"),
        ("moved", ""),
        ("moved", "1:0:0," * 10_000),
        ("removed", "1,1"),
        ("removed", "2.5"),
        ("removed", "１,２x"),
        ("added", "0:1e400"),
        ("added", "2:0"),
        ("added", ",".join(["0:0"] * 201)),
    ],
)
def test_hostile_edits_give_the_default_and_a_sentence(
    open_screen: Open, key: str, text: str
) -> None:
    screen = open_screen("overfitting", **{key: text})
    assert_well(screen)
    assert f"`{key}`" in screen.warning[0].value
    assert "script" not in screen.warning[0].value
    assert len(screen.warning[0].value) < 400
    assert readout(screen, "test_mse_b") == 0.399
    assert key not in screen.query_params


def test_an_edit_is_written_in_one_way() -> None:
    control = EditControl(key="moved", x_range=(-1, 1), y_range=(-2.4, 2.4))
    assert control.parse("07:0.50:-0.0000,3:-0.1234:1") == "3:-0.123:1,7:0.5:0"
    for text in ("3:-0.123:1,7:0.5:0", "19:0.295:-1.15"):
        assert control.parse(text) == text


def test_two_points_are_always_left(open_screen: Open) -> None:
    screen = open_screen("overfitting", n_points="5", removed="0,1,2,3,4")
    assert_well(screen)
    assert _sent(screen)["edits"]["removed"] == [0, 1, 2]
    values = {"moved": "3:0:0,4:1:1", "removed": "3", "added": ""}
    edits = read(values, 4)
    assert edits.moved == {}, "removed points and absent ones stay put"
    assert edits.removed == (3,)


def test_a_scene_puts_the_points_where_it_says(open_screen: Open) -> None:
    screen = open_screen("overfitting", added="0:2")
    screen.get_by_key("scene_pill").set_value(4).run()
    assert _sent(screen)["edits"] == {"moved": {"19": [0.295, -1.15]}, "removed": [], "added": []}
    screen.get_by_key("scene_pill").set_value(1).run()
    assert readout(screen, "test_mse_b") == 0.399
    assert not {"moved", "added"} & set(screen.query_params)


# ---- the code


def _printed(screen: AppTest, per_line: int) -> list[list[float]]:
    """The numbers that the code prints, line by line, without the degree at each start."""
    numbers = run_code(screen)
    assert len(numbers) % per_line == 0
    return [numbers[k + 1 : k + per_line] for k in range(0, len(numbers), per_line)]


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"scene": "7"},
        {"degree_a": "0", "n_points": "40"},
        {"scene": "8"},
        {"scene": "4"},
        {"degree_b": "8", "moved": "2:0:0", "removed": "0,3", "added": "0.5:-1,-0.25:2"},
        {"penalty": "0.01", "penalty_kind": "l1"},
    ],
)
def test_the_code_of_the_fit(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("overfitting", **link)
    shown = [
        [readout(screen, f"{error}_mse_{name}") for error in ("train", "test")] for name in "ab"
    ]
    np.testing.assert_allclose(_printed(screen, 3), shown, rtol=6e-3)


def test_the_code_of_the_complexity(open_screen: Open) -> None:
    screen = open_screen("overfitting", view="complexity")
    a, b, best = _printed(screen, 3)
    for name, numbers in (("a", a), ("b", b)):
        shown = [readout(screen, f"{error}_mse_{name}") for error in ("train", "test")]
        assert numbers == pytest.approx(shown, rel=6e-3)
    assert best[1] == pytest.approx(readout(screen, "best_mse"), rel=6e-3)


@pytest.mark.parametrize("penalty", ["0", "1e-3"])
def test_the_code_of_bias_and_variance(open_screen: Open, penalty: str) -> None:
    screen = open_screen("overfitting", view="bias_variance", penalty=penalty, n_datasets="50")
    keys = ("bias_squared", "variance", "sum", "expected_error")
    shown = [[readout(screen, f"{key}_{name}") for key in keys] for name in "ab"]
    numbers = run_code(screen)
    # degree, bias^2 (whose 2 counts as a number), variance, sum, measured
    printed = [[numbers[k + 2], *numbers[k + 3 : k + 6]] for k in (0, 6)]
    np.testing.assert_allclose(printed, shown, rtol=1e-2, atol=1e-12)


@pytest.mark.parametrize("link", [{"view": "coefficients"}, {"scene": "10"}])
def test_the_code_of_the_coefficients(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("overfitting", **link)
    for name, (largest, total, zeros) in zip("ab", _printed(screen, 4), strict=True):
        assert largest == pytest.approx(readout(screen, f"largest_coefficient_{name}"), rel=6e-3)
        assert total == pytest.approx(readout(screen, f"sum_{name}"), rel=6e-3)
        assert zeros == int(readout_text(screen, f"zeros_{name}").split()[0])


@pytest.mark.parametrize("penalty", ["0", "1e-3"])
def test_the_code_of_more_data(open_screen: Open, penalty: str) -> None:
    screen = open_screen("overfitting", view="more_data", penalty=penalty, n_points="50")
    shown = [
        [readout(screen, f"{error}_mse_{name}") for error in ("train", "test")] for name in "ab"
    ]
    np.testing.assert_allclose(_printed(screen, 3), shown, rtol=6e-3)


def test_the_code_of_the_penalty(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="9")
    by_test, test_mse, by_cv, cv_mse = run_code(screen)
    assert (by_test, by_cv) == (readout(screen, "best_by_test"), readout(screen, "best_by_cv"))
    assert test_mse == pytest.approx(readout(screen, "best_mse"), rel=6e-3)
    assert cv_mse == pytest.approx(readout(screen, "cv_choice_mse"), rel=6e-3)


def test_the_code_of_double_descent(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="11")
    small, peak, large = _printed(screen, 3)
    for numbers, key in ((small, "small_mse"), (peak, "peak_mse"), (large, "large_mse")):
        assert numbers[0] == pytest.approx(readout(screen, key), rel=6e-3)
    assert large[1] == pytest.approx(readout(screen, "tuned_large_mse"), rel=6e-3)
