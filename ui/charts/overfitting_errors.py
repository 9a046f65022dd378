"""Errors of the overfitting screen: against the degree, the penalty and the number of points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.overfitting import (
    DoubleDescent,
    ErrorCurve,
    LearningCurve,
    PenaltyCurve,
)
from ui import theme
from ui.i18n import _
from ui.theme import Figure

SILENT = 1e-6  # below any noise that a control can set but zero
AS_POWER = (
    "abs(datum.value) < 1001 && (abs(datum.value) > 0.0009 || datum.value == 0)"
    " ? format(datum.value, '~g') : replace(format(datum.value, '.0e'), '+', '')"
)


def errors_range(noise: float) -> tuple[float, float]:
    """The frame for mean squared errors: one for ordinary noise, a deeper one for hardly any."""
    return (2e-3, 20.0) if noise >= 0.1 else (1e-7, 20.0)


# ---- complexity


def complexity(curve: ErrorCurve, degree_a: int, degree_b: int, noise: float) -> Figure:
    """Training and test error against the degree; A, B and the best degree on the test curve."""
    frame = pd.DataFrame(
        {
            "degree": curve.degrees,
            "data": _positive(curve.train_mse),
            "validation": _positive(curve.test_mse),
            "muted": _floor(noise),
        }
    )
    marks = {"sound": degree_a, "overfit": degree_b, "best": curve.best_degree}
    for role, degree in marks.items():
        frame[f"{role}_at"] = np.where(curve.degrees == degree, frame["validation"], np.nan)
    low, high = errors_range(noise)
    frame[["sound_at", "overfit_at"]] = frame[["sound_at", "overfit_at"]].clip(low, high)
    return Figure(_complexity, frame, (low, high))


def _complexity(low: float, high: float) -> alt.LayerChart:
    x = alt.X("degree:Q", title=_("degree"), scale=theme.fixed(0, 25), axis=alt.Axis(tickCount=6))
    names = {
        "data": _("training MSE"),
        "validation": _("test MSE"),
        "muted": _("noise floor σ²"),
        "sound": "A",
        "overfit": "B",
    }
    layers = [theme.line(role).encode(x=x, y=_log_y(role, low, high)) for role in ("muted", "data")]
    layers.append(
        theme.line("validation", point=False).encode(x=x, y=_log_y("validation", low, high))
    )
    best = theme.tinted("validation").encode(x=x, y=_log_y("best_at", low, high))
    layers += [
        best.mark_point(filled=False, size=420, strokeWidth=2.5, opacity=1, fillOpacity=0),
        best.mark_text(align="left", dx=15, dy=-13, strokeWidth=0, text=_("best")),
    ]
    for role, letter in (("sound", "A"), ("overfit", "B")):
        here = theme.tinted(role).encode(x=x, y=_log_y(f"{role}_at", low, high))
        layers += [
            here.mark_point(size=150, opacity=1, clip=False),
            here.mark_text(dy=-17, text=letter, fontWeight="bold", strokeWidth=0),
        ]
    layers.append(
        _hover(
            "degree:Q",
            x,
            {"degree": _("degree"), "data": names["data"], "validation": names["validation"]},
        )
    )
    legend = {role: names[role] for role in ("data", "validation", "muted")}
    return alt.layer(*layers, theme.key(legend))


# ---- more data


def learning(curve: LearningCurve, n: int, noise: float, name: str, role: str) -> Figure:
    """Training and test error against n, with the middle half of the data sets; n is marked."""
    frame = pd.DataFrame(
        {
            "n": curve.sizes,
            "data": _positive(curve.train_mse),
            "validation": _positive(curve.test_mse),
            "low": _positive(curve.test_quartiles[0]),
            "high": _positive(curve.test_quartiles[1]),
            "train_low": _positive(curve.train_quartiles[0]),
            "train_high": _positive(curve.train_quartiles[1]),
            "muted": _floor(noise),
        }
    )
    frame["now"] = pd.Series([n])
    return Figure(_learning, frame, (name, role, *errors_range(noise)))


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
        .encode(x=x, y=_log_y(bottom, low, high), y2=f"{top}:Q")
        for tint, bottom, top in (
            ("data", "train_low", "train_high"),
            ("validation", "low", "high"),
        )
    ]
    lines = [
        theme.line(tint).encode(x=x, y=_log_y(tint, low, high))
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
    return alt.layer(*bands, now, *lines, _hover("n:Q", x, tips), key)


# ---- penalty


def penalties(curve: PenaltyCurve, penalty: float, here: float, kind: str) -> Figure:
    """Errors against λ; the present λ, and the best by the test and the cross-validated error."""
    frame = pd.DataFrame(
        {
            "penalty": curve.penalties,
            "data": _positive(curve.train_mse),
            kind: _positive(curve.test_mse),
            "validation": _positive(curve.cv_mse),
        }
    )
    for name, errors, best in (
        ("test_at", curve.test_mse, curve.best_by_test),
        ("cv_at", curve.cv_mse, curve.best_by_cv),
    ):
        frame[name] = np.where(curve.penalties == best, _positive(errors), np.nan)
    low, high = errors_range(0.3)
    frame["now"] = pd.Series([max(penalty, PENALTY_RANGE[0])])
    frame["left"], frame["right"] = (pd.Series([end]) for end in PENALTY_RANGE)
    frame["now_at"] = pd.Series([float(np.clip(here, low, high))])
    return Figure(_penalties, frame, (kind, low, high))


PENALTY_RANGE = (4e-10, 1e2)  # λ = 0 stands at the left edge


def _penalties(kind: str, low: float, high: float) -> alt.LayerChart:
    x = alt.X(
        "penalty:Q",
        title=_("penalty λ (λ = 0 at the left edge)"),
        scale=alt.Scale(type="log", domain=list(PENALTY_RANGE), nice=False),
        axis=alt.Axis(values=[10.0**k for k in range(-8, 3, 2)], labelExpr=AS_POWER),
    )
    names = {
        "data": _("training MSE"),
        kind: _("test MSE, {kind}").format(kind=kind.upper()),
        "validation": _("cross-validated MSE"),
        "overfit": _("B now"),
    }
    lines = [
        theme.line(role).encode(x=x, y=_log_y(role, low, high))
        for role in ("data", "validation", kind)
    ]
    best = []
    for role, column, text, dy in (
        (kind, "test_at", _("best"), -15),
        ("validation", "cv_at", _("best by CV"), 19),
    ):
        base = theme.tinted(role).encode(x=x, y=_log_y(column, low, high))
        best += [
            base.mark_point(fillOpacity=0, size=330, strokeWidth=2.5, opacity=1),
            base.mark_text(align="left", dx=12, dy=dy, text=text, strokeWidth=0),
        ]
    now = theme.tinted("overfit").encode(x=alt.X("now:Q"))
    ends = [
        theme.tinted("muted")
        .mark_text(align=align, baseline="top", dx=dx, dy=6, text=text, strokeWidth=0)
        .encode(x=alt.X(f"{align}:Q"), y=alt.value(0))
        for align, dx, text in (
            ("left", 8, _("← λ too small: overfits")),
            ("right", -8, _("λ too large: underfits →")),
        )
    ]
    tips = {"penalty": "λ", **{role: names[role] for role in ("data", kind, "validation")}}
    return alt.layer(
        *ends,
        now.mark_rule(strokeDash=[6, 4], strokeWidth=2),
        *lines,
        *best,
        now.mark_point(size=150, opacity=1).encode(y=_log_y("now_at", low, high)),
        _hover("penalty:Q", x, tips),
        theme.key(names),
    )


# ---- double descent


def descent(curve: DoubleDescent, noise: float) -> Figure:
    """Errors against degrees far past the number of points, without and with a tuned penalty."""
    frame = pd.DataFrame(
        {
            "degree": curve.degrees,
            "data": _positive(curve.train_mse),
            "overfit": _positive(curve.test_mse),
            "sound": _positive(curve.tuned_test_mse),
            "muted": _floor(noise),
        }
    )
    frame["threshold"] = pd.Series([curve.threshold])
    return Figure(_descent, frame, (2e-2 if noise >= 0.2 else 1e-6, 1e4))


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
    lines = [theme.line(role).encode(x=x, y=_log_y(role, low, high)) for role in reversed(names)]
    threshold = theme.tinted("muted").encode(x=alt.X("threshold:Q"))
    tips = {"degree": _("degree"), **{role: names[role] for role in ("data", "overfit", "sound")}}
    return alt.layer(
        threshold.mark_rule(strokeWidth=1.5),
        threshold.mark_text(
            align="right", baseline="top", dx=-7, dy=4, text=_("degree n − 1"), strokeWidth=0
        ).encode(y=alt.value(0)),
        *lines,
        _hover("degree:Q", x, tips),
        theme.key(names),
    )


# ---- what they share


def _log_y(column: str, low: float, high: float) -> alt.Y:
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    decades = [10.0**k for k in range(-8, 9) if low <= 10.0**k <= high]
    step = 2 if len(decades) > 6 else 1
    axis = alt.Axis(values=decades[::step], labelExpr=AS_POWER)
    return alt.Y(f"{column}:Q", title=_("mean squared error"), scale=scale, axis=axis)


def _hover(field: str, x: alt.X, tips: Mapping[str, str]) -> alt.Chart:
    """A strip as high as the figure at every place of the data, unseen, for the read-outs."""
    return (
        alt.Chart()
        .mark_rule(opacity=0, strokeWidth=14, tooltip=True)
        .encode(x=x, tooltip=tips_of(tips))
    )


def tips_of(names: Mapping[str, str]) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(
            f"{field}:Q", title=title, format="" if field in ("degree", "n", "power") else ".3~g"
        )
        for field, title in names.items()
    ]


def _positive(errors: Any) -> Any:
    """Errors as a logarithmic axis can have them."""
    return np.clip(errors, 1e-30, 1e30)


def _floor(noise: float) -> float:
    return noise**2 if noise**2 > SILENT else np.nan
