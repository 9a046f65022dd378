"""What the optimizers screen claims, scene by scene."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from sim.optimizers import AREAS, LOSSES, PRICES, Momentum, fixed_point, stability_bound, trajectory
from tests.pages.conftest import (
    Open,
    assert_well,
    painted,
    readout,
    readout_text,
    remarks,
    run_code,
)
from ui.charts import optimizers as charts

KINDS = charts.KINDS
HELD, FREE = (fixed_point(kind, LOSSES["rotated"], 0.3) for kind in ("adam", "adamw"))


def _end(screen: AppTest, kind: str) -> tuple[float, ...]:
    text = readout_text(screen, f"end_{kind}")
    return tuple(float(part) for part in text.strip("()").split(","))


def _figure(screen: AppTest) -> dict[str, Any]:
    return json.loads(painted(screen))["figure"]


def _cell(screen: AppTest, key: str) -> float:
    """A result in the opened step, such as `adam_m_1`."""
    page = "".join(block.proto.body for block in screen.get("html"))
    (text,) = re.findall(rf'<b class="{key}">(.*?)</b>', page)
    return float(text.replace("−", "-"))


def _sweep_frame(screen: AppTest, chart: int) -> pd.DataFrame:
    """The data of one of the two heat maps."""
    proto = screen.get("vega_lite_chart")[chart].proto
    return pa.ipc.open_stream(proto.data.data).read_pandas()


def _sweep_table(screen: AppTest, chart: int) -> pd.DataFrame:
    return _sweep_frame(screen, chart)[["row", "weight_decay", "loss"]].dropna()


# --- Paths


def test_adam_is_not_adamw(open_screen: Open) -> None:
    screen = open_screen("optimizers")
    for kind in ("sgd", "momentum", "adam"):
        assert _end(screen, kind) == pytest.approx(HELD, abs=0.02)
    assert _end(screen, "adamw") == pytest.approx(FREE, abs=0.05)
    assert pytest.approx((2, 1)) == FREE
    assert np.linalg.norm(FREE - HELD) > 0.4
    marks = {mark["label"]: (mark["x"], mark["y"]) for mark in _figure(screen)["marks"]}
    assert marks["least loss"] == pytest.approx(tuple(FREE), abs=1e-3)
    assert marks["least loss + L2"] == pytest.approx(tuple(HELD), abs=1e-3)


def test_the_drawn_paths_are_those_of_the_rules(open_screen: Open) -> None:
    figure = _figure(open_screen("optimizers"))
    loss = LOSSES["rotated"]
    path = trajectory(Momentum(0.02, 0.8, 0.3), loss.gradient, loss.start, 300).weights
    drawn = np.reshape(figure["paths"][1]["points"], (-1, 2))
    np.testing.assert_allclose(drawn, path, atol=5e-4)
    assert len({path["role"] for path in figure["paths"]}) == 4
    field = figure["field"]
    x0, x1, y0, _y1 = field["domain"]
    grid = np.reshape(field["values"], (field["rows"], field["columns"]))
    x = x0 + (x1 - x0) * 10 / (field["columns"] - 1)
    assert grid[0, 10] == pytest.approx(float(loss.value(np.array([x, y0]))) ** 0.5, rel=5e-3)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_figure_is_light(open_screen: Open, loss: str) -> None:
    screen = open_screen("optimizers", loss=loss)
    sent = painted(screen)
    assert len(sent) < 100_000
    assert "NaN" not in sent
    assert "Infinity" not in sent


def test_momentum_in_a_narrow_valley(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="2")
    assert _end(screen, "momentum") == pytest.approx((2, 1), abs=0.01)
    assert _end(screen, "sgd")[0] < 0, "has crept a quarter of the way from -2 to 2"
    assert _end(screen, "sgd")[1] == pytest.approx(1, abs=0.01), "on the floor"
    assert readout(screen, "bound") == pytest.approx(0.02), "twice the step: it must be small"


def test_a_learning_rate_too_large(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="3")
    assert readout_text(screen, "end_sgd") == "diverges"
    assert readout(screen, "bound") < 0.1 < stability_bound(LOSSES["rotated"], 0.8, 0.3)
    for kind in ("momentum", "adam"):
        assert _end(screen, kind) == pytest.approx(HELD, abs=0.02)
    assert _end(screen, "adamw") == pytest.approx(FREE, abs=0.05)
    assert [path["lost"] for path in _figure(screen)["paths"]] == [True, False, False, False]
    (sentence,) = [text for text in remarks(screen) if "bound" in text]
    assert "SGD. Learning rate 0.1" in sentence
    assert "0.0791" in sentence


@pytest.mark.parametrize("loss", list(LOSSES))
def test_the_largest_rates_end_in_marks_and_sentences(open_screen: Open, loss: str) -> None:
    screen = open_screen(
        "optimizers", loss=loss, learning_rate="1", adam_learning_rate="1", weight_decay="10"
    )
    assert_well(screen)
    assert "NaN" not in painted(screen)
    assert "Infinity" not in painted(screen)
    assert any("stability bound" in text for text in remarks(screen))
    page = "".join(block.proto.body for block in screen.get("html"))
    assert "nan" not in page
    assert "inf" not in page
    assert "diverges" in page


def test_rosenbrocks_valley(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="4")
    for kind in ("adam", "adamw"):
        assert _end(screen, kind) == pytest.approx((1, 1), abs=0.02)
    paths = _figure(screen)["paths"]
    assert paths[2]["points"] == paths[3]["points"], "without decay they are one rule"
    start = LOSSES["rosenbrock"].start
    whole = np.linalg.norm(start - 1)
    assert np.linalg.norm(np.array(_end(screen, "sgd")) - start) < 0.3 * whole
    assert readout(screen, "bound") == pytest.approx(0.002, rel=0.01), "0.001 is half of it"
    assert "one rule" in remarks(screen)[0]


def test_the_box_holds_adamw(open_screen: Open) -> None:
    """At λ = 1 every weight must stay within 1, and AdamW ends at the loss's minimum there."""
    screen = open_screen("optimizers", loss="bowl", weight_decay="1")
    labels = [mark["label"] for mark in _figure(screen)["marks"]]
    assert labels == ["least loss in the box", "least loss + L2"]
    assert _end(screen, "adamw") == pytest.approx((1, 1), abs=0.07)
    assert _end(screen, "adam") == pytest.approx((1, 0.5), abs=0.02)
    assert _figure(screen)["shapes"][0]["points"][:2] == [1, 1]


