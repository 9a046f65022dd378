"""Panels of the plane in which one point, the same in all of them, can be moved by hand.

Drawn in the browser from `figure` (see `ui.charts.constraints`), at once while the point is
dragged; the server hears of it ten times a second and answers with the rest. Moving works with
mouse, touch and keyboard.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ui import component, shell, theme
from ui.i18n import _


def show(
    key: str,
    figure: dict[str, Any],
    *,
    description: str,
    height: int,
    moved: Callable[[float, float], None],
) -> None:
    """Show `figure`; `moved(x, y)` is called, as a callback, when a hand has moved its point."""
    data = {
        "key": key,
        "figure": figure,
        "roles": {role: f"{theme.LIGHT[role]}, {theme.DARK[role]}" for role in theme.ROLES},
        "words": {
            "handle": _("Unconstrained optimum at w₁ {x}, w₂ {y}. The arrow keys move it."),
            # A projector has no room for it.
            "hint": ""
            if shell.presenting()
            else _("Drag the cross, or pick it and use the arrow keys."),
        },
    }
    component.show(
        Path(__file__).parent,
        key,
        data,
        state="center",
        changed=lambda sent: moved(float(sent["x"]), float(sent["y"])),
        description=description,
        height=height,
    )
