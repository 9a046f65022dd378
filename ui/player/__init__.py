"""The player: figures that move in the browser, from frames computed once.

`show` sends the frames with the figure; play, pause, step, scrub, speed and loop then cost the
server nothing. A painter (`painters/<name>.js`, which sets `painters.<name>`) knows how to draw one
frame; the player knows everything else, so the next animated figure is one painter. What a painter
is given, and what it may ask for, stands at the top of `player.js`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui import theme
from ui.i18n import _

HERE = Path(__file__).parent


@cache
def _component() -> Any:
    painters = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((HERE / "painters").glob("*.js"))
    )
    return st.components.v2.component(
        "regularization_lab_player",
        html=(HERE / "player.html").read_text(encoding="utf-8"),
        css=(HERE / "player.css").read_text(encoding="utf-8"),
        js="\n".join(["const painters = {};", painters, (HERE / "player.js").read_text("utf-8")]),
    )


def show(
    key: str, painter: str, figure: dict[str, Any], *, n_frames: int, description: str, height: int
) -> None:
    """Show an animated figure of `n_frames` frames; `figure` is what the painter draws from."""
    _component()(
        key=key,
        height="content",
        data={
            "painter": painter,
            "figure": figure,
            "frames": n_frames,
            "height": height,
            "description": description,
            "roles": theme.ROLES,
            "words": {
                "player": _("Animation. Space plays and pauses, the arrow keys step."),
                "play": _("Play"),
                "pause": _("Pause"),
                "back": _("One frame back"),
                "forward": _("One frame forward"),
                "scrub": _("Frame"),
                "speed": _("Speed"),
                "loop": _("Loop"),
            },
        },
    )
