"""What errors and curves are made of: bias, variance and noise; the coefficients of both fits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.overfitting import BiasVarianceCurve, Polynomial, unbiased_parts
from ui import theme
from ui.charts.overfitting_errors import AS_POWER, once, tips_of
from ui.i18n import _
from ui.theme import Figure


def parts(
    curve: BiasVarianceCurve, n_datasets: int, against: str, chosen: Mapping[str, float]
) -> Figure:
    """Bias squared, variance and noise on top of each other, the measured error as crosses."""
    n = curve.values.size
    bias_squared, variance = unbiased_parts(curve.bias_squared, curve.variance, n_datasets)
    columns = {
        "value": curve.values,
        "noise": np.full(n, curve.noise),
        "bias": np.minimum(curve.noise + bias_squared, 1e9),
        "total": np.minimum(curve.noise + bias_squared + variance, 1e9),
        "measured": curve.expected_error,
        "low": curve.expected_error - 2 * curve.standard_error,
        "high": curve.expected_error + 2 * curve.standard_error,
        **{role: once(chosen.get(role, np.nan), n) for role in ("sound", "overfit")},
    }
    top = 1.0 if curve.noise <= 0.3 else 2.2
    return Figure(_parts, pd.DataFrame(columns), (against, top))


def _parts(against: str, top: float) -> alt.LayerChart:
    scale = (
        theme.fixed(0, 25)
        if against == "degree"
        else alt.Scale(type="log", domain=[1e-9, 1e2], nice=False)
    )
    axis = (
        alt.Axis(tickCount=6)
        if against == "degree"
        else alt.Axis(values=[10.0**k for k in range(-8, 3, 2)], labelExpr=AS_POWER)
    )
    title = _("degree") if against == "degree" else _("penalty λ, for degree B")
    x = alt.X("value:Q", title=title, scale=scale, axis=axis)
    names = {"muted": _("noise σ²"), "sound_area": _("bias²"), "overfit_area": _("variance")}
    y = alt.Y("noise:Q", title=_("test MSE"), scale=theme.fixed(0, top), axis=alt.Axis(tickCount=5))

    def area(role: str, upper: str, lower: str | None) -> alt.Chart:
        chart = theme.tinted(role).mark_area(clip=True, opacity=0.55, strokeWidth=0)
        return chart.encode(
            x=x, y=y if upper == "noise" else alt.Y(f"{upper}:Q"), y2=lower or alt.datum(0)
        )

    areas = [
        area("muted", "noise", None),
        area("truth", "bias", "noise"),
        area("l1", "total", "bias"),
    ]
    ink = theme.tinted("data")
    crosses = ink.mark_point(shape="cross", size=45, clip=True, opacity=1, strokeWidth=0)
    bars = ink.mark_rule(clip=True, strokeWidth=1.5)
    rules = [
        theme.tinted(role).mark_rule(strokeDash=[6, 4], strokeWidth=2).encode(x=alt.X(f"{role}:Q"))
        for role in ("sound", "overfit")
    ]
    legend = {
        "muted": names["muted"],
        "truth": _("bias²"),
        "l1": _("variance"),
        "data": _("measured, ± 2 SE"),
    }
    tips = {"value": title, "noise": _("noise σ²"), "measured": _("test MSE")}
    return alt.layer(
        *areas,
        *rules,
        bars.encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        crosses.encode(x=x, y=alt.Y("measured:Q"), tooltip=tips_of(tips)),
        _patches(legend),
    )


def _patches(names: Mapping[str, str]) -> alt.Chart:
    """A legend of filled squares, as a layer that draws nothing."""
    return (
        alt.Chart()
        .transform_filter("false")
        .mark_square()
        .encode(
            color=alt.Color(
                "role:N",
                scale=alt.Scale(domain=list(theme.ROLES), range="category"),
                legend=alt.Legend(
                    title=None,
                    values=list(names),
                    labelExpr=f"{json.dumps(dict(names))}[datum.value]",
                    orient="top",
                    columns=alt.ExprRef("width < 420 ? 2 : 0"),
                    symbolType="square",
                    symbolSize=140,
                    symbolStrokeWidth=0,
                    symbolOpacity=1,
                    labelLimit=320,
                ),
            )
        )
    )


def coefficients(model_a: Polynomial, model_b: Polynomial) -> Figure:
    """The coefficient of every power, A beside B, on a scale for both signs and many decades."""
    columns = {"power": np.arange(1, 26)}
    for role, model, shift in (("sound", model_a, -0.16), ("overfit", model_b, 0.16)):
        weights = np.full(25, np.nan)
        weights[: model.degree] = model.coefficients[1:]
        columns |= {
            f"{role}_at": columns["power"] + shift,
            role: weights,
            f"{role}_zero": np.where(weights == 0, 0.0, np.nan),
            f"{role}_some": np.where(weights == 0, np.nan, weights),
        }
    return Figure(_coefficients, pd.DataFrame(columns))


def _coefficients() -> alt.LayerChart:
    ticks = [sign * 10.0**k for sign in (-1, 1) for k in (0, 2, 4, 6)] + [0]
    y = alt.Y(
        "sound:Q",
        title=_("coefficient w of xᵏ"),
        scale=alt.Scale(type="symlog", constant=0.3, domain=[-1e7, 1e7], nice=False, clamp=True),
        axis=alt.Axis(
            values=sorted(ticks),
            labelExpr=AS_POWER,
            grid=True,
        ),
    )
    x = alt.X(
        "sound_at:Q",
        title=_("power k"),
        scale=theme.fixed(0.3, 25.7),
        axis=alt.Axis(values=[1, 5, 10, 15, 20, 25]),
    )
    layers: list[Any] = [
        theme.tinted("muted").mark_rule(strokeWidth=1).encode(y=alt.YDatum(0)),
    ]
    for role in ("sound", "overfit"):
        base = theme.tinted(role).encode(x=x if role == "sound" else alt.X(f"{role}_at:Q"))
        tips = {"power": _("power k"), role: "w"}
        layers += [
            base.mark_rule(clip=True, strokeWidth=5).encode(
                y=y if role == "sound" else alt.Y(f"{role}:Q"), y2=alt.datum(0)
            ),
            base.mark_point(clip=True, opacity=1, size=70).encode(
                y=alt.Y(f"{role}_some:Q"), tooltip=tips_of(tips)
            ),
            base.mark_point(clip=True, opacity=1, fillOpacity=0, size=110, strokeWidth=2).encode(
                y=alt.Y(f"{role}_zero:Q"), tooltip=tips_of(tips)
            ),
        ]
    names = {"sound": "A", "overfit": _("B (a ring: exactly zero)")}
    return alt.layer(*layers, _patches(names))
