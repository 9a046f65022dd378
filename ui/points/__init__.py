"""Curves and points on a canvas: points that can be moved by hand, and fits by the dozen.

Drawn in the browser from `figure` (see `ui.charts.overfitting`), at once while a point is dragged;
the server hears of it ten times a second and answers with the curves. Moving works with mouse,
touch and keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui import controls, shell, theme
from ui.i18n import _
from ui.points.edits import NAMES, EditControl, Edits, read

__all__ = ["EditControl", "Edits", "read", "show"]

HERE = Path(__file__).parent


@cache
def _component() -> Callable[..., Any]:
    html, css, js = (
        (HERE / f"points.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("regularization_lab_points", html=html, css=css, js=js)


def show(
    key: str,
    figure: dict[str, Any],
    *,
    description: str,
    height: int,
    edits: Edits | None = None,
    edit_controls: Sequence[EditControl] = (),
) -> None:
    """Show `figure`; with `edits`, its points can be moved, and `edit_controls` hear of it."""
    name = f"{key}_points"

    def take() -> None:
        sent = st.session_state[name].edits
        for control in edit_controls:
            control.set(sent[control.key])
        controls.answer()

    seen = st.session_state.get(name)
    with st.container(key=key, gap=None):
        _component()(
            key=name,
            height="content",
            on_edits_change=take,
            data={
                "figure": figure,
                "edits": None if edits is None else _sent(edits),
                "serial": _serial(seen),
                "height": height,
                "scale": 1.3 if shell.presenting() else 1,
                "roles": list(theme.ROLES),
                "dashes": theme.DASHES,
                "words": _words(),
            },
        )
        st.text(description)


def _serial(seen: Any) -> int:
    """The number of the last message of the browser that this run answers."""
    sent = seen.get("edits") if seen else None
    return int(sent["serial"]) if sent else 0


def _sent(edits: Edits) -> dict[str, Any]:
    return {name: getattr(edits, name) for name in NAMES}


def _words() -> dict[str, str]:
    return {
        "point": _("Point {i} of {n}: x {x}, y {y}"),
        "hint": _("Drag a point, or pick it and use the arrow keys."),
        "add": _("Add a point"),
        "remove": _("Remove"),
        "restore": _("Put all back"),
        "another": _("Another data set"),
        "change": _("Set {i} of {n}: A moved by {a}, B by {b} (root mean square)"),
    }
