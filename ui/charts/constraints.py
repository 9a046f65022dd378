"""The constraint figure: contours of a quadratic loss, a ball, and the point where they meet."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.constraints import Array, ConstrainedMinimum, Quadratic, ball, ellipse
from ui import theme
from ui.i18n import _
from ui.theme import Figure

REACH = 5.2
"""How far the vertical axis goes to either side; the horizontal one follows the figure's shape."""

ROLE = {1: "l1", 2: "l2"}
N = 97
LEVELS = [0.5 * (0.8 * k) ** 2 for k in range(1, 8)]


def figure(loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum) -> Figure:
    """The ball of one norm, the contours around the loss's centre, and the constrained optimum."""
    return Figure(_grammar, _frame(loss, norm_order, budget, solution), (norm_order, True))


def thumbnail(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> Figure:
    """The same figure in small, without words: for a card."""
    return Figure(_grammar, _frame(loss, norm_order, budget, solution), (norm_order, False))


def description(norm_order: int, budget: float, solution: ConstrainedMinimum) -> str:
    """The figure in words."""
    shape = _("diamond") if norm_order == 1 else _("circle")
    return _(
        "Elliptical contours of the loss and the L{q} {shape} of budget {budget:g}; the "
        "constrained optimum is at ({w1:.3g}, {w2:.3g})."
    ).format(
        q=norm_order, shape=shape, budget=budget, w1=solution.weights[0], w2=solution.weights[1]
    )


def _frame(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> pd.DataFrame:
    touching = float(loss.value(solution.weights))
    curves = [(ellipse(loss, level, N), "muted", "contour") for level in LEVELS]
    curves.append((ball(norm_order, budget, N), ROLE[norm_order], "line"))
    curves.append((ellipse(loss, touching, N), "data", "line"))
    points: list[tuple[Array, str, str]] = [
        (loss.center[None], "data", "c"),
        (solution.weights[None], ROLE[norm_order], "w*"),
    ]
    parts = [*curves, *points]
    lengths = [len(part) for part, _role, _kind in parts]
    w = np.concatenate([part for part, _role, _kind in parts])
    return pd.DataFrame(
        {
            "w1": w[:, 0],
            "w2": w[:, 1],
            "role": np.repeat([role for _part, role, _kind in parts], lengths),
            "kind": np.repeat([kind for _part, _role, kind in parts], lengths),
            "curve": np.repeat(np.arange(len(parts)), lengths),
            "step": np.concatenate([np.arange(length) for length in lengths]),
        }
    )


def _grammar(norm_order: int, words: bool) -> alt.LayerChart:
    role = ROLE[norm_order]
    names = {
        role: _("L{q} budget").format(q=norm_order),
        "data": _("touching loss"),
        "muted": _("loss"),
    }
    base = alt.Chart().encode(
        x=_axis(alt.X, "w1", "w₁", "width", words),
        y=_axis(alt.Y, "w2", "w₂", "height", words),
        color=theme.colour(names, [role, "data", "muted"] if words else []),
    )
    lines = base.encode(detail="curve:N", order="step:Q")
    dots = base.encode(
        tooltip=[
            alt.Tooltip("kind:N", title=" "),
            alt.Tooltip("w1:Q", title="w₁", format=".4g"),
            alt.Tooltip("w2:Q", title="w₂", format=".4g"),
        ]
    )
    centre = dots.transform_filter("datum.kind == 'c'")
    answer = dots.transform_filter("datum.kind == 'w*'")
    zero = centre.mark_rule(opacity=0.3, strokeWidth=1)
    axis = alt.Undefined if words else None
    width, height = alt.ExprRef("width"), alt.ExprRef("height")
    labels = base.transform_filter("datum.kind == 'c' || datum.kind == 'w*'")
    return alt.layer(
        zero.encode(y=alt.YDatum(0, axis=axis), x=alt.XValue(0), x2=alt.X2Value(width)),
        zero.encode(x=alt.XDatum(0, axis=axis), y=alt.YValue(0), y2=alt.Y2Value(height)),
        lines.transform_filter("datum.kind == 'contour'").mark_line(clip=True, strokeWidth=1.2),
        lines.transform_filter("datum.kind == 'line'").mark_line(clip=True),
        centre.mark_point(shape="cross", size=130, opacity=1, clip=True),
        answer.mark_point(shape="circle", size=190, opacity=1, clip=True),
        labels.mark_text(dx=15, dy=-12, fontWeight="bold", clip=True).encode(
            text="kind:N", opacity=alt.value(1 if words else 0)
        ),
    )


def _axis(
    channel: type[alt.X] | type[alt.Y], field: str, title: str, length: str, words: bool
) -> alt.X | alt.Y:
    # One unit is as long on both axes, whatever the figure's width: circles stay round.
    reach = f"{REACH} * {length} / height"
    return channel(
        f"{field}:Q",
        title=title,
        axis=alt.Axis(tickCount=6, grid=False) if words else None,
        scale=alt.Scale(
            domainMin=alt.ExprRef(f"-{reach}"), domainMax=alt.ExprRef(reach), nice=False, zero=False
        ),
    )
