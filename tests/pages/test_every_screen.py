"""What holds on every screen: it opens, at its extremes too, in both languages, with any link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.pages.conftest import Open, assert_well
from ui import i18n, scenes
from ui.lecture import HOME, TOPICS

ROOT = Path(__file__).parents[2]
NAMES = [topic.name for topic in TOPICS]
HOSTILE = [
    "1e9",
    "NaN",
    "-inf",
    "1e400",
    "<script>alert(1)</script>",
    "x" * 10_000,
    "7.9e",
    "",
]


@pytest.mark.parametrize("lang", list(i18n.LANGUAGES))
@pytest.mark.parametrize("name", [HOME.name, *NAMES])
def test_opens_in_each_language(open_screen: Open, name: str, lang: str) -> None:
    screen = open_screen(name, lang=lang)
    assert_well(screen)
    i18n.activate(lang)
    topic = next(topic for topic in (HOME, *TOPICS) if topic.name == name)
    assert screen.title[0].value == i18n._(topic.title)
    i18n.activate("en")


def _views(name: str) -> list[str]:
    """The names of a screen's views, as its files have them."""
    files = [ROOT / "pages" / f"{name}.py", *(ROOT / "ui/views" / name).glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    return re.findall(r'\b[Vv]iew\(\s*(?:name=)?"(\w+)"', text)


@pytest.mark.parametrize("name", NAMES)
def test_every_view_opens_in_each_language(open_screen: Open, name: str) -> None:
    views = _views(name)
    assert len(views) >= 2
    for view in views:
        for lang in i18n.LANGUAGES:
            screen = open_screen(name, view=view, lang=lang)
            assert_well(screen)
            assert not screen.warning, "the link is taken at its word"
            assert screen.session_state["view"] == view


@pytest.mark.parametrize("name", NAMES)
def test_stands_at_every_extreme(open_screen: Open, name: str) -> None:
    screen = open_screen(name)
    for slider in [*screen.slider, *screen.number_input]:
        for value in (slider.min, slider.max):
            screen.get_by_key(slider.key).set_value(value)
            assert_well(screen.run())
        # the others stay at the largest value: corners of the space, not only its axes
    for slider in screen.select_slider:
        for value in (slider.options[0], slider.options[-1]):
            screen.get_by_key(slider.key).set_value(float(value))
            assert_well(screen.run())


@pytest.mark.parametrize("name", NAMES)
def test_every_scene_sets_the_controls_and_reset_returns_to_it(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    told: list[Any] = []
    choose = scenes.choose
    monkeypatch.setattr(scenes, "choose", lambda *args: told.append(args) or choose(*args))
    screen = open_screen(name)
    pills = screen.get_by_key("scene_pill")
    assert len(pills.options) >= 4
    for number in range(2, len(pills.options) + 1):
        assert_well(screen.get_by_key("scene_pill").set_value(number).run())
        wanted = told[-1][0][number - 1].values
        assert wanted, "it differs from the first"
        shown = {key: screen.session_state[key] for key in wanted}
        assert shown == wanted
        scene = {widget.key: widget.value for widget in screen.slider}
        first = screen.slider[0]
        other = first.min if first.value != first.min else first.max
        assert_well(screen.get_by_key(first.key).set_value(other).run())
        assert {widget.key: widget.value for widget in screen.slider} != scene
        assert_well(screen.get_by_key("reset").click().run())
        assert {widget.key: widget.value for widget in screen.slider} == scene


@pytest.mark.parametrize("name", NAMES)
def test_hostile_links_give_the_default_and_a_sentence(open_screen: Open, name: str) -> None:
    plain = open_screen(name)
    widgets = [*plain.slider, *plain.select_slider, *plain.number_input, *plain.selectbox]
    defaults = {widget.key: widget.value for widget in widgets}
    for text in HOSTILE:
        screen = open_screen(name, **dict.fromkeys(defaults, text))
        assert_well(screen)
        assert {key: screen.get_by_key(key).value for key in defaults} == defaults
        (warning,) = screen.warning
        for key in defaults:
            assert f"`{key}`" in warning.value
        assert len(warning.value) < 3000, "the link's text must not be echoed"
        assert "script" not in warning.value


def test_full_width_digits_are_what_they_look_like(open_screen: Open) -> None:
    screen = open_screen("overfitting", degree_b="７")
    assert screen.slider(key="degree_b").value == 7
    assert not screen.warning


def test_repeated_keys_give_the_default_and_a_sentence(open_screen: Open) -> None:
    screen = open_screen("overfitting", degree_b=["3", "4"])
    assert_well(screen)
    assert screen.slider(key="degree_b").value == 15
    assert "`degree_b`" in screen.warning[0].value


@pytest.mark.parametrize(
    ("key", "text"), [("lang", "<script>"), ("present", "yes"), ("scene", "99"), ("scene", "no")]
)
def test_hostile_frame_parameters(open_screen: Open, key: str, text: str) -> None:
    screen = open_screen("overfitting", **{key: text})
    assert_well(screen)
    assert f"`{key}`" in screen.warning[0].value
    assert screen.title[0].value == "Overfitting"


@pytest.mark.parametrize(("lang", "said"), [("en", "given more than once"), ("zh", "重复给出")])
def test_a_value_given_twice_is_called_so(open_screen: Open, lang: str, said: str) -> None:
    screen = open_screen("overfitting", penalty=["0.001", "5"], lang=lang)
    (warning,) = screen.warning
    assert said in warning.value
    assert "penalty" not in screen.query_params


def test_so_are_the_lab_s_own_parameters(open_screen: Open) -> None:
    twice = {"lang": ["en", "en"], "present": ["1", "0"], "scene": ["1", "2"]}
    (warning,) = open_screen("overfitting", **twice).warning
    assert warning.value.count("given more than once") == 3


def test_a_link_without_values_opens_the_scene(open_screen: Open) -> None:
    assert open_screen("overfitting", scene="6").slider(key="n_points").value == 200


def test_a_link_with_values_is_taken_at_its_word(open_screen: Open) -> None:
    screen = open_screen("overfitting", scene="4", degree_a="7")
    assert screen.slider(key="degree_a").value == 7
    assert screen.slider(key="n_points").value == 20
    assert screen.get_by_key("scene_pill").value == 4


@pytest.mark.parametrize("text", ["1e-3", "0.001", "1.0000000000000002e-3"])
def test_a_strength_is_read_as_a_number(open_screen: Open, text: str) -> None:
    screen = open_screen("overfitting", penalty=text)
    assert screen.select_slider(key="penalty").value == 1e-3
    assert not screen.warning


@pytest.mark.parametrize(
    ("name", "key", "text", "opens", "shown"),
    [
        ("overfitting", "penalty", "7.9", 10.0, ("7.9", "10")),
        ("overfitting", "penalty", "0.0011", 1e-3, ("0.0011", "0.001")),
        ("overfitting", "penalty", "1e-30", 1e-9, ("1e-30", "1e-9")),
        ("optimizers", "weight_decay", "0.4", 0.5, ("0.4", "0.5")),
        ("weight_decay", "penalty", "0.3333", 0.5, ("0.3333", "0.5")),
        ("recommender", "weight_decay", "0.123456789", 0.1, ("0.123457", "0.1")),
    ],
)
def test_a_strength_between_two_steps_opens_the_nearest_and_says_so(
    open_screen: Open, name: str, key: str, text: str, opens: float, shown: tuple[str, str]
) -> None:
    said = {
        "en": "`{key}` has no step at {}; the lab uses the nearest, {}.",
        "zh": "`{key}` 没有 {} 这一档；现用最接近的 {}",
    }
    for lang, sentence in said.items():
        screen = open_screen(name, lang=lang, **{key: text})
        assert screen.select_slider(key=key).value == opens
        assert sentence.format(*shown, key=key) in screen.warning[0].value
        assert not screen.run().warning, "once"


def test_places_of_points_are_rounded_and_said_so(open_screen: Open) -> None:
    for lang, sentence in (
        ("en", "the places in `added` are rounded to three decimals"),
        ("zh", "`added` 中的位置按三位小数取整"),
    ):
        screen = open_screen("overfitting", lang=lang, added="0.12345:0.5")
        assert screen.query_params["added"] == "0.123:0.5"
        assert sentence in screen.warning[0].value
    for exact in ("0.1230:0.5", "0.123:0.50"):
        screen = open_screen("overfitting", added=exact)
        assert screen.query_params["added"] == "0.123:0.5"
        assert not screen.warning


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("overfitting", "noise", "0.333"),
        ("overfitting", "n_datasets", "105"),
        ("weight_decay", "learning_rate", "0.1234"),
        ("constraints", "center_x", "1.234"),
        ("constraints", "penalty", "0.1234567"),
        ("constraints", "budget", "1.2345"),
        ("dropout", "p", "0.123"),
    ],
)
def test_a_number_between_two_steps_is_taken_at_its_word(
    open_screen: Open, name: str, key: str, text: str
) -> None:
    formulation = {"formulation": "penalty"} if key == "penalty" else {}
    screen = open_screen(name, **{key: text}, **formulation)
    assert_well(screen)
    assert not screen.warning
    assert screen.session_state[key] == pytest.approx(float(text), rel=1e-9)


