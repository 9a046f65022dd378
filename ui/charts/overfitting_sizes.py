"""Errors against the number of points, and against degrees far beyond that number."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.overfitting import DoubleDescent, LearningCurve
from ui import theme
from ui.charts.overfitting_errors import errors_range, floor, hover, log_y, once, positive
from ui.i18n import _
from ui.theme import Figure


def learning(curve: LearningCurve, n: int, noise: float, name: str, role: str) -> Figure:
    """Training and test error against n, with the middle half of the data sets; n is marked."""
    (low, high), (train_low, train_high) = curve.test_quartiles, curve.train_quartiles
    columns = {
        "n": curve.sizes,
        "data": positive(curve.train_mse),
        "validation": positive(curve.test_mse),
        "low": positive(low),
        "high": positive(high),
        "train_low": positive(train_low),
        "train_high": positive(train_high),
        "muted": np.full(curve.sizes.size, floor(noise)),
        "now": np.where(curve.sizes == n, n, np.nan),
    }
    return Figure(_learning, pd.DataFrame(columns), (name, role, *errors_range(noise)))


def _learning(name: str, role: str, low: float, high: float) -> alt.LayerChart:
    x = alt.X(
        "n:Q",
        title=_("training points n of {name}").format(name=name),
        scale=alt.Scale(type="log", domain=[5, 200], nice=False),
        axis=alt.Axis(values=[5, 10, 20, 50, 100, 200], format="d"),
    )
    bands = [
        theme.tinted(tint)
        .mark_area(clip=True, opacity=0.18, strokeWidth=0)
        .encode(x=x, y=log_y(bottom, low, high), y2=f"{top}:Q")
        for tint, bottom, top in (
            ("data", "train_low", "train_high"),
            ("validation", "low", "high"),
        )
    ]
    lines = [
        theme.line(tint).encode(x=x, y=log_y(tint, low, high))
        for tint in ("muted", "data", "validation")
    ]
    now = theme.tinted(role).mark_rule(strokeDash=[6, 4], strokeWidth=2).encode(x=alt.X("now:Q"))
    names = {
        "data": _("training MSE"),
        "validation": _("test MSE"),
        "muted": _("noise floor σ²"),
    }
    tips = {"n": "n", "data": names["data"], "validation": names["validation"]}
    key = theme.key(names)
    for channel in (key.encoding.color, key.encoding.strokeDash):
        channel["legend"]["columns"] = 2  # there are two charts side by side
    return alt.layer(*bands, now, *lines, hover("n:Q", x, tips), key)


# ---- double descent


def descent(curve: DoubleDescent, noise: float) -> Figure:
    """Errors against degrees far past the number of points, without and with a tuned penalty."""
    n = curve.degrees.size
    columns = {
        "degree": curve.degrees,
        "data": positive(curve.train_mse),
        "overfit": positive(curve.test_mse),
        "sound": positive(curve.tuned_test_mse),
        "muted": np.full(n, floor(noise)),
        "threshold": once(curve.threshold, n),
    }
    return Figure(_descent, pd.DataFrame(columns), (2e-2 if noise >= 0.2 else 1e-6, 1e4))


def _descent(low: float, high: float) -> alt.LayerChart:
    x = alt.X(
        "degree:Q",
        title=_("degree"),
        scale=alt.Scale(type="symlog", constant=8, domain=[0, 400], nice=False),
        axis=alt.Axis(values=[0, 3, 10, 20, 40, 100, 200, 400]),
    )
    names = {
        "data": _("training MSE, λ = 0"),
        "overfit": _("test MSE, λ = 0"),
        "sound": _("test MSE, λ tuned"),
        "muted": _("noise floor σ²"),
    }
    lines = [theme.line(role).encode(x=x, y=log_y(role, low, high)) for role in reversed(names)]
    threshold = theme.tinted("muted").encode(x=alt.X("threshold:Q"))
    tips = {"degree": _("degree"), **{role: names[role] for role in ("data", "overfit", "sound")}}
    return alt.layer(
        threshold.mark_rule(strokeWidth=1.5),
        threshold.mark_text(
            align="left", baseline="bottom", dx=7, dy=-6, text=_("degree n − 1"), strokeWidth=0
        ).encode(y=alt.value("height")),
        *lines,
        hover("degree:Q", x, tips),
        theme.key(names),
    )
