"""Scenes: the numbered pills that carry a lecture through a screen.

A scene is data. Choosing one sets every control of the screen, to the scene's value or else to the
default, and Reset returns to it. The first scene is the screen at its defaults. Its number rides in
the URL as `scene`; a link that has a scene and no values opens the scene as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ui.controls import Control, more_than_once
from ui.i18n import _


@dataclass(frozen=True)
class Scene:
    """A title, one sentence of what to see, and the values of the controls that differ."""

    title: str
    see: str
    values: Mapping[str, Any] = field(default_factory=dict)


def settle_url(scenes: Sequence[Scene]) -> list[str]:
    """Take a scene number that does not exist out of the URL; a sentence if there was one."""
    texts = st.query_params.get_all("scene")
    if not texts or "_scene" in st.session_state:
        return []
    if len(texts) == 1 and texts[0] in map(str, range(1, len(scenes) + 1)):
        return []
    del st.query_params["scene"]
    if len(texts) > 1:
        return [more_than_once("scene", "1")]
    return [_("`scene` must be a whole number from 1 to {n}; the lab uses 1").format(n=len(scenes))]


def choose(scenes: Sequence[Scene], controls: Sequence[Control]) -> Scene:
    """Draw the pills and Reset; return the current scene."""
    if "_scene" not in st.session_state:
        number = int(st.query_params.get("scene", 1))
        st.session_state["_scene"] = number
        if number > 1 and not _has_values(scenes[number - 1], controls):
            enter(scenes, controls, number)
    number = st.session_state["_scene"]
    st.session_state["scene_pill"] = number
    with st.container(key="scenes", horizontal=True, wrap=False, vertical_alignment="center"):
        st.pills(
            _("Scenes"),
            range(1, len(scenes) + 1),
            format_func=lambda n: f"{n} · {_(scenes[n - 1].title)}",
            key="scene_pill",
            required=True,
            label_visibility="collapsed",
            on_change=_enter_pill,
            args=(scenes, controls),
        )
        st.space("stretch")
        st.button(
            _("Reset"),
            key="reset",
            icon=":material/restart_alt:",
            type="tertiary",
            help=_("Back to the scene as it was"),
            on_click=enter,
            args=(scenes, controls, number),
        )
    _write(number)
    return scenes[number - 1]


def _has_values(scene: Scene, controls: Sequence[Control]) -> bool:
    """Whether the link says more than the scene, whose view is written into it in any case."""
    keys = {control.key for control in controls if control.key in st.query_params}
    if st.query_params.get("view") == scene.values.get("view"):
        keys.discard("view")
    return bool(keys)


def enter(scenes: Sequence[Scene], controls: Sequence[Control], number: int) -> None:
    """Set every control to what the scene says."""
    st.session_state["_scene"] = number
    for control in controls:
        st.session_state[control.key] = scenes[number - 1].values.get(control.key, control.default)


def _enter_pill(scenes: Sequence[Scene], controls: Sequence[Control]) -> None:
    number = st.session_state.get("scene_pill")
    if number is not None:  # else a message that came when the visitor had left the screen
        enter(scenes, controls, number)


def _write(number: int) -> None:
    if number == 1:
        if "scene" in st.query_params:
            del st.query_params["scene"]
    elif st.query_params.get("scene") != str(number):
        st.query_params["scene"] = str(number)
