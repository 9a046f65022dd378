"""The overfitting figure: noisy points, the true sine, a sound fit and an overfit one."""

from __future__ import annotations

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.overfitting import Polynomial, Sample, truth
from ui import theme
from ui.i18n import _

GRID = np.linspace(-1, 1, 241)
Y_RANGE = (-2.4, 2.4)
"""Fixed, so that the axis never moves while a slider does."""


def figure(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> alt.LayerChart:
    """Training points over the true function and both fits; a fit that leaves the frame is cut."""
    names = _names()
    lines = pd.concat(
        [
            _series(GRID, y, names[role], "line")
            for role, y in (
                ("truth", truth(GRID)),
                ("overfit", model_b(GRID)),
                ("sound", model_a(GRID)),
            )
        ]
    )
    points = _series(sample.x, sample.y, names["data"], names["data"])
    frame = pd.concat([lines, points])
    base = alt.Chart(frame).encode(
        x=alt.X(
            "x:Q", title="x", axis=alt.Axis(tickCount=5, labelFlush=False), scale=theme.fixed(-1, 1)
        ),
        y=alt.Y("y:Q", title="y", axis=alt.Axis(tickCount=5), scale=theme.fixed(*Y_RANGE)),
    )
    order = ("truth", "sound", "overfit")
    curves = (
        base.transform_filter("datum.kind == 'line'")
        .mark_line(clip=True)
        .encode(color=theme.colour(names, order), strokeDash=theme.dash(names, order))
    )
    dots = (
        base.transform_filter("datum.kind != 'line'")
        .mark_point(clip=True, opacity=1)
        .encode(
            fill=theme.ink(names["data"]),
            tooltip=[alt.Tooltip("x:Q", format=".3f"), alt.Tooltip("y:Q", format=".3f")],
        )
    )
    return curves + dots


def thumbnail(sample: Sample, model: Polynomial) -> alt.LayerChart:
    """The same figure in small, without words: for a card."""
    frame = pd.concat(
        [
            _series(GRID, truth(GRID), theme.series("truth"), "line"),
            _series(GRID, model(GRID), theme.series("overfit"), "line"),
            _series(sample.x, sample.y, theme.series("data"), "point"),
        ]
    )
    base = alt.Chart(frame).encode(
        x=alt.X("x:Q", axis=None, scale=theme.fixed(-1.03, 1.03)),
        y=alt.Y("y:Q", axis=None, scale=theme.fixed(*Y_RANGE)),
        color=theme.colour({}),
    )
    return base.transform_filter("datum.kind == 'line'").mark_line(
        clip=True
    ) + base.transform_filter("datum.kind == 'point'").mark_point(clip=True, opacity=1, size=30)


def description(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> str:
    """The figure in words."""
    return _(
        "{n} noisy training points, the true sine curve, and least-squares polynomials of degree "
        "{a} and {b} fitted to the points."
    ).format(n=len(sample.x), a=model_a.degree, b=model_b.degree)


def _names() -> dict[str, str]:
    return {
        "data": _("training data"),
        "truth": _("truth: sin πx"),
        "sound": _("polynomial A"),
        "overfit": _("polynomial B"),
    }


def _series(x: npt.ArrayLike, y: npt.ArrayLike, name: str, kind: str) -> pd.DataFrame:
    return pd.DataFrame({"x": x, "y": y, "series": name, "kind": kind})
