"""Dropout against its formulas: the input of one unit, and the penalty that dropout amounts to."""

from __future__ import annotations

import json
import math

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.dropout import UnitInput
from ui import theme
from ui.i18n import _
from ui.numbers import number
from ui.theme import Figure

REACH, SPREAD, LARGEST = 1.5, 0.6, 3.0
"""Half the height or width of an axis where nothing is further out: of a unit's input, of a mean
loss, and of the weights."""
N_BARS = 48
CURVE_POINTS = 120


def doubled(least: float, wanted: float) -> float:
    """`least`, doubled until `wanted` is inside: few values, so that a chart is seldom rebuilt."""
    return least * 2.0 ** max(0, math.ceil(math.log2(max(wanted, least) / least)))


def scaling(seen: UnitInput) -> Figure:
    """How often each input came, in shares of the inference value, with both means marked."""
    ratio, mean = seen.values / seen.inference, seen.values.mean() / seen.inference
    reach = doubled(REACH, np.abs(ratio - 1).max())
    counts, edges = np.histogram(ratio, bins=N_BARS, range=(1 - reach, 1 + reach))
    bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "share": counts / len(ratio)})
    rules = pd.DataFrame({"inference": [1.0], "mean": [mean]})
    return Figure(_scaling_grammar, pd.concat([bars, rules], axis=1), (reach,))


def _scaling_grammar(reach: float) -> alt.LayerChart:
    names = {
        "data": _("inputs under the masks"),
        "overfit": _("their mean"),
        "sound": _("inference"),
    }
    x = alt.X(
        "from:Q",
        title=_("input of the unit, as a share of its input at inference"),
        scale=theme.fixed(1 - reach, 1 + reach),
        axis=alt.Axis(tickCount=7),
    )
    bars = (
        theme.tinted("data")
        .mark_bar(opacity=0.45, strokeWidth=0, clip=True)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("share:Q", title=_("share of the masks"), scale=alt.Scale(domainMin=0)),
            y2=alt.Y2Datum(0),
        )
    )
    rules = [
        theme.tinted(role)
        .mark_rule(strokeWidth=3.5, strokeDash=theme.DASHES[role])
        .encode(x=alt.X(f"{field}:Q", scale=theme.fixed(1 - reach, 1 + reach)))
        for field, role in (("inference", "sound"), ("mean", "overfit"))
    ]
    return alt.layer(bars, *rules, theme.key(names))


def scaling_description(seen: UnitInput, *, inverted: bool) -> str:
    """The figure in words."""
    words = (
        _(
            "The input of one unit under {n} masks, with inverted scaling: the mean is {mean}, "
            "the input at inference {inference}."
        )
        if inverted
        else _(
            "The input of one unit under {n} masks, without scaling: the mean is {mean}, the "
            "input at inference {inference}."
        )
    )
    return words.format(
        n=len(seen.values), mean=number(seen.values.mean()), inference=number(seen.inference)
    )


def penalty(losses: npt.ArrayLike, formula: float) -> Figure:
    """The mean loss over the first 1, 2, ... masks, as a share of what the formula says."""
    ratio = np.asarray(losses, dtype=np.float64) / formula
    n = np.unique(np.geomspace(1, ratio.size, CURVE_POINTS).astype(int))
    means = (np.cumsum(ratio)[n - 1]) / n
    error = 2.0 * ratio.std() / np.sqrt(n)
    frame = pd.DataFrame(
        {"n": n, "mean": means, "low": np.maximum(1 - error, 0), "high": 1 + error, "one": 1.0}
    )
    reach = doubled(SPREAD, max(np.abs(means - 1).max(), error.max()))
    return Figure(_penalty_grammar, frame, (reach,))


def penalty_description(losses: npt.ArrayLike, formula: float) -> str:
    """That figure in words."""
    of_all = np.asarray(losses, dtype=np.float64)
    return _(
        "The mean loss over the masks drawn so far. After all {n} it is {mean}; the formula "
        "says {formula}."
    ).format(n=of_all.size, mean=number(of_all.mean()), formula=number(formula))


