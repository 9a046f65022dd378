"""Curves and points on a canvas: points that can be moved by hand, and fits by the dozen.

Drawn in the browser from `figure` (see `ui.charts.overfitting`), at once while a point is dragged;
the server hears of it ten times a second and answers with the curves. Moving works with mouse,
touch and keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ui import component, controls, preview, theme
from ui.i18n import _
from ui.points.edits import NAMES, EditControl, Edits, read

__all__ = ["EditControl", "Edits", "read", "show"]


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

    def take(sent: dict[str, Any]) -> None:
        for control in edit_controls:
            control.set(sent[control.key])
        controls.answer()

    answer = {
        "figure": figure,
        "edits": None if edits is None else {name: getattr(edits, name) for name in NAMES},
    }
    preview.note_figure(key, answer)
    if not preview.drawing():
        return
    data = answer | {
        "roles": list(theme.ROLES),
        "dashes": theme.DASHES,
        "words": _words(),
    }
    component.show(
        Path(__file__).parent,
        key,
        data,
        state="edits",
        changed=take,
        description=description,
        height=height,
    )


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
