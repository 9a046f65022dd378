"""Optimizers: paths over contours for the player, the line through the houses, the heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.optimizers import AREAS, PRICES, SLOPE, Line, Loss, RuleKind, Sweep, fixed_point
from ui import theme
from ui.i18n import _
from ui.theme import Figure

Array = npt.NDArray[np.float64]

KINDS: tuple[RuleKind, ...] = ("sgd", "momentum", "adam", "adamw")
ROLES = {"sgd": "data", "momentum": "truth", "adam": "overfit", "adamw": "sound"}
SHAPES = {"sgd": "circle", "momentum": "square", "adam": "triangle", "adamw": "diamond"}
POWERS = {"rosenbrock": 0.25, "narrow_valley": 0.4}
"""Contours are evenly spaced in loss ** power; 0.5 spaces a bowl's evenly."""
N_LEVELS = 14
WIDE, HIGH = 2.1, 1.45
"""How far the field reaches around what must be seen: the shape of the widest and the highest
figure, as width over height and height over width."""
TEST_LOSS = (0.55, 1.05)
PRICE_RANGE = (0.0, 900.0)
SLOPE_RANGE = (0.0, 2.0)


class Run(NamedTuple):
    """The path of one rule, (steps + 1, 2); `lost` when it left the figure for good."""

    kind: RuleKind
    weights: Array
    lost: bool


def names() -> dict[str, str]:
    """What the rules are called on the screen."""
    return {"sgd": "SGD", "momentum": _("Momentum"), "adam": _("Adam + L2"), "adamw": "AdamW"}


def domain(loss: Loss) -> tuple[float, float, float, float]:
    """The part of the plane that the figure may show, around what it must."""
    x0, x1, y0, y1 = loss.extent
    width = max(x1 - x0, WIDE * (y1 - y0))
    height = max(y1 - y0, HIGH * (x1 - x0))
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


def field(loss: Loss, power: float = 0.5, spacing: float = 0.125) -> dict[str, Any]:
    """The heights of a loss on a grid, and its contours' levels, as the painter reads them."""
    x0, x1, y0, y1 = domain(loss)
    columns, rows = round((x1 - x0) / spacing) + 1, round((y1 - y0) / spacing) + 1
    x, y = np.meshgrid(np.linspace(x0, x1, columns), np.linspace(y0, y1, rows))
    values = loss.value(np.stack([x, y], axis=-1)) ** power
    seen = (x >= loss.extent[0]) & (x <= loss.extent[1]) & (y >= loss.extent[2])
    top = float(values[seen & (y <= loss.extent[3])].max())
    return {
        "domain": [x0, x1, y0, y1],
        "columns": columns,
        "rows": rows,
        "values": [float(f"{value:.3g}") for value in values.ravel()],
        "levels": [top * level / N_LEVELS for level in range(1, N_LEVELS + 4)],
    }


def paths(
    loss: Loss, heights: Mapping[str, Any], runs: Sequence[Run], weight_decay: float
) -> dict[str, Any]:
    """Four paths, and where each rule would end, as the painter reads them."""
    called = names()
    return {
        "view": list(loss.extent),
        "field": dict(heights),
        "axes": {"x": "w₁", "y": "w₂"},
        "shapes": _box(weight_decay),
        "paths": [
            {
                "role": ROLES[run.kind],
                "name": called[run.kind],
                "shape": SHAPES[run.kind],
                "points": np.round(run.weights, 3).clip(-1e3, 1e3).ravel().tolist(),
                "lost": run.lost,
            }
            for run in runs
        ],
        "marks": _ends(loss, weight_decay),
        "words": {"caption": _("after step {i} of {n}"), "lost": _("diverges")},
    }


def _box(weight_decay: float) -> list[dict[str, Any]]:
    """The weights that AdamW's decay can hold: every |w| at most 1/λ."""
    if weight_decay < 0.2:  # the box would lie outside the figure
        return []
    b = round(1 / weight_decay, 4)
    corners = [b, b, -b, b, -b, -b, b, -b]
    name = _("AdamW: |w| = 1/λ")
    return [{"role": "sound", "name": name, "points": corners, "closed": True, "dash": [3, 5]}]


