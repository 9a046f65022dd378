"""Panels of the plane in which one point, the same in all of them, can be moved by hand.

Drawn in the browser from `figure` (see `ui.charts.constraints`), at once while the point is
dragged; the server hears of it ten times a second and answers with the rest. Moving works with
mouse, touch and keyboard.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui import shell, theme
from ui.i18n import _

HERE = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    html, css, js = (
        (HERE / f"plane.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("regularization_lab_plane", html=html, css=css, js=js)


def show(
    key: str,
    figure: dict[str, Any],
    *,
    description: str,
    height: int,
    moved: Callable[[float, float], None],
) -> None:
    """Show `figure`; `moved(x, y)` is called, as a callback, when a hand has moved its point."""
    name = f"{key}_plane"

    def take() -> None:
        sent = st.session_state[name].center
        moved(float(sent["x"]), float(sent["y"]))

    seen = st.session_state.get(name)
    sent = seen.get("center") if seen else None
    with st.container(key=key, gap=None):
        _component()(
            key=name,
            height="content",
            on_center_change=take,
            data={
                "key": key,
                "figure": figure,
                "serial": int(sent["serial"]) if sent else 0,
                "height": height,
                "scale": 1.3 if shell.presenting() else 1,
                "roles": {role: f"{theme.LIGHT[role]}, {theme.DARK[role]}" for role in theme.ROLES},
                "words": {
                    "handle": _("Unconstrained optimum at w₁ {x}, w₂ {y}. The arrow keys move it."),
                    # A projector has no room for it.
                    "hint": ""
                    if shell.presenting()
                    else _("Drag the cross, or pick it and use the arrow keys."),
                },
            },
        )
        st.text(description)