def test_pytorchs_beta2_only_takes_longer(open_screen: Open) -> None:
    """What the help of β₂ says: at 0.999 AdamW is still on its way after 300 steps."""
    away = np.array(_end(open_screen("optimizers", beta2="0.999"), "adamw")) - FREE
    assert np.linalg.norm(away) > 0.5


# --- One step


def test_inside_a_step(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="5")
    for rule in ("adam", "adamw"):
        for i in (1, 2):
            g, m_hat, v_hat, step = (
                _cell(screen, f"{rule}_{key}_{i}") for key in ("g", "m_hat", "v_hat", "step")
            )
            assert m_hat == g
            assert v_hat == pytest.approx(g**2, rel=0.01)
            assert abs(step) == pytest.approx(0.05)
    assert abs(_cell(screen, "adam_decay_2")) < 0.03 * _cell(screen, "adamw_decay_2")
    for i, w in enumerate(LOSSES["ill_scaled"].start, 1):
        assert _cell(screen, f"adamw_decay_{i}") == pytest.approx(0.05 * 0.3 * w, rel=0.01)


def test_the_numbers_of_a_step_make_each_other(open_screen: Open) -> None:
    """Recomputed from the two screens before and after; three digits are shown."""
    before = open_screen("optimizers", view="step", t="6", loss="bowl")
    screen = open_screen("optimizers", view="step", t="7", loss="bowl")
    minimum = LOSSES["bowl"].minimum
    for rule, penalty in (("adam", 0.3), ("adamw", 0.0)):
        for i in (1, 2):

            def cell(key: str, rule: str = rule, i: int = i, of: AppTest = screen) -> float:
                return _cell(of, f"{rule}_{key}_{i}")

            w = cell("after", of=before)
            near = {"rel": 0.02, "abs": 0.01}
            assert cell("g") == pytest.approx(w - minimum[i - 1] + penalty * w, **near)
            assert cell("m") == pytest.approx(0.9 * cell("m", of=before) + 0.1 * cell("g"), **near)
            old = cell("v", of=before)
            assert cell("v") == pytest.approx(0.95 * old + 0.05 * cell("g") ** 2, **near)
            assert cell("m_hat") == pytest.approx(cell("m") / (1 - 0.9**7), **near)
            assert cell("v_hat") == pytest.approx(cell("v") / (1 - 0.95**7), **near)
            assert cell("step") == pytest.approx(
                0.05 * cell("m_hat") / cell("v_hat") ** 0.5, **near
            )
            decay = 0.05 * 0.3 * w / (cell("v_hat") ** 0.5 if rule == "adam" else 1)
            assert cell("decay") == pytest.approx(decay, rel=0.02, abs=2e-4)
            held = 0 if rule == "adam" else cell("decay")
            assert cell("after") == pytest.approx(w - cell("step") - held, **near)


