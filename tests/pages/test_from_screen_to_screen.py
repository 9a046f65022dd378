"""All ways from one screen to another in one session: each finds what it had, and no more."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import ROOT, Open, assert_well
from ui import stage
from ui.lecture import TOPICS

NAMES = [topic.name for topic in TOPICS]
CHEAP = {"figure": "zeros", "canyons": "three_forms", "masks": "samples", "train": "films"}
"""Another view of a screen, where one is quickly drawn."""
KINDS = ("slider", "select_slider", "number_input", "selectbox", "toggle", "button_group")


@pytest.fixture(scope="module")
def fresh(open_screen: Open) -> dict[str, Any]:
    """What a fresh visitor sees on each screen."""
    return {name: seen(open_screen(name)) for name in NAMES}


def widgets(screen: AppTest) -> dict[str, Any]:
    """The screen's own widgets, by key."""
    found = [widget for kind in KINDS for widget in screen.get(kind)]
    return {w.key: w for w in found if w.key not in ("language", "presenter")}


def seen(screen: AppTest) -> dict[str, Any]:
    """What a visitor sees: the widgets' values, the link, the words, the numbers."""
    assert_well(screen)
    assert not screen.warning, [warning.value for warning in screen.warning]
    components = [component.proto.json for component in screen.get("bidi_component")]
    return {
        "values": {key: widget.value for key, widget in widgets(screen).items()},
        "words": [text.value for text in (*screen.title, *screen.markdown)],
        "numbers": [html.proto.body for html in screen.get("html")],
        "charts": [
            (chart.proto.spec, chart.proto.data.data) for chart in screen.get("vega_lite_chart")
        ],
        "figures": [text for text in components if '"figure"' in text],
    }


def go(screen: AppTest, name: str) -> AppTest:
    return screen.switch_page(str(ROOT / "pages" / f"{name}.py")).run()


def move(widget: Any) -> None:
    """One step away from where it is."""
    if widget.type in ("slider", "number_input"):
        up = round(widget.value + widget.step, 9)
        widget.set_value(up if up <= widget.max else widget.value - widget.step)
    elif widget.type == "toggle":
        widget.set_value(not widget.value)
    elif widget.type == "select_slider":
        values = [float(option) for option in widget.options]
        near = min(values, key=lambda value: (abs(value - widget.value), value))
        widget.set_value(values[values.index(near) + 1])
    elif widget.type == "selectbox":
        widget.select_index((widget.index + 1) % len(widget.options))


def move_all(screen: AppTest) -> None:
    """Every control a step, another view, another tab."""
    for widget in widgets(screen).values():
        move(widget)
    assert_well(screen.run())
    view, tab = screen.get_by_key("view"), screen.get_by_key("tab")
    view.set_value(CHEAP.get(view.value, view.value))
    tab.set_value("The maths")
    assert_well(screen.run())


@pytest.mark.parametrize("first", NAMES)
def test_a_screen_opens_as_for_a_fresh_visitor_and_is_found_as_it_was_left(
    open_screen: Open, first: str, fresh: dict[str, Any]
) -> None:
    screen = open_screen(first)
    move_all(screen)
    left = seen(screen)
    for part in ("values", "words"):
        assert left[part] != fresh[first][part]
    for other in NAMES:
        if other != first:
            assert seen(go(screen, other)) == fresh[other]
            assert dict(screen.query_params) == {"lang": "en"}
            assert seen(go(screen, first)) == left
    link = dict(screen.query_params)
    assert len(link) > 3
    copied = open_screen(first, **link)
    assert copied.get_by_key("tab").value == "What to see"
    assert seen(copied.get_by_key("tab").set_value("The maths").run()) == left, "a link says it all"


def test_a_tour_that_leaves_something_everywhere(open_screen: Open, fresh: dict[str, Any]) -> None:
    screen, left = open_screen("home"), {}
    for name in NAMES:
        assert seen(go(screen, name)) == fresh[name]
        move_all(screen)
        left[name] = seen(screen)
    for name in reversed(NAMES):
        assert_well(go(screen, "home"))
        assert seen(go(screen, name)) == left[name]


def test_who_leaves_at_once_has_lost_nothing(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen is left before any part of it is drawn: on return, as it was before that."""
    screen = open_screen("dropout")
    move_all(screen)
    left = seen(screen)
    go(screen, "optimizers")
    with monkeypatch.context() as patched:
        patched.setattr(stage, "screen", lambda *_: None)
        go(screen, "dropout")
        go(screen, "constraints")
    assert seen(go(screen, "dropout")) == left


def test_a_reset_leaves_the_other_screens_alone(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, fresh: dict[str, Any]
) -> None:
    from ui.charts import weight_decay as charts

    def broken(*_: object) -> None:
        raise RuntimeError

    screen = open_screen("overfitting")
    move_all(screen)
    left = seen(screen)
    go(screen, "weight_decay")
    with monkeypatch.context() as patched:
        patched.setattr(charts, "canyons", broken)
        screen.get_by_key("a").set_value(7.0).run()
        assert len(screen.error) == 1
    screen.get_by_key("recover_answer").click().run()
    assert seen(screen) == fresh["weight_decay"]
    assert seen(go(screen, "overfitting")) == left
