"""The line through five houses: the line itself, and its slope step by step."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.optimizers import AREAS, PRICES, SLOPE, Line
from ui import theme
from ui.i18n import _
from ui.theme import Figure

PRICE_RANGE = (0.0, 900.0)
SLOPE_RANGE = (0.0, 2.0)


def houses(line: Line) -> Figure:
    """The five houses, the line through them and the line found."""
    x = np.array([0.0, 550.0])
    frame = pd.DataFrame({"x": x, "truth": SLOPE * x, "sound": line.slope * x + line.intercept})
    points = pd.DataFrame({"area": AREAS, "price": PRICES, "points": "data"})
    return Figure(_houses, pd.concat([frame, points], axis=1))


def _houses() -> alt.LayerChart:
    names = {"truth": _("slope 1.5"), "sound": _("AdamW")}
    x = alt.X("x:Q", title=_("area"), axis=alt.Axis(tickCount=6), scale=theme.fixed(0, 550))
    y = alt.Axis(title=_("price"), tickCount=6)
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{role}:Q", axis=y, scale=theme.fixed(*PRICE_RANGE)))
        for role in names
    ]
    dots = (
        alt.Chart()
        .mark_point(clip=True, opacity=1)
        .encode(
            x=alt.X("area:Q", scale=theme.fixed(0, 550)),
            y=alt.Y("price:Q", axis=y, scale=theme.fixed(*PRICE_RANGE)),
            fill=theme.ink(_("houses")),
            tooltip=[
                alt.Tooltip("area:Q", title=_("area")),
                alt.Tooltip("price:Q", title=_("price")),
            ],
        )
    )
    return alt.layer(*lines, dots, theme.key(names))


def slopes(line: Line, plain: Line, n_steps: int) -> Figure:
    """The slope step by step, with decay and without."""
    steps = np.unique(np.geomspace(1, n_steps, 120).round().astype(int))
    frame = pd.DataFrame({"step": steps, "truth": SLOPE})
    for role, each in (("sound", line), ("data", plain)):
        frame[role] = pd.Series(each.slopes[steps[steps < len(each.slopes)]])
    return Figure(_slopes, frame)


def _slopes() -> alt.LayerChart:
    names = {"sound": _("with decay λ"), "data": _("λ = 0")}
    x = alt.X(
        "step:Q",
        title=_("step"),
        scale=alt.Scale(type="log", domain=[1, 10_000], nice=False),
        axis=alt.Axis(values=[1, 10, 100, 1000, 10_000], format="~s"),
    )
    y = alt.Axis(title=_("slope"), tickCount=5)
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{role}:Q", axis=y, scale=theme.fixed(*SLOPE_RANGE)))
        for role in ("truth", *reversed(names))
    ]
    goal = (
        alt.Chart()
        .transform_filter("datum.step == 1")
        .mark_text(align="left", baseline="bottom", dx=6, dy=-4)
        .encode(x=x, y=alt.Y("truth:Q", axis=y), text=alt.value(_("slope 1.5")))
    )
    return alt.layer(*lines, goal, theme.key(names))


def describe_houses(line: Line, plain: Line) -> str:
    """Both figures in words."""
    if line.path.diverged_at is not None:
        return _(
            "Five houses on the line of slope 1.5. AdamW diverges at step {step} with decay, and "
            "found slope {plain:.3f} without."
        ).format(step=line.path.diverged_at, plain=plain.slope)
    if np.array_equal(line.slopes, plain.slopes):
        return _(
            "Five houses on the line of slope 1.5. AdamW without decay found slope {slope:.3f}."
        ).format(slope=line.slope)
    return _(
        "Five houses on the line of slope 1.5. AdamW found slope {slope:.3f} with decay and "
        "{plain:.3f} without."
    ).format(slope=line.slope, plain=plain.slope)
