"""Sliders that are answered while a hand holds them: see `ui.preview`.

A component without a picture, in the fragment that answers the sliders of the sidebar. They do not
run anything themselves (`on_change="ignore"`): the component asks for a preview at every change,
and for a run of its fragment when the sliders have come to rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui import component, controls, i18n, shell
from ui.controls import Control, Slid, Strength

KEY = "sliders"


def listen(name: str, view: str, shape: str, screen_controls: Sequence[Control]) -> None:
    """Ask for previews of this view of the screen `name`, which shows an answer of this `shape`."""
    seen = st.session_state.get(KEY)
    component.registered(Path(__file__).parent)(
        key=KEY,
        height="content",
        data={
            "serial": seen.get("rest", 0) if seen else 0,
            "path": f"preview/{name}",
            "shape": shape,
            "frame": {
                "view": view,
                "lang": i18n.language(),
                "present": str(shell.presenting()).lower(),
            },
            "values": {
                c.key: c.format(c.value())
                for c in screen_controls
                if isinstance(c, Slid) or c.value() != c.default
            },
            "listed": [c.key for c in screen_controls if isinstance(c, Strength)],
        },
        on_rest_change=_rest,
    )


def _rest() -> None:
    """The fragment runs of itself; what lies under the fold may have to follow."""
    if st.session_state.get("_more_follows"):
        controls.answer()
