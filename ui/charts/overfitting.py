"""The overfitting figure: noisy points, the true sine, a sound fit and an overfit one.

`figure` and `clouds` are what `ui.points` draws; `thumbnail` is a small chart for a card.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.overfitting import BiasVariance, Polynomial, Sample, truth
from ui import theme
from ui.i18n import _
from ui.theme import Figure

GRID = np.linspace(-1, 1, 141)
X_RANGE = (-1.0, 1.0)
Y_RANGE = (-2.4, 2.4)
"""Fixed, so that the axis never moves while a slider does."""
HELD_OUT = 100  # of the test points, so that the others can still be seen
CLOUD = 100  # curves; more of them are a smear
AXES = {
    "x": X_RANGE,
    "y": Y_RANGE,
    "x_ticks": [-1, -0.5, 0, 0.5, 1],
    "y_ticks": [-2, -1, 0, 1, 2],
    "x_title": "x",
    "y_title": "y",
}


def figure(
    base: Sample,
    model_a: Polynomial,
    model_b: Polynomial,
    held_out: Sample | None = None,
    residuals: bool = False,
) -> dict[str, Any]:
    """Training points over the true function and both fits; a fit that leaves the frame is cut.

    `base` are the points before a hand changed them: what it changed, `ui.points` knows.
    """
    curves = [
        _curve("truth", _("truth: sin πx"), truth(GRID)),
        _curve("sound", _("polynomial A"), model_a(GRID)),
        _curve("overfit", _("polynomial B"), model_b(GRID)),
    ]
    panel: dict[str, Any] = {"curves": curves}
    legend = [{"role": c["role"], "name": c["name"], "mark": "line"} for c in curves]
    legend.append({"role": "data", "name": _("training data"), "mark": "dot"})
    if held_out is not None:
        panel["held_out"] = _pairs(Sample(held_out.x[:HELD_OUT], held_out.y[:HELD_OUT]))
        name = _("held out ({n} of {all})")
        name = name.format(n=HELD_OUT, all=f"{held_out.x.size:,}")
        legend.append({"role": "validation", "name": name, "mark": "ring"})
    if residuals:
        panel["sticks"] = ["sound", "overfit"]
    return {**AXES, "panels": [panel], "legend": legend, "base": _pairs(base)}


def clouds(parts: Sequence[BiasVariance], degrees: Sequence[int]) -> dict[str, Any]:
    """The curves of many training sets, with their mean and the truth: A and B side by side."""
    panels = []
    for name, role, part, degree in zip("AB", ("sound", "overfit"), parts, degrees, strict=True):
        shown = part.fits[:CLOUD, ::3]
        steps = shown - np.roll(shown, 1, axis=0)
        panels.append(
            {
                "title": f"{name} · " + _("degree {d}").format(d=degree),
                "role": role,
                "curves": [
                    _curve("data", _("mean"), part.mean_fit[::3]),
                    _curve("truth", _("truth"), part.truth[::3]),
                ],
                "cloud": {
                    "role": role,
                    "fits": _packed(shown),
                    "count": len(shown),
                    "changes": np.sqrt((steps**2).mean(axis=1)).round(4).tolist(),
                },
                "rug": np.round(part.positions, 3).tolist(),
            }
        )
    n = len(parts[0].fits)
    sets = _("each training set")
    if n > CLOUD:
        sets = _("{n} of {all} training sets").format(n=CLOUD, all=n)
    legend = [
        {"role": "truth", "name": _("truth"), "mark": "line"},
        {"role": "data", "name": _("mean"), "mark": "line"},
        {"role": "muted", "name": sets, "mark": "cloud"},
        {"role": "data", "name": _("positions"), "mark": "rug"},
    ]
    axes = {**AXES, "y_ticks": [-2, 0, 2]}
    return {**axes, "panels": panels, "legend": legend, "base": []}


def thumbnail(sample: Sample, model: Polynomial) -> Figure:
    """Points, truth and the overfit curve in small, without words: for a card."""
    curves = pd.DataFrame({"x": GRID, "truth": truth(GRID), "overfit": model(GRID)})
    points = pd.DataFrame({"point_x": sample.x, "point_y": sample.y, "points": "data"})
    return Figure(_small_grammar, pd.concat([curves, points], axis=1))


def _curve(role: str, name: str, y: npt.NDArray[np.float64]) -> dict[str, Any]:
    return {"role": role, "name": name, "y": y.round(3).tolist()}


def _pairs(sample: Sample) -> list[list[float]]:
    return np.stack(sample, axis=1).round(3).tolist()


def _packed(values: npt.NDArray[np.float64]) -> str:
    """Thousandths in two bytes each; far outside the frame it does not matter how far."""
    return base64.b64encode((values.clip(-32, 32) * 1000).astype("<i2").tobytes()).decode()


def _small_grammar() -> alt.LayerChart:
    curves = [
        theme.line(role).encode(
            x=alt.X("x:Q", axis=None, scale=theme.fixed(*X_RANGE)),
            y=alt.Y(f"{role}:Q", axis=None, scale=theme.fixed(*Y_RANGE)),
        )
        for role in ("truth", "overfit")
    ]
    dots = (
        alt.Chart()
        .mark_point(clip=True, opacity=1, size=30)
        .encode(
            x=alt.X("point_x:Q", axis=None, scale=theme.fixed(*X_RANGE)),
            y=alt.Y("point_y:Q", axis=None, scale=theme.fixed(*Y_RANGE)),
            fill=theme.ink(),
        )
    )
    return alt.layer(*curves, dots)


def description(sample: Sample, model_a: Polynomial, model_b: Polynomial) -> str:
    """The figure in words."""
    return _(
        "{n} training points, the true sine curve, and polynomials of degree {a} and {b} fitted to "
        "the points."
    ).format(n=len(sample.x), a=model_a.degree, b=model_b.degree)
