"""A page that comes back to a new session finds there what it had, or is told what is gone.

A reload brings a new session, and so does a connection that was cut for longer than a session is
kept. Each session gives its page a token that cannot be guessed, and `returning.js` keeps that in
the tab. A page that finds an older one there tells it: then what that session had moves over here.
A tab that was duplicated has the token, too, so nothing moves while the older session has a page.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from ui import sessions, visits
from ui.i18n import N_, _

KEY = "returning"
SCREEN, FILE_VIEW = "recommender", "data"
"""Where what could be missed is, and where a file is chosen."""
THINGS = {
    "run": (("_run", "_past"), N_("the training run"), N_("Press Start to train again.")),
    "sweep": (("_sweep", "_cells"), N_("the sweep"), N_("Press Sweep to begin another.")),
    "file": (
        ("_dataset", "_given"),
        N_("your file of ratings"),
        N_("Choose the file again under Your data."),
    ),
}
"""What is worth a word when it is gone: where it is kept, what it is, and how to go on."""

_owners: dict[str, str] = {}  # sessions by the tokens of their pages
_lock = threading.Lock()


@dataclass
class Tab:
    """What a session knows of its page."""

    link: Mapping[str, str]
    """What stood in the address when it came."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    answered: str = ""
    """The older token that has been dealt with."""
    gone: tuple[str, ...] = ()
    """What could not be brought back, of `THINGS`."""
    brings: bool = False
    """Whether the page puts the visitor's file into the uploader again."""
    view: str | None = None
    """The view to go back to then; "" for the first one."""


def listen() -> None:
    """Let the page tell of its earlier session. Draws nothing."""
    state = st.session_state
    if st.context.url is None:  # nobody's browser
        return
    if "_tab" not in state:
        state["_tab"] = Tab(_comparable(st.query_params.to_dict()))
        _owners[state["_tab"].token] = sessions.here()
    tab: Tab = state["_tab"]
    had = things(visits.luggage(state.to_dict()))
    tab.gone = tuple(thing for thing in tab.gone if thing not in had)
    _lead_to_the_file(tab, had)
    _component()(
        key=KEY,
        data={
            "token": tab.token,
            "answered": tab.answered,
            "had": had,
            "file": ".st-key-upload input[type=file]" if tab.brings else "",
        },
        on_older_change=_hear,
        on_awake_change=lambda: None,
        height="content",
    )


def say() -> None:
    """Say what is gone, until there is another or the visitor has read it."""
    tab: Tab | None = st.session_state.get("_tab")
    if tab is None or not tab.gone:
        return
    st.warning(words(tab.gone, brings=tab.brings), icon=":material/history:")
    st.button(_("Understood"), key="understood", type="tertiary", on_click=_understood, args=(tab,))


def words(gone: Sequence[str], *, brings: bool = False) -> str:
    """The sentences for what is gone; a file that the page `brings` needs no choosing."""
    text = _(
        "This page was away for more than {minutes} minutes, or the server has been started anew. "
        "Gone with that: {things}."
    ).format(
        minutes=sessions.minutes_kept(), things=_(", ").join(_(THINGS[one][1]) for one in gone)
    )
    onward = [
        _("The file is being read again.") if one == "file" and brings else _(THINGS[one][2])
        for one in gone
    ]
    return " ".join([text, *onward])


def things(luggage: Mapping[str, visits.Left]) -> list[str]:
    """Which of `THINGS` are among it."""
    kept = luggage[SCREEN].kept if SCREEN in luggage else {}
    return [name for name, (keys, *_words) in THINGS.items() if any(map(kept.get, keys))]


def claim(token: str, here: str) -> Mapping[str, Any] | Literal["wait", "gone"]:
    """The state of the session that gave `token`, which is now that of session `here`.

    "wait" while the older one has a page: it may be about to leave, or be another tab.
    """
    with _lock:  # two tabs may ask at one moment
        older = _owners.get(token)
        if older is None or not (state := sessions.state(older)):
            return "gone"
        if sessions.has_page(older):
            return "wait"
        _owners[token] = here
    sessions.end_soon(older)
    return state


def forget(known: Callable[[str], bool]) -> None:
    """Drop the tokens of the sessions that are not known any more."""
    with _lock:
        for token in [token for token, session in _owners.items() if not known(session)]:
            del _owners[token]


def _hear() -> None:
    """In a callback: the page has told of an earlier session."""
    state = st.session_state
    told, tab = state[KEY].get("older"), state["_tab"]
    if not isinstance(told, dict) or told.get("token") in (None, tab.token, tab.answered):
        return
    token = str(told["token"])
    found = claim(token, sessions.here())
    if found == "wait":
        return
    if isinstance(found, str):
        tab.gone = tuple(thing for thing in THINGS if thing in (told.get("had") or ()))
        tab.brings = "file" in tab.gone and bool(told.get("file"))
    else:
        before: Tab | None = found.get("_tab")
        same = before is not None and tab.link == _comparable(found.get("_link", {}))
        visits.unpack(visits.luggage(found), values=same)
    tab.answered = token


def _lead_to_the_file(tab: Tab, had: Sequence[str]) -> None:
    """To the view where the page can put the file, and back when it is read."""
    state = st.session_state
    if not tab.brings or state.get("_screen") != SCREEN:
        return
    if "file" in had:
        tab.brings = False
        views = [control.default for control in state["_controls"] if control.key == "view"]
        state["view"] = tab.view or views[0]
    elif tab.view is None:  # the page may not have drawn any yet
        tab.view = state.get("view") or st.query_params.get("view", "")
        state["view"] = FILE_VIEW


def _understood(tab: Tab) -> None:
    tab.gone = ()


def _comparable(link: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in link.items() if key not in ("lang", "present")}


@cache
def _component() -> Callable[..., Any]:
    script = Path(__file__).with_name("returning.js").read_text(encoding="utf-8")
    return st.components.v2.component("regularization_lab_returning", js=script)
