"""What the constraints screen claims, scene by scene, as its read-outs show it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open, readout, readout_text, run_code


def _weights(screen: AppTest, order: int) -> tuple[float, float]:
    return readout(screen, f"w1_l{order}"), readout(screen, f"w2_l{order}")


def _zeros(screen: AppTest, order: int) -> str:
    return readout_text(screen, f"zeros_l{order}")


def test_a_corner(open_screen: Open) -> None:
    screen = open_screen("constraints")
    assert _zeros(screen, 1) == "w₁"
    assert _weights(screen, 1) == (0, 1.5)
    assert _zeros(screen, 2) == "none"
    assert min(_weights(screen, 2)) > 0.1


def test_round_contours(open_screen: Open) -> None:
    screen = open_screen("constraints", scene="2")
    assert _weights(screen, 1) == (1.25, 0.25)
    assert _zeros(screen, 1) == "none"
    w1, w2 = _weights(screen, 2)
    assert w1 / w2 == pytest.approx(3 / 2, rel=0.01), "on the line to (3, 2)"


def test_long_contours(open_screen: Open) -> None:
    screen = open_screen("constraints", scene="3")
    assert _zeros(screen, 1) == "w₁"
    assert _zeros(screen, 2) == "none"


def test_a_tight_budget(open_screen: Open) -> None:
    tight, default = open_screen("constraints", scene="4"), open_screen("constraints")
    for order in (1, 2):
        assert max(map(abs, _weights(tight, order))) <= 0.5
        assert readout(tight, f"loss_l{order}") > readout(default, f"loss_l{order}")


def test_no_regularization(open_screen: Open) -> None:
    screen = open_screen("constraints", scene="5")
    for order in (1, 2):
        assert _weights(screen, order) == (1.5, 3.0)
        assert readout(screen, f"loss_l{order}") == 0


def test_no_budget_at_all_has_a_readable_multiplier(open_screen: Open) -> None:
    screen = open_screen("constraints", budget="0")
    screen.session_state["tab"] = "The maths"
    screen.run()
    assert any("∞ for L2" in text.value for text in screen.markdown)


@pytest.mark.parametrize(
    "link", [{}, {"scene": "2"}, {"scene": "3"}, {"center_x": "-2.5", "budget": "2"}]
)
def test_the_code_computes_what_the_screen_shows(open_screen: Open, link: dict[str, str]) -> None:
    screen = open_screen("constraints", **link)
    printed = run_code(screen)
    shown = [
        value
        for order in (2, 1)
        for value in (order, *_weights(screen, order), readout(screen, f"loss_l{order}"))
    ]
    assert printed == pytest.approx(shown, abs=6e-3)
