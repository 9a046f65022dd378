"""The overfitting figure: noisy points, the true sine, a sound fit and an overfit one."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.overfitting import Polynomial, Sample, truth
from ui import theme
from ui.i18n import _
from ui.theme import Figure

GRID = np.linspace(-1, 1, 141)
SMALL = ("truth", "overfit")
X_RANGE = (-1.0, 1.0)
Y_RANGE = (-2.4, 2.4)
"""Fixed, so that the axis never moves while a slider does."""


def figure(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> Figure:
    """Training points over the true function and both fits; a fit that leaves the frame is cut."""
    return Figure(_grammar, _frame(sample, model_b, model_a))


def thumbnail(sample: Sample, model: Polynomial) -> Figure:
    """The same figure in small, without words: for a card."""
    return Figure(_small_grammar, _frame(sample, model))


def _frame(sample: Sample, overfit: Polynomial, sound: Polynomial | None = None) -> pd.DataFrame:
    """One column for each curve over `x`; the points stand in columns of their own."""
    curves = pd.DataFrame({"x": GRID, "truth": truth(GRID), "overfit": overfit(GRID)})
    if sound is not None:
        curves["sound"] = sound(GRID)
    points = pd.DataFrame({"point_x": sample.x, "point_y": sample.y, "points": "data"})
    return pd.concat([curves, points], axis=1)


def _grammar() -> alt.LayerChart:
    names = {
        "truth": _("truth: sin πx"),
        "sound": _("polynomial A"),
        "overfit": _("polynomial B"),
    }
    x = alt.Axis(title="x", tickCount=5, labelFlush=False)
    y = alt.Axis(title="y", tickCount=5)
    curves = [_curve(role, x, y) for role in names]
    dots = _dots(x, y).encode(
        fill=theme.ink(_("training data")),
        tooltip=[
            alt.Tooltip("point_x:Q", title="x", format=".3f"),
            alt.Tooltip("point_y:Q", title="y", format=".3f"),
        ],
    )
    return alt.layer(*curves, dots, theme.key(names))


def _small_grammar() -> alt.LayerChart:
    curves = [_curve(role, None, None) for role in SMALL]
    return alt.layer(*curves, _dots(None, None, size=30).encode(fill=theme.ink()))


def _curve(role: str, x: alt.Axis | None, y: alt.Axis | None) -> alt.Chart:
    return theme.line(role).encode(
        x=alt.X("x:Q", axis=x, scale=theme.fixed(*X_RANGE)),
        y=alt.Y(f"{role}:Q", axis=y, scale=theme.fixed(*Y_RANGE)),
    )


def _dots(x: alt.Axis | None, y: alt.Axis | None, **marks: float) -> alt.Chart:
    return (
        alt.Chart()
        .mark_point(clip=True, opacity=1, **marks)
        .encode(
            x=alt.X("point_x:Q", axis=x, scale=theme.fixed(*X_RANGE)),
            y=alt.Y("point_y:Q", axis=y, scale=theme.fixed(*Y_RANGE)),
        )
    )


def description(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> str:
    """The figure in words."""
    return _(
        "{n} noisy training points, the true sine curve, and least-squares polynomials of degree "
        "{a} and {b} fitted to the points."
    ).format(n=len(sample.x), a=model_a.degree, b=model_b.degree)