def test_steps_forward_and_back(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="5")
    assert screen.get_by_key("step_back").disabled
    first = _cell(screen, "adamw_after_1")
    screen.get_by_key("step_forward").click().run()
    assert screen.slider(key="t").value == 2
    assert _cell(screen, "adamw_after_1") != first
    screen.get_by_key("step_back").click().run()
    assert screen.slider(key="t").value == 1
    assert _cell(screen, "adamw_after_1") == first
    assert open_screen("optimizers", view="step", t="300").get_by_key("step_forward").disabled


# --- House prices


def test_house_prices(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="6")
    slope, plain = readout(screen, "slope"), readout(screen, "plain_slope")
    assert slope == 1.457
    assert slope < plain < 1.5
    assert readout(screen, "short") == pytest.approx(1.5 - slope)
    long = open_screen("optimizers", view="house_prices", house_steps="10000")
    assert readout(long, "short") < 0.005
    assert len(screen.get("vega_lite_chart")) == 2


def test_scale_the_input(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="7")
    assert readout(screen, "slope") < 0.1
    both = open_screen("optimizers", view="house_prices", standardise="both")
    assert readout(both, "slope") == pytest.approx(1.5, abs=0.15)
    x, y = np.array(AREAS), np.array(PRICES)
    assert 1.5 * x.std() == pytest.approx(212, abs=0.5)
    assert y.mean() == 450


def test_a_decay_that_overshoots_is_a_sentence(open_screen: Open) -> None:
    screen = open_screen(
        "optimizers", view="house_prices", house_learning_rate="1", house_weight_decay="10"
    )
    assert_well(screen)
    assert readout_text(screen, "slope") == "diverges"
    assert "is above 2" in remarks(screen)[0]


def test_a_wall_at_one_over_lambda(open_screen: Open) -> None:
    """What to see says that at λ = 1 the wall for each weight is 1."""
    screen = open_screen(
        "optimizers", view="house_prices", house_weight_decay="1", house_steps="10000"
    )
    assert readout(screen, "slope") == pytest.approx(1, abs=0.02)


# --- Heat maps


def _percent(screen: AppTest, key: str) -> float:
    return float(readout_text(screen, key).removesuffix("%"))


def test_lambda_and_the_learning_rate(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="8")
    assert readout(screen, "edge_adam") < -1.5, "a hundredfold for a rate tenfold would be -2"
    assert readout(screen, "edge_adamw") == pytest.approx(0, abs=0.1)
    assert readout(screen, "drift_adam") < readout(screen, "drift_adamw") - 1
    assert _percent(screen, "cost_adam") > 50, "far too much"
    assert _percent(screen, "cost_adamw") < 10
    adamw = _sweep_table(screen, 1)
    losses = adamw.pivot(index="row", columns="weight_decay", values="loss")
    of_row = losses.div(losses.min(axis=1), axis=0)
    assert of_row.max().min() < 1.1, "one λ serves every row"


def test_as_pytorch_counts_it_lambda_falls_as_one_over_the_learning_rate(open_screen: Open) -> None:
    screen = open_screen("optimizers", view="sweep", decay_per_step="false")
    assert readout(screen, "edge_adamw") == pytest.approx(-1, abs=0.1)
    assert readout(screen, "edge_adam") == readout(
        open_screen("optimizers", scene="8"), "edge_adam"
    )