def test_presenter_mode_folds_the_tabs(open_screen: Open) -> None:
    screen = open_screen("overfitting", present="1")
    assert_well(screen)
    assert "More: maths, code, data" in [fold.label for fold in screen.expander]
    desk = open_screen("overfitting")
    assert "More: maths, code, data" not in [fold.label for fold in desk.expander]


def test_an_exception_is_a_sentence_and_a_way_out(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ui.charts import overfitting as charts

    def broken(*_: object) -> None:
        raise RuntimeError("a private detail")

    monkeypatch.setattr(charts, "figure", broken)
    screen = open_screen("overfitting", degree_a="7")
    assert "private" not in screen.error[0].value
    assert "private detail" in caplog.text
    monkeypatch.undo()
    screen.get_by_key("recover_answer").click().run()
    assert_well(screen)
    assert screen.slider(key="degree_a").value == 3
    assert dict(screen.query_params) == {"lang": "en"}


def test_the_sentence_of_a_scene_stands_over_its_own_view_alone(open_screen: Open) -> None:
    screen = open_screen("recommender", view="data")
    assert_well(screen)
    assert not any("Press Start." in text.value for text in screen.markdown)
    screen.session_state["view"] = "train"
    screen.run()
    assert any("Press Start." in text.value for text in screen.markdown)
    screen = open_screen("recommender", scene="10")
    assert any("crime stories" in text.value for text in screen.markdown)