def _ends(loss: Loss, weight_decay: float) -> list[dict[str, Any]]:
    """The points where the rules settle, named; one of them when they coincide."""
    free, held = (fixed_point(kind, loss, weight_decay) for kind in ("adamw", "adam"))
    inside = np.allclose(free, loss.minimum)
    ends = [(free, _("least loss") if inside else _("least loss in the box"), 13, -15)]
    if np.abs(free - held).max() > 0.02:
        ends.append((held, _("least loss + L2"), 13, 17))
    return [
        {"x": round(float(w[0]), 4), "y": round(float(w[1]), 4), "label": label, "dx": dx, "dy": dy}
        for w, label, dx, dy in ends
    ]


def describe_paths(runs: Sequence[Run]) -> str:
    """The figure in words."""
    called = names()
    ends = [
        _("{name} diverges").format(name=called[run.kind])
        if run.lost
        else _("{name} ends at ({w1:.2f}, {w2:.2f})").format(
            name=called[run.kind], w1=run.weights[-1][0], w2=run.weights[-1][1]
        )
        for run in runs
    ]
    return _("Paths of four optimizers over the contours of a loss: {ends}.").format(
        ends="; ".join(ends)
    )


def thumbnail(loss: Loss, runs: Sequence[Run]) -> Figure:
    """The contours and the paths in small, without words: for a card."""
    angles = np.linspace(0, 2 * np.pi, 73)
    turn = np.linalg.cholesky(np.linalg.inv(loss.hessian))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ turn.T
    lines = [(loss.minimum + radius * circle, "muted") for radius in (1, 2.5, 4, 6, 8, 11)]
    lines += [(run.weights, ROLES[run.kind]) for run in runs]
    rows = [
        (w1, w2, role, curve, step)
        for curve, (points, role) in enumerate(lines)
        for step, (w1, w2) in enumerate(points)
    ]
    frame = pd.DataFrame(rows, columns=["w1", "w2", "role", "curve", "step"])
    return Figure(_small_grammar, frame, loss.extent)


def _small_grammar(x0: float, x1: float, y0: float, y1: float) -> alt.LayerChart:
    base = alt.Chart().encode(
        x=alt.X("w1:Q", axis=None, scale=theme.fixed(x0, x1)),
        y=alt.Y("w2:Q", axis=None, scale=theme.fixed(y0, y1)),
        color=theme.colour(),
        detail="curve:N",
        order="step:Q",
    )
    contours = base.transform_filter("datum.role == 'muted'")
    return alt.layer(
        contours.mark_line(clip=True, strokeWidth=1, opacity=0.7),
        base.transform_filter("datum.role != 'muted'").mark_line(clip=True),
    )


def houses(line: Line) -> Figure:
    """The five houses, the line through them and the line found."""
    x = np.array([0.0, 550.0])
    frame = pd.DataFrame({"x": x, "truth": SLOPE * x, "sound": line.slope * x + line.intercept})
    points = pd.DataFrame({"area": AREAS, "price": PRICES, "points": "data"})
    return Figure(_houses, pd.concat([frame, points], axis=1))


def _houses() -> alt.LayerChart:
    names = {"truth": _("slope 1.5"), "sound": _("AdamW")}
    x = alt.X("x:Q", title=_("area"), axis=alt.Axis(tickCount=6), scale=theme.fixed(0, 550))
    y = alt.Axis(title=_("price"), tickCount=6)
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{role}:Q", axis=y, scale=theme.fixed(*PRICE_RANGE)))
        for role in names
    ]
    dots = (
        alt.Chart()
        .mark_point(clip=True, opacity=1)
        .encode(
            x=alt.X("area:Q", scale=theme.fixed(0, 550)),
            y=alt.Y("price:Q", axis=y, scale=theme.fixed(*PRICE_RANGE)),
            fill=theme.ink(_("houses")),
            tooltip=[
                alt.Tooltip("area:Q", title=_("area")),
                alt.Tooltip("price:Q", title=_("price")),
            ],
        )
    )
    return alt.layer(*lines, dots, theme.key(names))


