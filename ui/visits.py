"""What a visitor has on each screen: put away when they leave it, and back when they return.

Streamlit keeps the values of widgets by their keys, in the session and not in the screen. So a
control of the next screen with the same key would open with the value of the last one. Here all
that a session holds, but for what stands around every screen, belongs to the screen it is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.controls import Control

AROUND = frozenset(
    {"_language", "_present", "_spoken", "_complaints", "_failed", "_tab"}
    | {"language", "presenter", "share", "returning", "understood"}
)
"""What no screen owns."""
LASTING = frozenset({"_dataset", "_given", "_uploaded"})
"""What a reset leaves: an upload, which nobody but the visitor could bring back."""
_OURS = frozenset({"_screen", "_controls", "_values", "_link", "_away", "_back"})
_KINDS = (str, int, float, list, tuple)  # of values that a widget can be given back


@dataclass(frozen=True)
class Left:
    """A screen that the visitor has left: its widgets' values, and whatever else it kept."""

    values: Mapping[str, Any]
    kept: Mapping[str, Any]


def enter(name: str) -> None:
    """At the start of a run: the visitor is on the screen `name`, and finds it as they left it."""
    state = st.session_state
    left = state.get("_screen")
    if left == name:
        remember()
        return
    away: dict[str, Left] = state.setdefault("_away", {})
    if "_values" in state:  # else they were gone before they saw anything
        away[left] = Left(state["_values"], _kept(state.to_dict()))
        _release(state["_link"])
    _forget()
    state["_screen"] = name
    if back := away.pop(name, None):
        state.update(
            {**back.kept, **back.values, "_values": back.values, "_link": {}, "_back": True}
        )


def own(controls: Sequence[Control]) -> None:
    """Say what this screen's controls are. On return their values go into the link again.

    Where the visitor went back or forward in the browser's history, Streamlit has the bound ones
    follow the address. The others, and the scene, are read from it as from a fresh link.
    """
    state, context = st.session_state, get_script_run_ctx()
    state["_controls"] = tuple(controls)
    if context is not None and context.is_history_navigation:
        for key in ("_scene", *(control.key for control in controls if not control.bound)):
            state.pop(key, None)
    if state.pop("_back", False):
        for control in controls:
            if control.bound and control.value() != control.default:
                st.query_params[control.key] = control.format(control.value())


def speak(language: str) -> None:
    """At the start of a run: where the language is another now, set the choices anew.

    A box keeps the name that it shows until it is set, and pills that know only names lose theirs.
    """
    state = st.session_state
    if state.get("_spoken", language) != language:
        for control in state.get("_controls", ()):
            if not control.bound and control.key in state:
                state[control.key] = state[control.key]
    state["_spoken"] = language


def remember(name: str | None = None) -> None:
    """Note what the widgets say now: when the next screen runs, Streamlit has dropped most of it.

    With the `name` of a screen, only while the visitor is there: for a moment the thread of the
    last screen's run and that of the next one's overlap.
    """
    state = st.session_state
    if name is not None and state.get("_screen") != name:
        return
    controls = {control.key for control in state.get("_controls", ())}
    values = {}
    for key in list(state):
        value = state.get(key)
        if key in controls or not (_around(key) or type(value) not in _KINDS):
            values[key] = value
    state["_values"], state["_link"] = values, st.query_params.to_dict()


def reset() -> None:
    """In a callback: let the screen open at its defaults, with nothing of it left in the link.

    A visitor's own file stays.
    """
    controls: Sequence[Control] = st.session_state.get("_controls", ())
    close([Left({}, _kept(st.session_state.to_dict()))])
    _release(st.query_params.to_dict())
    _forget(but=LASTING)
    for control in controls:  # the browser keeps the value of a widget unless it is told another
        st.session_state[control.key] = control.default


def luggage(state: Mapping[str, Any]) -> dict[str, Left]:
    """What a session with this `state` has on each of its screens, the one it is on among them."""
    screens: dict[str, Left] = dict(state.get("_away", {}))
    if (name := state.get("_screen")) is not None:
        screens[name] = Left(state.get("_values", {}), _kept(state))
    return screens


def close(screens: Iterable[Left]) -> None:
    """Let the worker forget what was kept on these screens and is not wanted any more."""
    for screen in screens:
        for thing in screen.kept.values():
            if hasattr(thing, "close"):
                thing.close()


def unpack(screens: Mapping[str, Left], *, values: bool) -> None:
    """In a callback: take over what another session had on its screens.

    On the screen where the visitor is, the widgets get back their `values` only if asked for.
    """
    state = st.session_state
    screens = dict(screens)
    here = screens.pop(state.get("_screen"), None)
    state["_away"] = {**screens, **state.get("_away", {})}
    if here is not None:
        state.update({**here.kept, **(here.values if values else {})})


def _forget(but: frozenset[str] = frozenset()) -> None:
    """Drop all that the session holds of the screen, but for what stands around every one."""
    for key in list(st.session_state):
        if key not in AROUND | but and key not in ("_screen", "_away"):
            st.session_state.pop(key, None)  # the last screen's run may be dropping it, too


def _around(key: str) -> bool:
    return key in AROUND or key.startswith("_")


def _kept(state: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in state.items() if k.startswith("_") and k not in AROUND | _OURS}


def _release(link: Mapping[str, str]) -> None:
    """Take out of the link what the last screen, whose `link` it was, had there.

    Streamlit does so when a run has ended. But this run's controls may have the same keys.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as parameters:
        parameters.remove_stale_bindings(frozenset())
        for key in [key for key in parameters if link.get(key) == parameters[key]]:
            if key not in ("lang", "present"):
                del parameters[key]
        parameters.set_initial_query_params_from_current()
