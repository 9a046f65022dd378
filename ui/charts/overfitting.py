"""The overfitting figure: noisy points, the true sine, a sound fit and an overfit one."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.overfitting import Polynomial, Sample, truth
from ui import theme
from ui.i18n import _
from ui.theme import Figure

GRID = np.linspace(-1, 1, 181)
Y_RANGE = (-2.4, 2.4)
"""Fixed, so that the axis never moves while a slider does."""


def figure(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> Figure:
    """Training points over the true function and both fits; a fit that leaves the frame is cut."""
    return Figure(_grammar, _frame(sample, model_b, model_a))


def thumbnail(sample: Sample, model: Polynomial) -> Figure:
    """The same figure in small, without words: for a card."""
    return Figure(_small_grammar, _frame(sample, model))


def _frame(sample: Sample, overfit: Polynomial, sound: Polynomial | None = None) -> pd.DataFrame:
    curves = {"truth": truth(GRID), "overfit": overfit(GRID)}
    if sound is not None:
        curves["sound"] = sound(GRID)  # last, so on top
    return pd.DataFrame(
        {
            "x": np.concatenate([np.tile(GRID, len(curves)), sample.x]),
            "y": np.concatenate([*curves.values(), sample.y]),
            "role": np.repeat([*curves, "data"], [len(GRID)] * len(curves) + [len(sample.x)]),
        }
    )


def _grammar() -> alt.LayerChart:
    names = {
        "data": _("training data"),
        "truth": _("truth: sin πx"),
        "sound": _("polynomial A"),
        "overfit": _("polynomial B"),
    }
    base = alt.Chart().encode(
        x=alt.X(
            "x:Q", title="x", axis=alt.Axis(tickCount=5, labelFlush=False), scale=theme.fixed(-1, 1)
        ),
        y=alt.Y("y:Q", title="y", axis=alt.Axis(tickCount=5), scale=theme.fixed(*Y_RANGE)),
    )
    order = ("truth", "sound", "overfit")
    curves = (
        base.transform_filter("datum.role != 'data'")
        .mark_line(clip=True)
        .encode(color=theme.colour(names, order), strokeDash=theme.dash(names, order))
    )
    dots = (
        base.transform_filter("datum.role == 'data'")
        .transform_calculate(points="'data'")
        .mark_point(clip=True, opacity=1)
        .encode(
            fill=theme.ink(names["data"]),
            tooltip=[alt.Tooltip("x:Q", format=".3f"), alt.Tooltip("y:Q", format=".3f")],
        )
    )
    return alt.layer(curves, dots)


def _small_grammar() -> alt.LayerChart:
    base = alt.Chart().encode(
        x=alt.X("x:Q", axis=None, scale=theme.fixed(-1.03, 1.03)),
        y=alt.Y("y:Q", axis=None, scale=theme.fixed(*Y_RANGE)),
        color=theme.colour(),
    )
    return alt.layer(
        base.transform_filter("datum.role != 'data'").mark_line(clip=True),
        base.transform_filter("datum.role == 'data'").mark_point(clip=True, opacity=1, size=30),
    )


def description(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> str:
    """The figure in words."""
    return _(
        "{n} noisy training points, the true sine curve, and least-squares polynomials of degree "
        "{a} and {b} fitted to the points."
    ).format(n=len(sample.x), a=model_a.degree, b=model_b.degree)
