"""What the constraints screen claims, scene by scene, as its read-outs and figures show it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sim.constraints import Quadratic, budget_of, penalty_of, zero_map
from tests.pages.conftest import Open, assert_well, printed, readout, readout_text, run_code
from ui.charts import constraints_zeros as charts

NAME = "constraints"
TITLES = [
    "Touching",
    "No contact",
    "Crossing",
    "A corner",
    "An edge",
    "Round contours",
    "Long contours",
    "No regularization",
    "λ and budget are one",
    "The max-norm ties",
    "q = 0.5",
    "Where zeros are",
    "The path",
    "Descent",
    "It diverges",
    "How often?",
    "One weight",
]


def _scene(open_screen: Open, title: str) -> AppTest:
    return open_screen(NAME, scene=str(TITLES.index(title) + 1))


def _weights(screen: AppTest, norm: str) -> tuple[float, float]:
    return readout(screen, f"w1_{norm}"), readout(screen, f"w2_{norm}")


def _zeros(screen: AppTest, norm: str) -> str:
    return readout_text(screen, f"zeros_{norm}")


def _drawn(screen: AppTest) -> dict[str, Any]:
    """What the figure that the browser draws is given."""
    (figure,) = screen.get("bidi_component")
    return json.loads(figure.proto.mixed.json or figure.proto.json)["figure"]


def _titles(screen: AppTest) -> list[str]:
    return [panel["title"] for panel in _drawn(screen)["panels"]]


def _rings(screen: AppTest) -> list[int]:
    return [sum("ring" in dot for dot in panel["dots"]) for panel in _drawn(screen)["panels"]]


def test_the_scenes_are_those(open_screen: Open) -> None:
    pills = open_screen(NAME).get_by_key("scene_pill").options
    assert [text.split(" · ", 1)[1] for text in pills] == TITLES


def test_touching(open_screen: Open) -> None:
    screen = open_screen(NAME)
    assert _titles(screen) == ["L2 · touching", "L1 · touching"]
    assert _zeros(screen, "l2") == "none"
    assert _zeros(screen, "l1") == "w₁"
    assert _weights(screen, "l1") == (0, 1.5)


def test_no_contact(open_screen: Open) -> None:
    screen = _scene(open_screen, "No contact")
    assert _titles(screen) == ["L2 · no contact", "L1 · no contact"]
    assert _rings(screen) == [0, 0]


def test_crossing(open_screen: Open) -> None:
    screen = _scene(open_screen, "Crossing")
    assert _titles(screen) == ["L2 · crossing at 2", "L1 · crossing at 2"]
    assert _rings(screen) == [2, 2]


def test_a_corner(open_screen: Open) -> None:
    screen = _scene(open_screen, "A corner")
    assert _zeros(screen, "l1") == "w₂"
    assert _zeros(screen, "l2") == "none"
    smooth, corner = _drawn(screen)["panels"]
    # One arrow for the pull, and on the circle one for the only gradient, in the same direction.
    assert len(smooth["arrows"]) == 2
    one, other = (np.array(arrow["by"]) for arrow in smooth["arrows"])
    assert np.cross([*one, 0], [*other, 0])[2] == pytest.approx(0, abs=1e-3)
    # On the corner a cone instead: the right angle about the axis, and the pull is inside it.
    (pull,) = corner["arrows"]
    assert abs(pull["by"][1]) < pull["by"][0]
    cone = np.array(corner["shapes"][-1]["points"]).reshape(-1, 2)
    assert cone[0] == pytest.approx([2, 0])
    edges = cone[[1, -1]] - cone[0]
    assert np.abs(edges[:, 0]) == pytest.approx(np.abs(edges[:, 1]), abs=2e-3)


def test_an_edge(open_screen: Open) -> None:
    screen = _scene(open_screen, "An edge")
    assert _titles(screen) == ["L2 · touching", "L1 · touching"]
    assert _weights(screen, "l1") == (1.0, 0.5)
    assert _zeros(screen, "l1") == _zeros(screen, "l2") == "none"


def test_round_contours(open_screen: Open) -> None:
    screen = _scene(open_screen, "Round contours")
    assert _weights(screen, "l1") == (1.25, 0.25)
    assert _zeros(screen, "l1") == "none"
    w1, w2 = _weights(screen, "l2")
    assert w1 / w2 == pytest.approx(3 / 2, rel=0.01), "on the line to (3, 2)"


def test_long_contours(open_screen: Open) -> None:
    screen = _scene(open_screen, "Long contours")
    assert _zeros(screen, "l1") == "w₁"
    assert _zeros(screen, "l2") == "none"
    c = np.array([2.0, 2.5])
    for norm, nearest in (("l2", 1.5 * c / np.hypot(*c)), ("l1", [0.5, 1.0])):
        assert np.abs(np.subtract(_weights(screen, norm), nearest)).max() > 0.1


def test_no_regularization(open_screen: Open) -> None:
    screen = _scene(open_screen, "No regularization")
    assert _titles(screen) == ["L2 · does not bind", "L1 · does not bind"]
    for norm in ("l1", "l2"):
        assert _weights(screen, norm) == (1.5, 3.0)
        assert readout(screen, f"loss_{norm}") == readout(screen, f"multiplier_{norm}") == 0


def test_penalty_and_budget_are_one(open_screen: Open) -> None:
    screen = _scene(open_screen, "λ and budget are one")
    assert screen.get_by_key("formulation").value == "penalty"
    for norm in ("l1", "l2"):
        budget = readout_text(screen, f"budget_{norm}")
        same = open_screen(NAME, budget=budget)
        assert readout(same, f"multiplier_{norm}") == pytest.approx(1, abs=0.02), "of 3 digits"
        assert _weights(same, norm) == pytest.approx(_weights(screen, norm), abs=0.02)


def test_the_max_norm_ties(open_screen: Open) -> None:
    screen = _scene(open_screen, "The max-norm ties")
    assert _weights(screen, "lq") == (1.5, 1.5)
    assert _zeros(screen, "lq") == "none"


def test_below_one_is_not_convex(open_screen: Open) -> None:
    screen = _scene(open_screen, "q = 0.5")
    assert _zeros(screen, "lq") == "w₁"
    assert _zeros(screen, "l1") == "none"
    assert "L0.5 ball, not convex" in [entry["name"] for entry in _drawn(screen)["legend"]]


def test_where_zeros_are(open_screen: Open) -> None:
    screen = _scene(open_screen, "Where zeros are")
    assert readout_text(screen, "plane_l2") == "0.0 %"
    assert float(readout_text(screen, "plane_l1").removesuffix(" %")) > 50
    smooth, bands = _drawn(screen)["panels"]
    assert smooth["masks"] == []
    assert [mask["role"] for mask in bands["masks"]] == ["truth", "sound"]
    star = open_screen(NAME, view="zeros", norm_order="0.5")
    assert float(readout_text(star, "plane_lq").removesuffix(" %")) > 85, "little else is left"


def test_the_path(open_screen: Open) -> None:
    screen = _scene(open_screen, "The path")
    assert readout(screen, "pieces") == 2
    held = {key: int(readout_text(screen, f"zero_share_{key}")[:-2]) for key in ("l1", "net", "l2")}
    assert held["l1"] > held["net"] > held["l2"] == 0
    blends = [
        readout_text(open_screen(NAME, view="path", l1_ratio=ratio), "zero_share_net")
        for ratio in ("0", "1")
    ]
    # Points lie closer on the net's own path near its start, so the kink falls between two.
    assert blends[0] == "0 %"
    assert int(blends[1][:-2]) == pytest.approx(held["l1"], abs=3)


def test_descent(open_screen: Open) -> None:
    screen = _scene(open_screen, "Descent")
    assert _zeros(screen, "proximal") == "w₁"
    assert _zeros(screen, "subgradient") == _zeros(screen, "l2") == "none"
    ends = [readout_text(screen, f"end_{key}") for key in ("proximal", "subgradient", "l2")]
    assert ends == ["rests", "goes on", "rests"]
    w1 = np.array(_drawn(screen)["paths"][1]["points"])[::2]
    signs = np.sign(w1[-20:])
    assert (signs[1:] != signs[:-1]).any(), "it hovers"
    assert 0 < readout(screen, "w1_l2") < 0.2


def test_it_diverges_and_says_so(open_screen: Open) -> None:
    screen = _scene(open_screen, "It diverges")
    assert readout_text(screen, "end_l2") == "diverges"
    assert readout_text(screen, "end_proximal") == "rests"
    assert _zeros(screen, "proximal") == "w₁"
    assert readout(screen, "bound_l2") < 0.8 < readout(screen, "bound_proximal")
    assert any("L2 gradient diverges" in caption.value for caption in screen.caption)


def test_how_often(open_screen: Open) -> None:
    screen = _scene(open_screen, "How often?")
    share = {"symmetric": 67, "general": 72, "axis_aligned": 81}
    assert readout_text(screen, "share_l2") == "0.0 %"
    assert float(readout_text(screen, "share_l1")[:-2]) == pytest.approx(66.7, abs=2)
    for shape, percent in share.items():
        other = open_screen(NAME, view="how_often", budget="2", shape=shape)
        # 5,000 draws: one standard error is 0.7
        assert float(readout_text(other, "share_l1")[:-2]) == pytest.approx(percent, abs=2.5)
        assert readout_text(other, "share_l2") == "0.0 %"
    smaller, larger = (open_screen(NAME, view="how_often", budget=b) for b in ("1", "5"))
    assert float(readout_text(smaller, "share_l1")[:-2]) > 68
    assert float(readout_text(larger, "share_l1")[:-2]) < 65
    cloud = _drawn(screen)["panels"][1]
    assert cloud["counts"][-1] == 5000
    assert f"{100 * cloud['shares'][-1]:.1f} %" == readout_text(screen, "share_l1")


def test_one_weight(open_screen: Open) -> None:
    screen = _scene(open_screen, "One weight")
    assert readout(screen, "theta_l1") == 0
    assert readout(screen, "arrives_l1") < 40
    assert readout_text(screen, "arrives_l2") == readout_text(screen, "arrives_sign") == "never"
    assert readout(screen, "first_push_sign") in (
        readout(screen, "last_push_sign"),
        -readout(screen, "last_push_sign"),
    )
    assert abs(readout(screen, "last_push_l2")) < 1e-3 < abs(readout(screen, "first_push_l2"))


# ---- two handles of one thing


@pytest.mark.parametrize("order", ["0.5", "1", "1.5", "2", "4", "inf"])
def test_the_penalty_follows_the_budget_exactly(open_screen: Open, order: str) -> None:
    screen = open_screen(NAME, norm_order=order)
    loss = Quadratic.from_ellipse((1.5, 3.0), 3.0, 30.0)
    screen.get_by_key("budget").set_value(2.0).run()
    assert screen.get_by_key("penalty").value == penalty_of(loss, float(order), 2.0)
    screen.get_by_key("penalty").set_value(0.8).run()
    assert screen.get_by_key("formulation").value == "penalty"
    assert screen.get_by_key("budget").value == min(budget_of(loss, float(order), 0.8), 6)
    screen.get_by_key("budget").set_value(1.0).run()
    assert screen.get_by_key("formulation").value == "constraint"


def test_there_and_back_is_the_same_budget(open_screen: Open) -> None:
    screen = open_screen(NAME)
    before = _weights(screen, "l1"), _weights(screen, "l2")
    screen.get_by_key("formulation").set_value("penalty").run()
    assert screen.get_by_key("budget").value == pytest.approx(1.5, rel=1e-9)
    screen.get_by_key("formulation").set_value("constraint").run()
    assert (_weights(screen, "l1"), _weights(screen, "l2")) == before


def test_only_the_leading_handle_is_in_the_link(open_screen: Open) -> None:
    screen = open_screen(NAME, budget="2", penalty="0.123")
    assert screen.query_params.get("budget") == "2"
    assert "penalty" not in screen.query_params
    screen.get_by_key("penalty").set_value(0.5).run()
    assert screen.query_params.get("penalty") == "0.5"
    assert "budget" not in screen.query_params


def test_a_penalty_between_the_steps_is_taken_at_its_word(open_screen: Open) -> None:
    screen = open_screen(NAME, formulation="penalty", penalty="0.777")
    assert screen.get_by_key("penalty").value == 0.777
    assert not screen.warning


def test_the_follower_follows_the_loss(open_screen: Open) -> None:
    screen = open_screen(NAME)
    screen.get_by_key("eccentricity").set_value(10.0).run()
    loss = Quadratic.from_ellipse((1.5, 3.0), 10.0, 30.0)
    assert screen.get_by_key("penalty").value == penalty_of(loss, 1, 1.5)


# ---- what else is drawn


def test_no_budget_at_all_has_a_readable_multiplier(open_screen: Open) -> None:
    screen = open_screen(NAME, budget="0")
    screen.session_state["tab"] = "The maths"
    screen.run()
    assert any("∞ (L2)" in text.value for text in screen.markdown)


@pytest.mark.parametrize("order", [0.5, 1, math.inf])
def test_the_map_is_drawn_the_right_way_up(order: float) -> None:
    import base64
    import struct
    import zlib

    codes = zero_map(Quadratic.from_ellipse((0, 0), 3, 30), order, 1.5, 7.0, 40).codes
    for mask in charts.masks(codes, 7.0):
        picture = base64.b64decode(mask["png"].split(",")[1])
        width, height = struct.unpack(">II", picture[16:24])
        start = picture.index(b"IDAT") + 4
        rows = np.frombuffer(zlib.decompress(picture[start:]), np.uint8).reshape(height, -1)
        white = np.unpackbits(rows[:, 1:], axis=1)[:, :width].astype(bool)
        bit = 1 if mask["role"] == "truth" else 2
        assert (white == (codes[::-1] & bit > 0)).all(), "the top row is the largest w2"


@pytest.mark.parametrize(
    "view", ["figure", "zeros", "path", "descent", "how_often", "one_dimension"]
)
@pytest.mark.parametrize("tab", ["The maths", "The data"])
def test_every_tab_of_every_view(open_screen: Open, view: str, tab: str) -> None:
    screen = open_screen(NAME, view=view, norm_order="inf")
    screen.session_state["tab"] = tab
    screen.run()
    assert not screen.exception
    assert not screen.error
    assert screen.latex if tab == "The maths" else len(screen.dataframe[0].value)


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"scene": "6"},
        {"scene": "7"},
        {"scene": "11"},
        {"center_x": "-2.5", "budget": "2", "norm_order": "inf"},
    ],
)
def test_the_code_computes_what_the_figure_shows(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen(NAME, **link)
    norms = ["l2", "l1", *(["lq"] if "0.5" in _titles(screen)[-1] else [])]
    shown = [v for n in norms for v in (*_weights(screen, n), readout(screen, f"loss_{n}"))]
    text = _numbers(screen)
    assert text[: len(shown)] == pytest.approx(shown, abs=6e-3)


def _numbers(screen: AppTest) -> list[float]:
    """The numbers that the code prints, without those in the names of the norms."""
    lines = [line.split(": ", 1)[-1] for line in printed(screen).splitlines()]
    return [float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", " ".join(lines)) if v]


def test_the_code_of_the_penalty(open_screen: Open) -> None:
    screen = _scene(open_screen, "λ and budget are one")
    shown = [v for n in ("l2", "l1") for v in (*_weights(screen, n), readout(screen, f"loss_{n}"))]
    printed = [v for v in run_code(screen) if v not in (1, 2) or v in shown]
    assert printed == pytest.approx(shown, abs=6e-3)


def test_the_code_of_the_zeros(open_screen: Open) -> None:
    screen = _scene(open_screen, "Where zeros are")
    shown = [float(readout_text(screen, f"plane_{n}")[:-2]) for n in ("l2", "l1")]
    assert run_code(screen)[1::2] == pytest.approx(shown, abs=0.051)


def test_the_code_of_the_path(open_screen: Open) -> None:
    screen = _scene(open_screen, "The path")
    enters = float(readout_text(screen, "second_enters").split()[-1])
    assert run_code(screen) == pytest.approx([readout(screen, "pieces"), enters], abs=6e-3)


@pytest.mark.parametrize("title", ["Descent", "It diverges"])
def test_the_code_of_the_descent(open_screen: Open, title: str) -> None:
    screen = _scene(open_screen, title)
    shown = [v for k in ("proximal", "subgradient", "l2") for v in _weights(screen, k)]
    assert _numbers(screen) == pytest.approx(shown, rel=6e-3, abs=6e-4)


@pytest.mark.parametrize("shape", ["symmetric", "general", "axis_aligned"])
def test_the_code_of_how_often(open_screen: Open, shape: str) -> None:
    screen = open_screen(NAME, view="how_often", budget="2", shape=shape)
    shown = [float(readout_text(screen, f"share_{n}")[:-2]) for n in ("l2", "l1")]
    # Draws of its own, 20,000 of them, beside the screen's 5,000: standard error 0.8.
    assert run_code(screen)[1::2] == pytest.approx(shown, abs=2.5)


def test_the_code_of_one_weight(open_screen: Open) -> None:
    screen = _scene(open_screen, "One weight")
    shown = [readout(screen, f"theta_{key}") for key in ("l1", "sign", "l2")]
    assert run_code(screen) == pytest.approx(shown, rel=6e-2, abs=6e-4)


def test_choices_have_names_in_the_language_of_the_screen_and_keys_in_the_link(
    open_screen: Open,
) -> None:
    screen = open_screen("constraints", lang="zh", norm_order="inf", formulation="penalty")
    assert screen.selectbox(key="formulation").options == ["预算", "惩罚 λ"]
    assert screen.selectbox(key="norm_order").options[-1] == "∞：较大的权重"
    assert screen.selectbox(key="norm_order").value == "inf"
    screen.selectbox(key="norm_order").set_value("0.5").run()
    assert_well(screen)
    assert screen.query_params["norm_order"] in ("0.5", ["0.5"])
    screen.selectbox(key="formulation").set_value("constraint").run()
    assert screen.selectbox(key="formulation").value == "constraint"
    assert "formulation" not in screen.query_params
    plain = open_screen("constraints", lang="zh", norm_order="∞", formulation="惩罚 λ")
    assert len(plain.warning) == 1, "a name is no key"
