"""Heat maps of the test loss over λ and the learning rate, or the loss's scale."""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.optimizers import RuleKind, Sweep
from ui.charts.optimizers import names
from ui.i18n import _
from ui.theme import Figure

Array = npt.NDArray[np.float64]

TEST_LOSS = {"diabetes": (0.55, 1.05), "digits": (0.5, 1.0)}
"""What the colours span."""


def heat_map(table: Sweep, axis: str, fit: str) -> Figure:
    """Test loss for every weight decay and learning rate (or loss scale).

    In every row a dot marks the best weight decay, and a bar leads from it to the strongest that
    costs at most a tenth more. Cells that diverged stay empty.
    """
    rows = table.learning_rates if axis == "learning_rate" else table.loss_scales
    (left, right), (low, high) = _edges(table.weight_decays), _edges(rows)
    height, width = table.test_loss.shape
    losses = np.where(np.isfinite(table.test_loss), table.test_loss, np.nan)
    frame = pd.DataFrame(
        {
            "x": np.tile(left, height),
            "x2": np.tile(right, height),
            "y": np.repeat(low, width),
            "y2": np.repeat(high, width),
            "weight_decay": np.tile(table.weight_decays, height),
            "row": np.repeat(rows, width),
            "loss": losses.ravel(),
        }
    )
    best = pd.DataFrame(
        {
            "best_x": table.best_weight_decays,
            "best_x2": table.strongest_weight_decays(),
            "best_y": rows,
            "points": "data",
        }
    )
    limits = (float(left[0]), float(right[-1]), float(low[0]), float(high[-1]))
    return Figure(_heat_map, pd.concat([frame, best], axis=1), (axis, fit, *limits))


def _edges(centres: Array) -> tuple[Array, Array]:
    """Where the cells around evenly spaced logarithms begin and end."""
    half = (centres[1] / centres[0]) ** 0.5
    return centres / half, centres * half


def _heat_map(
    axis: str, fit: str, left: float, right: float, low: float, high: float
) -> alt.LayerChart:
    x_scale = alt.Scale(type="log", domain=[left, right], nice=False)
    y_scale = alt.Scale(type="log", domain=[low, high], nice=False)
    decades = _ticks(1)
    title = _("learning rate") if axis == "learning_rate" else _("loss scale")
    cells = (
        alt.Chart()
        .mark_rect()
        .encode(
            x=alt.X("x:Q", title=_("weight decay λ"), scale=x_scale, axis=decades),
            x2="x2:Q",
            y=alt.Y("y:Q", title=title, scale=y_scale, axis=_ticks(1, 3)),
            y2="y2:Q",
            color=alt.Color(
                "loss:Q",
                scale=alt.Scale(domain=list(TEST_LOSS[fit]), clamp=True),
                legend=alt.Legend(
                    title=_("test loss"), orient="top", gradientLength=100, tickCount=3
                ),
            ),
            tooltip=[
                alt.Tooltip("weight_decay:Q", title="λ", format=".3~g"),
                alt.Tooltip("row:Q", title=title, format=".3~g"),
                alt.Tooltip("loss:Q", title=_("test loss"), format=".3f"),
            ],
        )
    )
    best = alt.Chart().encode(
        x=alt.X("best_x:Q", scale=x_scale, axis=decades, title=_("weight decay λ")),
        y=alt.Y("best_y:Q", scale=y_scale, axis=_ticks(1, 3), title=title),
    )
    ink = alt.StrokeDatum("data", scale=alt.Scale(domain=["data"], range="category"), legend=None)
    bars = best.mark_rule(strokeWidth=2.5).encode(x2="best_x2:Q", stroke=ink)
    dots = best.mark_point(opacity=1).encode(fill=_dot_key())
    layers = alt.layer(cells, bars, dots)
    return layers.resolve_scale(fill="independent", color="independent", stroke="independent")


def _ticks(*digits: int) -> alt.Axis:
    values = [float(f"{digit}e{k}") for k in range(-5, 3) for digit in digits]
    return alt.Axis(format="~g", values=values, grid=False, labelFlush=False)


def _dot_key() -> alt.Fill:
    name = _("best λ; bar: up to +10%")
    return alt.Fill(
        "points:N",
        scale=alt.Scale(domain=["data"], range="category"),
        legend=alt.Legend(
            title=None,
            orient="top",
            labelExpr=json.dumps(name),
            labelLimit=240,
            symbolType="circle",
            symbolSize=90,
            symbolStrokeWidth=0,
            symbolOpacity=1,
        ),
    )


def describe_heat_map(kind: RuleKind, table: Sweep) -> str:
    """The figure in words."""
    best = ", ".join(f"{decay:.3g}" for decay in table.best_weight_decays)
    return _(
        "Test loss of {name} for every weight decay and row; the best of these weight decays, row "
        "by row from below, are {best}."
    ).format(name=names()[kind], best=best)