def _penalty_grammar(reach: float) -> alt.LayerChart:
    names = {"data": _("mean over the masks so far"), "truth": _("formula")}
    x = alt.X(
        "n:Q",
        title=_("masks drawn"),
        scale=alt.Scale(type="log", domain=[1, 10_000]),
        axis=alt.Axis(tickCount=5, format="~s"),
    )
    y = theme.fixed(max(0.0, 1 - reach), 1 + reach)
    title = _("loss, as a share of the formula")
    band = (
        theme.tinted("truth")
        .mark_area(opacity=0.15, clip=True, strokeWidth=0)
        .encode(x=x, y=alt.Y("low:Q", title=title, scale=y), y2="high:Q")
    )
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{field}:Q", title=title, scale=y))
        for field, role in (("one", "truth"), ("mean", "data"))
    ]
    return alt.layer(band, *lines, theme.key(names))


MARKS = {
    "truth": ("truth", "stroke", 500),
    "plain": ("overfit", "diamond", 110),
    "formula": ("l2", "circle", 320),
    "masks": ("data", "cross", 90),
}
"""The role, the shape and the size of each kind of weight; the later stand on the earlier."""


def ridge(
    plain: npt.ArrayLike, by_masks: npt.ArrayLike, by_formula: npt.ArrayLike, truth: npt.ArrayLike
) -> Figure:
    """The weights of a linear model: least squares, best under the masks, ridge by the formula."""
    kinds = {"truth": truth, "plain": plain, "formula": by_formula, "masks": by_masks}
    weights = [f"w{'₁₂₃₄₅₆₇₈₉'[i]}" for i in range(np.size(truth))]
    parts = [
        pd.DataFrame({"weight": weights, "value": kinds[kind], "role": role, "size": size})
        for kind, (role, _shape, size) in MARKS.items()
    ]
    largest = max(float(np.abs(values).max()) for values in kinds.values())
    frame = pd.concat(parts, ignore_index=True)
    return Figure(_ridge_grammar, frame, (doubled(LARGEST, largest),))


def without_dust(value: float, scale: float) -> float:
    """0 where a number is but the rounding of others of this size, as where nothing is dropped."""
    return 0.0 if abs(value) < 1e-12 * abs(scale) else float(value)


def ridge_description(by_masks: npt.ArrayLike, by_formula: npt.ArrayLike) -> str:
    """That figure in words."""
    one, other = (np.asarray(w, dtype=np.float64) for w in (by_masks, by_formula))
    return _(
        "The weights by least squares, under the masks and by ridge regression. The last two "
        "differ by up to {gap}."
    ).format(gap=number(without_dust(np.abs(one - other).max(), np.abs(other).max())))


def _ridge_grammar(reach: float) -> alt.Chart:
    names = {
        "truth": _("truth"),
        "overfit": _("least squares"),
        "l2": _("ridge by the formula"),
        "data": _("best under the masks"),
    }
    roles = [role for role, _shape, _size in MARKS.values()]
    legend = alt.Legend(
        title=None,
        orient="top",
        values=roles,
        labelExpr=f"{json.dumps(names)}[datum.value]",
        columns=alt.ExprRef("width < 420 ? 1 : 2"),
        symbolSize=150,
        symbolOpacity=1,
        labelLimit=320,
    )
    colours = alt.Scale(domain=list(theme.ROLES), range="category")
    shapes = alt.Scale(domain=roles, range=[shape for _role, shape, _size in MARKS.values()])
    return (
        alt.Chart()
        .mark_point(filled=False, opacity=1, clip=True, strokeWidth=2.5)
        .encode(
            x=alt.X("weight:N", title=_("weight of the linear model"), axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title=_("its value"), scale=theme.fixed(-reach, reach)),
            shape=alt.Shape("role:N", scale=shapes, legend=legend),
            stroke=alt.Stroke("role:N", scale=colours, legend=legend),
            size=alt.Size("size:Q", scale=None, legend=None),
        )
    )
