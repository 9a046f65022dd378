"""Whatever fails outside the guards, callbacks above all: the visitor reads one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from tests.pages.conftest import Open, assert_well
from ui import shell
from ui.lecture import TOPICS

SENTENCE = {"en": "Something went wrong on this screen", "zh": "本页出了问题"}


@pytest.fixture(autouse=True)
def _net(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `app.py` gives it to the server; an AppTest has no server."""
    made = LocalScriptRunner.__init__

    def make(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        self._on_script_error = shell.caught

    monkeypatch.setattr(LocalScriptRunner, "__init__", make)


def _fail(*args: Any) -> None:
    raise RuntimeError("internals")


def _assert_told(screen: AppTest, language: str) -> None:
    (error,) = screen.error
    assert error.value.startswith(SENTENCE[language])
    assert not screen.exception


@pytest.mark.parametrize("name", [topic.name for topic in TOPICS])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_callback_that_fails_leaves_the_screen_as_it_was_set(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, name: str, lang: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("ui.scenes.enter", _fail)
        screen = open_screen(name, lang=lang)
        seen = {slider.key: slider.value for slider in screen.slider}
        screen.button(key="reset").click().run()
        _assert_told(screen, lang)
        assert screen.title
        assert {slider.key: slider.value for slider in screen.slider} == seen
    screen.button(key="recover_callback").click().run()
    assert_well(screen)


def test_what_was_set_before_the_callback_stays(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = open_screen("overfitting", degree_a="7")
    with monkeypatch.context() as broken:
        broken.setattr("ui.controls.Seed._move", _fail)
        screen.run()
        screen.slider(key="degree_b").set_value(9)
        screen.button(key="resample_seed").click().run()
    _assert_told(screen, "en")
    assert (screen.slider(key="degree_a").value, screen.slider(key="degree_b").value) == (7, 9)
    assert_well(screen.run())


@pytest.mark.parametrize("place", ["ui.shell.visits.enter", "ui.visits.remember"])
def test_what_fails_before_a_screen_begins_is_told_too(
    open_screen: Open, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    screen = open_screen("overfitting", lang="zh")
    with monkeypatch.context() as broken:
        broken.setattr(place, _fail)
        screen.run()
        assert screen.error[0].value.startswith(SENTENCE["zh"])
        assert not screen.exception
    screen.button(key="recover_run").click().run()
    assert_well(screen)
