"""Errors of the overfitting screen against the degree and the penalty, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.overfitting import ErrorCurve, PenaltyCurve
from ui import theme
from ui.i18n import _
from ui.theme import Figure

Array = npt.NDArray[np.float64]
LEAST = 1e-300  # of what a logarithmic axis is given; what is told of it is 0
COUNTS = ("power", "told_degree", "told_n")  # whole numbers
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
    low, high = errors_range(noise)
    test = positive(curve.test_mse)
    inside = np.clip(test, low, high)
    columns = {
        "degree": curve.degrees,
        "data": positive(curve.train_mse),
        "validation": test,
        "muted": np.full(test.size, floor(noise)),
        "sound_at": np.where(curve.degrees == degree_a, inside, np.nan),
        "overfit_at": np.where(curve.degrees == degree_b, inside, np.nan),
        "best_at": np.where(curve.degrees == curve.best_degree, inside, np.nan),
    }
    return Figure(_complexity, pd.DataFrame(columns), (low, high))


def _complexity(low: float, high: float) -> alt.LayerChart:
    x = alt.X("degree:Q", title=_("degree"), scale=theme.fixed(0, 25), axis=alt.Axis(tickCount=6))
    names = {
        "data": _("training MSE"),
        "validation": _("test MSE"),
        "muted": _("noise floor σ²"),
        "sound": "A",
        "overfit": "B",
    }
    layers = [theme.line(role).encode(x=x, y=log_y(role, low, high)) for role in ("muted", "data")]
    layers.append(
        theme.line("validation", point=False).encode(x=x, y=log_y("validation", low, high))
    )
    best = theme.tinted("validation").encode(x=x, y=log_y("best_at", low, high))
    layers += [
        best.mark_point(filled=False, size=420, strokeWidth=2.5, opacity=1, fillOpacity=0),
        best.mark_text(align="left", dx=15, dy=-13, strokeWidth=0, text=_("best")),
    ]
    for role, letter in (("sound", "A"), ("overfit", "B")):
        here = theme.tinted(role).encode(x=x, y=log_y(f"{role}_at", low, high))
        layers += [
            here.mark_point(size=150, opacity=1, clip=False),
            here.mark_text(dy=-17, text=letter, fontWeight="bold", strokeWidth=0),
        ]
    layers.append(
        hover(
            "degree:Q",
            x,
            {"degree": _("degree"), "data": names["data"], "validation": names["validation"]},
        )
    )
    legend = {role: names[role] for role in ("data", "validation", "muted")}
    return alt.layer(*layers, theme.key(legend))


# ---- penalty


def penalties(curve: PenaltyCurve, penalty: float, here: float, kind: str, noise: float) -> Figure:
    """Errors against λ; the present λ, and the best by the test and the cross-validated error."""
    low, high = errors_range(noise)
    test, cv, n = positive(curve.test_mse), positive(curve.cv_mse), curve.penalties.size
    inside = partial(np.clip, a_min=low, a_max=high)

    def best_at(best: float, errors: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        return (curve.penalties == best) & (np.ptp(errors) > 0)  # nowhere if all are the same

    columns = {
        "penalty": curve.penalties,
        "data": positive(curve.train_mse),
        kind: test,
        "validation": cv,
        "test_at": np.where(best_at(curve.best_by_test, curve.test_mse), inside(test), np.nan),
        "cv_at": np.where(best_at(curve.best_by_cv, curve.cv_mse), inside(cv), np.nan),
        "now": once(max(penalty, PENALTY_RANGE[0]), n),
        "now_at": once(float(inside(here)), n),
        "left": once(PENALTY_RANGE[0], n),
        "right": once(PENALTY_RANGE[1], n),
    }
    return Figure(_penalties, pd.DataFrame(columns), (kind, low, high))


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
        theme.line(role).encode(x=x, y=log_y(role, low, high))
        for role in ("data", "validation", kind)
    ]
    best = []
    for role, column, text, align, dx, dy in (
        (kind, "test_at", _("best"), "center", 0, -20),
        (
            "validation",
            "cv_at",
            _("best by CV"),
            "right",
            -8,
            17,
        ),  # under its curve, over the other
    ):
        base = theme.tinted(role).encode(x=x, y=log_y(column, low, high))
        best += [
            base.mark_point(fillOpacity=0, size=330, strokeWidth=2.5, opacity=1),
            base.mark_text(align=align, dx=dx, dy=dy, text=text, strokeWidth=0),
        ]
    now = theme.tinted("overfit").encode(x=alt.X("now:Q"))
    ends = [
        theme.tinted("muted")
        .mark_text(align=align, baseline="top", dx=dx, dy=6, text=text, strokeWidth=0)
        .encode(x=alt.X(f"{align}:Q"), y=alt.value(0))
        for align, dx, text in (
            ("left", 8, _("← small λ: closest to the points")),
            ("right", -8, _("large λ: flattest →")),
        )
    ]
    tips = {"penalty": "λ", **{role: names[role] for role in ("data", kind, "validation")}}
    return alt.layer(
        *ends,
        now.mark_rule(strokeDash=[6, 4], strokeWidth=2),
        *lines,
        *best,
        now.mark_point(size=150, opacity=1).encode(y=log_y("now_at", low, high)),
        hover("penalty:Q", x, tips),
        theme.key(names),
    )


# ---- what they share


def log_y(column: str, low: float, high: float) -> alt.Y:
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    decades = [10.0**k for k in range(-8, 9) if low <= 10.0**k <= high]
    step = 2 if len(decades) > 6 else 1
    axis = alt.Axis(values=decades[::step], labelExpr=AS_POWER)
    return alt.Y(f"{column}:Q", title=_("mean squared error"), scale=scale, axis=axis)


def hover(field: str, x: alt.X, tips: Mapping[str, str]) -> alt.Chart:
    """A strip as high as the figure at every place of the data, unseen, for the read-outs."""
    told = {f"told_{name}": f"datum.{name} > {LEAST} ? datum.{name} : 0" for name in tips}
    tips = {f"told_{name}": title for name, title in tips.items()}
    return (
        alt.Chart()
        .transform_calculate(**told)
        .mark_rule(opacity=0, strokeWidth=14, tooltip=True)
        .encode(x=x, tooltip=tips_of(tips))
    )


def tips_of(names: Mapping[str, str]) -> list[alt.Tooltip]:
    return [
        alt.Tooltip(f"{field}:Q", title=title, format="" if field in COUNTS else ".3~g")
        for field, title in names.items()
    ]


def once(value: float, n: int) -> Array:
    """A column of one mark: its value, and nothing below."""
    return np.append(float(value), np.full(n - 1, np.nan))


def positive(errors: Array) -> Array:
    """Errors as a logarithmic axis can have them: 0 is far below every frame."""
    return np.clip(errors, LEAST, 1e300)


def floor(noise: float) -> float:
    """The error that no model can take away, nan where there is next to none."""
    return noise**2 if noise**2 > SILENT else np.nan