def test_a_fit_trained_to_its_end(open_screen: Open) -> None:
    screen = open_screen("optimizers", scene="9")
    for kind in ("adam", "adamw"):
        assert abs(readout(screen, f"drift_{kind}")) < 0.4
    counted = open_screen("optimizers", scene="9", view="sweep", fit="diabetes")
    assert readout(counted, "drift_adamw") > 0.6
    assert readout(counted, "drift_adam") == readout(screen, "drift_adam")


@pytest.mark.parametrize("link", [{"scene": "10"}, {"view": "sweep", "axis": "loss_scale"}])
def test_lambda_and_the_losss_scale(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("optimizers", **link)
    kind = "drift" if "scene" in link else "edge"  # the digits' best is on a flat floor
    assert readout(screen, f"{kind}_adam") == pytest.approx(1, abs=0.02)
    assert readout(screen, f"{kind}_adamw") == pytest.approx(0, abs=0.02)


def test_the_marks_of_the_heat_maps_are_those_of_the_table(open_screen: Open) -> None:
    """A dot at the least loss of its row; the bar ends at the last cell within a tenth of it."""
    for chart in (0, 1):
        screen = open_screen("optimizers", scene="8")
        frame = _sweep_frame(screen, chart)
        marks = frame.dropna(subset="best_y")
        assert len(marks) == frame["row"].nunique() > 5
        for mark in marks.itertuples():
            row = frame[np.isclose(frame["row"], mark.best_y)]
            assert row.loc[row["loss"].idxmin(), "weight_decay"] == pytest.approx(mark.best_x)
            good = row[row["loss"] <= 1.1 * row["loss"].min()]
            assert good["weight_decay"].max() == pytest.approx(mark.best_x2)


# --- The code


@pytest.mark.parametrize(
    "link", [{}, {"loss": "narrow_valley", "momentum": "0.5"}, {"loss": "rosenbrock"}]
)
def test_the_code_of_the_paths(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("optimizers", n_steps="100", learning_rate="0.001", **link)
    shown = [value for kind in KINDS for value in _end(screen, kind)]
    assert run_code(screen) == pytest.approx(shown, abs=6e-3)


def test_the_code_of_a_path_that_diverges(
    open_screen: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(run_code(open_screen("optimizers", scene="3"))) == 6, "three ends, two numbers each"


def test_the_code_of_a_step(open_screen: Open) -> None:
    screen = open_screen("optimizers", view="step", t="5", loss="ill_scaled")
    keys = ("m", "v", "m_hat", "v_hat", "after")
    shown = [
        _cell(screen, f"{rule}_{key}_{i}")
        for rule in ("adam", "adamw")
        for key in keys
        for i in (1, 2)
    ]
    assert run_code(screen) == pytest.approx(shown, rel=6e-3)


@pytest.mark.parametrize("standardise", ["nothing", "input", "both"])
def test_the_code_of_the_house_prices(open_screen: Open, standardise: str) -> None:
    screen = open_screen("optimizers", view="house_prices", standardise=standardise, seed="3")
    slope, intercept = run_code(screen)
    assert slope == pytest.approx(readout(screen, "slope"), abs=6e-4)
    assert intercept == pytest.approx(readout(screen, "intercept"), rel=6e-3, abs=6e-4)


@pytest.mark.parametrize(
    "link",
    [
        {"fit": "diabetes", "axis": "loss_scale"},
        {"fit": "diabetes", "decay_per_step": "false"},
        {"fit": "diabetes"},
        {},
        {"decay_per_step": "false"},
        {"axis": "loss_scale"},
    ],
)
def test_the_code_of_the_heat_maps(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("optimizers", view="sweep", seed="1", **link)
    alt_texts = [text.value for text in screen.get("text")]
    shown = [
        float(number)
        for text in alt_texts
        for number in text.split(" are ")[1].rstrip(".").split(", ")
    ]
    printed = run_code(screen)
    assert printed[1::2] == pytest.approx(shown, rel=6e-3)


def test_the_smallest_learning_rate_can_be_linked(open_screen: Open) -> None:
    screen = open_screen("optimizers", learning_rate="0.0001")
    assert screen.select_slider(key="learning_rate").value == 1e-4
    assert not screen.warning
