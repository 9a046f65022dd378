"""The player: figures that move in the browser, from frames computed once.

`show` sends the frames with the figure; play, pause, step, scrub, speed and loop then cost the
server nothing. A painter (`painters/<name>.js`, which sets `painters.<name>`) knows how to draw one
frame; the player knows everything else, so the next animated figure is one painter. What a painter
is given, and what it may ask for, stands at the top of `player.js`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ui import component, preview, theme
from ui.i18n import _


def show(
    key: str, painter: str, figure: dict[str, Any], *, n_frames: int, description: str, height: int
) -> None:
    """Show an animated figure of `n_frames` frames; `figure` is what the painter draws from."""
    answer = {"painter": painter, "figure": figure, "frames": n_frames}
    preview.note_figure(key, answer)
    if not preview.drawing():
        return
    component.registered(Path(__file__).parent)(
        key=key,
        height="content",
        data=answer
        | {
            "place": key,
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
