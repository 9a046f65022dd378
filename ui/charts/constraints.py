"""The constraint figure: contours of a quadratic loss, a ball, and the point where they meet."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.constraints import Array, ConstrainedMinimum, Quadratic, ball, ellipse
from ui import theme
from ui.i18n import _

REACH = 5.2
"""How far the axes go to either side on a square figure; a wide one shows more to the sides."""

ROLE = {1: "l1", 2: "l2"}
N = 121
N_CONTOURS = 7


def figure(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> alt.LayerChart:
    """The ball of one norm, the contours around the loss's centre, and the constrained optimum."""
    names = _names(norm_order)
    return _layers(loss, norm_order, budget, solution, names, axes=True)


def thumbnail(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> alt.LayerChart:
    """The same figure in small, without words: for a card."""
    names = {role: theme.series(role) for role in _names(norm_order)}
    return _layers(loss, norm_order, budget, solution, names, axes=False)


def description(norm_order: int, budget: float, solution: ConstrainedMinimum) -> str:
    """The figure in words."""
    shape = _("diamond") if norm_order == 1 else _("circle")
    return _(
        "Elliptical contours of the loss and the L{q} {shape} of budget {budget:g}; the "
        "constrained optimum is at ({w1:.3g}, {w2:.3g})."
    ).format(
        q=norm_order, shape=shape, budget=budget, w1=solution.weights[0], w2=solution.weights[1]
    )


def _names(norm_order: int) -> dict[str, str]:
    return {
        ROLE[norm_order]: _("L{q} budget").format(q=norm_order),
        "data": _("touching loss"),
        "muted": _("loss"),
    }


def _layers(
    loss: Quadratic,
    norm_order: int,
    budget: float,
    solution: ConstrainedMinimum,
    names: dict[str, str],
    *,
    axes: bool,
) -> alt.LayerChart:
    role = ROLE[norm_order]
    curves = [
        _curve(ellipse(loss, 0.5 * (0.8 * k) ** 2, N), names["muted"], k)
        for k in range(1, N_CONTOURS + 1)
    ]
    curves.append(_curve(ellipse(loss, float(loss.value(solution.weights)), N), names["data"], 50))
    curves.append(_curve(ball(norm_order, budget, N), names[role], 60))
    points = pd.DataFrame(
        {
            "w1": [loss.center[0], solution.weights[0]],
            "w2": [loss.center[1], solution.weights[1]],
            "series": [names["data"], names[role]],
            "part": ["center", "solution"],
            "label": ["c", "w*"],
        }
    )
    frame = pd.concat([*curves, points])
    base = alt.Chart(frame).encode(
        x=_axis("w1", "w₁", "width", axes),
        y=_axis("w2", "w₂", "height", axes),
        color=theme.colour(names, [role, "data", "muted"] if axes else []),
    )
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .mark_rule(opacity=0.35, strokeWidth=1)
        .encode(color=alt.value("gray"))
    )
    lines = base.encode(detail="curve:N", order="order:Q")
    dots = base.encode(
        tooltip=[
            alt.Tooltip("label:N", title=" "),
            alt.Tooltip("w1:Q", title="w₁", format=".4g"),
            alt.Tooltip("w2:Q", title="w₂", format=".4g"),
        ]
    )
    centre = dots.transform_filter("datum.part == 'center'")
    answer = dots.transform_filter("datum.part == 'solution'")
    layers = [
        zero.encode(x=_axis("zero", "w₁", "width", axes)),
        zero.encode(y=_axis("zero", "w₂", "height", axes)),
        lines.transform_filter("datum.curve < 50").mark_line(clip=True, strokeWidth=1.2),
        lines.transform_filter("datum.curve == 60").mark_line(clip=True),
        lines.transform_filter("datum.curve == 50").mark_line(clip=True),
        centre.mark_point(shape="cross", size=130, opacity=1, clip=True),
        answer.mark_point(shape="circle", size=190, opacity=1, clip=True),
    ]
    if axes:
        layers.append(
            dots.transform_filter("isValid(datum.label)")
            .mark_text(dx=15, dy=-12, fontWeight="bold")
            .encode(text="label:N")
        )
    return alt.layer(*layers)


def _curve(points: Array, name: str, number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "w1": points[:, 0],
            "w2": points[:, 1],
            "series": name,
            "curve": number,
            "order": np.arange(len(points)),
        }
    )


def _axis(field: str, title: str, length: str, shown: bool) -> alt.X | alt.Y:
    # One unit is as long on both axes, whatever the figure's width: circles stay round.
    reach = f"{REACH} * {length} / height"
    channel = alt.X if length == "width" else alt.Y
    return channel(
        f"{field}:Q",
        title=title,
        axis=alt.Axis(tickCount=6, grid=False) if shown else None,
        scale=alt.Scale(
            domainMin=alt.ExprRef(f"-{reach}"), domainMax=alt.ExprRef(reach), nice=False, zero=False
        ),
    )
