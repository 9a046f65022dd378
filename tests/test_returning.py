"""What moves from an older session to that of a page which comes back."""

from __future__ import annotations

from typing import Any

import pytest

from ui import returning, visits


class House:
    """Two sessions or more, in the place of `ui.sessions`."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}
        self.pages: set[str] = set()
        self.ended: list[str] = []

    def state(self, session: str) -> dict[str, Any]:
        return self.states.get(session, {})

    def has_page(self, session: str) -> bool:
        return session in self.pages

    def end_soon(self, session: str) -> None:
        self.ended.append(session)

    def minutes_kept(self) -> int:
        return 3


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    house = House()
    house.states = {"old": {"_screen": "recommender", "_run": "a run"}, "new": {"_screen": "home"}}
    house.pages = {"old", "new"}
    monkeypatch.setattr(returning, "sessions", house)
    monkeypatch.setattr(returning, "_owners", {"its token": "old", "another": "new"})
    return house


def test_nothing_moves_while_the_older_session_has_a_page(house: House) -> None:
    assert returning.claim("its token", "new") == "wait"
    assert house.ended == []


def test_what_a_page_has_left_moves_once(house: House) -> None:
    house.pages.remove("old")
    house.pages.add("third")
    assert returning.claim("its token", "new") == house.states["old"]
    assert house.ended == ["old"]
    assert returning.claim("its token", "third") == "wait", "it is the new session's now"
    assert house.ended == ["old"]


def test_a_page_that_reloads_twice_finds_it_with_the_token_it_still_has(house: House) -> None:
    house.pages.remove("old")
    returning.claim("its token", "new")
    house.states["new"]["_run"] = "a run"
    house.pages = {"third"}
    assert returning.claim("its token", "third") == house.states["new"]


def test_without_the_token_nothing_moves(house: House) -> None:
    house.pages.clear()
    assert returning.claim("", "new") == "gone"
    assert returning.claim("old", "new") == "gone", "the name of a session is no token"
    returning.forget({"new"}.__contains__)
    assert returning.claim("its token", "new") == "gone"
    assert set(returning._owners) == {"another"}


def test_a_token_cannot_be_guessed_and_is_no_others() -> None:
    tokens = {returning.Tab({}).token for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 22, "128 bits"


def test_it_is_known_what_a_visitor_would_miss() -> None:
    def left(**kept: object) -> visits.Left:
        return visits.Left({}, kept)

    assert returning.things({"recommender": left(_run=None, _past=[], _dataset=None)}) == []
    away = {"constraints": left(_given=[1]), "recommender": left(_run="run", _dataset="mine")}
    assert returning.things(away) == ["run", "file"]
    assert returning.things({"recommender": left(_cells=("cell",))}) == ["sweep"]


def test_the_sentences_say_what_is_gone_and_how_to_go_on(house: House) -> None:
    words = returning.words(["run", "file"])
    assert words == (
        "This page was away for more than 3 minutes, or the server has been started anew. "
        "Gone with that: the training run, your file of ratings. "
        "Press Start to train again. Choose the file again under Your data."
    )
    assert returning.words(["file"], brings=True).endswith("The file is being read again.")