def slopes(line: Line, plain: Line, n_steps: int) -> Figure:
    """The slope step by step, with decay and without."""
    steps = np.unique(np.geomspace(1, n_steps, 120).round().astype(int))
    frame = pd.DataFrame({"step": steps, "truth": SLOPE})
    for role, each in (("sound", line), ("data", plain)):
        frame[role] = pd.Series(each.slopes[steps[steps < len(each.slopes)]])
    return Figure(_slopes, frame)


def _slopes() -> alt.LayerChart:
    names = {"sound": _("with decay λ"), "data": _("λ = 0")}
    x = alt.X(
        "step:Q",
        title=_("step"),
        scale=alt.Scale(type="log", domain=[1, 10_000], nice=False),
        axis=alt.Axis(values=[1, 10, 100, 1000, 10_000], format="~s"),
    )
    y = alt.Axis(title=_("slope"), tickCount=5)
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{role}:Q", axis=y, scale=theme.fixed(*SLOPE_RANGE)))
        for role in ("truth", *reversed(names))
    ]
    goal = (
        alt.Chart()
        .transform_filter("datum.step == 1")
        .mark_text(align="left", baseline="bottom", dx=6, dy=-4)
        .encode(x=x, y=alt.Y("truth:Q", axis=y), text=alt.value(_("slope 1.5")))
    )
    return alt.layer(*lines, goal, theme.key(names))


def describe_houses(line: Line, plain: Line) -> str:
    """Both figures in words."""
    return _(
        "Five houses on the line of slope 1.5. AdamW found slope {slope:.3f} with decay and "
        "{plain:.3f} without."
    ).format(slope=line.slope, plain=plain.slope)


def heat_map(table: Sweep, axis: str) -> Figure:
    """Test loss for every weight decay and learning rate (or loss scale), the best of a row marked.

    Cells that diverged stay empty.
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
    best = pd.DataFrame({"best_x": table.best_weight_decays, "best_y": rows, "points": "data"})
    limits = (float(left[0]), float(right[-1]), float(low[0]), float(high[-1]))
    return Figure(_heat_map, pd.concat([frame, best], axis=1), (axis, *limits))


def _edges(centres: Array) -> tuple[Array, Array]:
    """Where the cells around evenly spaced logarithms begin and end."""
    half = (centres[1] / centres[0]) ** 0.5
    return centres / half, centres * half


def _heat_map(axis: str, left: float, right: float, low: float, high: float) -> alt.LayerChart:
    x_scale = alt.Scale(type="log", domain=[left, right], nice=False)
    y_scale = alt.Scale(type="log", domain=[low, high], nice=False)
    decades = alt.Axis(format="~g", tickCount=5, grid=False, labelFlush=False)
    title = _("learning rate") if axis == "learning_rate" else _("loss scale")
    cells = (
        alt.Chart()
        .mark_rect()
        .encode(
            x=alt.X("x:Q", title=_("weight decay λ"), scale=x_scale, axis=decades),
            x2="x2:Q",
            y=alt.Y("y:Q", title=title, scale=y_scale, axis=decades),
            y2="y2:Q",
            color=alt.Color(
                "loss:Q",
                scale=alt.Scale(domain=list(TEST_LOSS), clamp=True),
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
        y=alt.Y("best_y:Q", scale=y_scale, axis=decades, title=title),
    )
    dots = best.mark_point(opacity=1).encode(fill=theme.ink(_("best λ of a row")))
    return alt.layer(cells, dots).resolve_scale(fill="independent", color="independent")


def describe_heat_map(kind: RuleKind, table: Sweep) -> str:
    """The figure in words."""
    best = ", ".join(f"{decay:.3g}" for decay in table.best_weight_decays)
    return _(
        "Test loss of {name} for every weight decay and row; the best weight decays, row by row "
        "from below, are {best}."
    ).format(name=names()[kind], best=best)
