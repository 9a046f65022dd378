"""The paths of the best weights: in the plane, and weight by weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.constraints import Array, RegularizationPath
from ui import theme
from ui.charts.constraints import Panel, ball_shape, flat
from ui.i18n import _
from ui.theme import Figure


@dataclass(frozen=True)
class Track:
    """The way of the weights under one norm; `share` (n,) is the budget's part of all it takes."""

    key: str
    name: str
    role: str
    share: Array
    path: RegularizationPath
    kinks: Array


def path_panel(title: str, tracks: Sequence[Track], balls: Sequence[Panel]) -> dict[str, Any]:
    """All paths in one plane, the kinks as rings, and the solutions at the present budget."""
    shapes = [ball_shape(one) | {"fill": 0, "width": 1} for one in balls]
    shapes += [
        {
            "role": track.role,
            "points": flat(track.path.weights),
            "width": 3,
            "dash": "9 5" if track.role == "sound" else "",
        }
        for track in tracks
    ]
    kinks = [
        {"role": track.role, "at": kink.tolist(), "ring": True}
        for track in tracks
        for kink in track.kinks
    ]
    here = [{"role": one.norm.role, "at": np.round(one.weights, 4).tolist()} for one in balls]
    return {"title": title, "shapes": shapes, "dots": [*kinks, *here]}


def profile(tracks: Sequence[Track], axis: int) -> Figure:
    """One weight along the paths, over the budget as a share of what the optimum c takes."""
    longest = max(len(track.share) for track in tracks)
    frame = {}
    for track in tracks:
        fill = np.full(longest - len(track.share), np.nan)
        frame[f"x_{track.key}"] = np.concatenate([track.share, fill])
        frame[track.key] = np.concatenate([track.path.weights[:, axis], fill])
        dots = np.full(longest, np.nan)
        if track.key == "l1":
            for kink in track.kinks:
                dots[np.abs(track.path.weights - kink).sum(axis=1).argmin()] = kink[axis]
            frame["kink"] = dots
    names = tuple((track.key, track.role) for track in tracks)
    weights = np.concatenate([track.path.weights[:, axis] for track in tracks])
    low, high = math.floor(2 * weights.min()) / 2, math.ceil(2 * weights.max()) / 2
    return Figure(_profile, pd.DataFrame(frame), (names, axis, low, max(high, low + 1)))


def _profile(
    names: tuple[tuple[str, str], ...], axis: int, low: float, high: float
) -> alt.LayerChart:
    title = "w₁" if axis == 0 else "w₂"
    across = alt.Axis(format="%", tickCount=5, grid=False)
    label = _("budget, as a share of the norm of c")

    def at(key: str, field: str) -> dict[str, Any]:
        x = alt.X(f"x_{key}:Q", title=label, scale=theme.fixed(0, 1), axis=across)
        y = alt.Y(
            f"{field}:Q", title=title, scale=theme.fixed(low, high), axis=alt.Axis(tickCount=4)
        )
        return {"x": x, "y": y}

    lines = [theme.line(role).encode(**at(key, key)) for key, role in names]
    kinks = theme.tinted("l1").mark_point(opacity=1, clip=True).encode(**at("l1", "kink"))
    return alt.layer(*lines, kinks)
