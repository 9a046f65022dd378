"""The constraint figures: contours of a quadratic loss, balls, the points where they meet.

What is drawn by `ui.plane` is given to it as plain data, with colours as roles. `thumbnail` is a
small chart for a card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.constraints import Array, ConstrainedMinimum, Contact, Kkt, Quadratic, ball, ellipse
from ui import theme
from ui.i18n import _
from ui.theme import Figure

REACH = 4.5
"""How far each panel shows the plane, at least."""
LIMIT = 7.0
"""And at most, where it is wider than high or the other way round."""
RANGE = 4.0
"""How far the unconstrained optimum can be moved."""
N = 97
SIZES = [0.8 * k for k in range(1, 10)]
LEVELS = [0.5 * size**2 for size in SIZES]


@dataclass(frozen=True)
class Norm:
    """A norm on the screen: its key in read-outs, its order, its name and its colour's role."""

    key: str
    order: float
    name: str
    role: str


@dataclass(frozen=True)
class Panel:
    """What one norm adds to the picture."""

    norm: Norm
    title: str
    weights: Array
    budget: float


def flat(points: Array) -> list[float]:
    """Points of shape (n, 2) as x, y, x, y."""
    return np.round(points, 3).ravel().tolist()


def plane(
    loss: Quadratic, panels: Sequence[dict[str, Any]], legend: Sequence[dict[str, Any]]
) -> Any:
    """Panels of `ui.plane` over the contours of the loss."""
    contours = {
        "role": "muted",
        "points": _unit(loss),
        "scales": SIZES,
        "centred": True,
        "closed": True,
        "width": 1.2,
    }
    return {
        "axes": ["w₁", "w₂"],
        "reach": REACH,
        "limit": LIMIT,
        "range": RANGE,
        "step": 0.05,
        "center": loss.center.tolist(),
        "shapes": [contours],
        "panels": list(panels),
        "legend": [{"mark": "lines", "role": "muted", "name": _("contours of the loss")}, *legend],
    }


def _unit(loss: Quadratic) -> list[float]:
    """The contour of level 1/2 about the optimum; that of level s²/2 is s times as large."""
    return flat((ellipse(loss, 0.5, N) - loss.center)[:-1])


def ball_shape(panel: Panel) -> dict[str, Any]:
    return {
        "role": panel.norm.role,
        "points": flat(ball(panel.norm.order, panel.budget, N)[:-1]),
        "closed": True,
        "fill": 0.14,
        "width": 2.4,
    }


def panel(
    loss: Quadratic, one: Panel, *, level: float, contact: Contact | None, forces: Kkt | None
) -> dict[str, Any]:
    """The chosen contour, the ball, the solution, the forces there, and the points in common."""
    shapes = [ball_shape(one)]
    if level > 0:
        shapes.append(
            {
                "role": "data",
                "points": _unit(loss),
                "scales": [round(math.sqrt(2 * level), 4)],
                "centred": True,
                "closed": True,
                "width": 2,
            }
        )
    arrows: list[dict[str, Any]] = []
    if forces is not None:
        wedge, arrows = _forces(one, forces)
        shapes += wedge
    common = [] if contact is None or contact.kind != "crossing" else contact.points.tolist()
    return {
        "title": one.title,
        "role": one.norm.role,
        "shapes": shapes,
        "arrows": arrows,
        "dots": [
            {"role": "data", "at": [round(w, 3) for w in point], "ring": True} for point in common
        ]
        + [solution_dot(one)],
    }


def solution_dot(one: Panel) -> dict[str, Any]:
    return {"role": one.norm.role, "at": np.round(one.weights, 4).tolist(), "label": "w*"} | (
        {"dx": -11, "dy": 13}
    )


def _forces(one: Panel, forces: Kkt) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The cone of the penalty's gradients, as a shape or an arrow, and −∇L as an arrow."""
    at = np.round(forces.weights, 4).tolist()
    size = float(np.hypot(*forces.force))
    if size < 1e-9:
        return [], []
    length = float(np.clip(0.5 * size, 1.0, 2.2))
    pull = {"role": "data", "from": at, "by": np.round(forces.force / size * length, 4).tolist()}
    rays = forces.rays / np.linalg.norm(forces.rays, axis=1, keepdims=True)
    reach = length + 0.5
    if len(rays) == 1:
        by = np.round(rays[0] * reach, 4).tolist()
        return [], [{"role": one.norm.role, "from": at, "by": by, "width": 5}, pull]
    wedge = {
        "role": one.norm.role,
        "points": flat(forces.weights + np.vstack([np.zeros(2), _fan(rays, forces) * reach])),
        "closed": True,
        "fill": 0.4,
        "width": 0,
    }
    return [wedge], [pull]


def _fan(rays: Array, forces: Kkt) -> Array:
    """Directions (n, 2) from one extreme ray to the other, on the side of the force."""
    if len(rays) > 2:  # at the origin: all directions
        angles = np.linspace(0, 2 * np.pi, 25)
    else:
        toward = math.atan2(forces.weights[1], forces.weights[0])
        turns = [
            (math.atan2(ray[1], ray[0]) - toward + math.pi) % (2 * math.pi) - math.pi
            for ray in rays
        ]
        angles = toward + np.linspace(min(turns), max(turns), 13)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def thumbnail(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> Figure:
    """The figure in small, without words: for a card."""
    return Figure(_thumbnail, _frame(loss, norm_order, budget, solution))


def _frame(
    loss: Quadratic, norm_order: int, budget: float, solution: ConstrainedMinimum
) -> pd.DataFrame:
    touching = float(loss.value(solution.weights))
    role = f"l{norm_order}"
    parts: list[tuple[Array, str, str]] = [
        *((ellipse(loss, level, N), "muted", "contour") for level in LEVELS[:7]),
        (ball(norm_order, budget, N), role, "line"),
        (ellipse(loss, touching, N), "data", "line"),
        (loss.center[None], "data", "c"),
        (solution.weights[None], role, "w*"),
    ]
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


def _thumbnail() -> alt.LayerChart:
    def axis(channel: type[alt.X] | type[alt.Y], field: str, length: str) -> alt.X | alt.Y:
        # One unit is as long on both axes, whatever the figure's width: circles stay round.
        reach = f"{REACH} * {length} / height"
        low, high = alt.ExprRef(f"-{reach}"), alt.ExprRef(reach)
        scale = alt.Scale(domainMin=low, domainMax=high, nice=False, zero=False)
        return channel(f"{field}:Q", axis=None, scale=scale)

    base = alt.Chart().encode(
        x=axis(alt.X, "w1", "width"), y=axis(alt.Y, "w2", "height"), color=theme.colour()
    )
    lines = base.encode(detail="curve:N", order="step:Q")
    centre = base.transform_filter("datum.kind == 'c'")
    answer = base.transform_filter("datum.kind == 'w*'")
    zero = centre.mark_rule(opacity=0.3, strokeWidth=1)
    width, height = alt.ExprRef("width"), alt.ExprRef("height")
    return alt.layer(
        zero.encode(y=alt.YDatum(0, axis=None), x=alt.XValue(0), x2=alt.X2Value(width)),
        zero.encode(x=alt.XDatum(0, axis=None), y=alt.YValue(0), y2=alt.Y2Value(height)),
        lines.transform_filter("datum.kind == 'contour'").mark_line(clip=True, strokeWidth=1.2),
        lines.transform_filter("datum.kind == 'line'").mark_line(clip=True),
        centre.mark_point(shape="cross", size=130, opacity=1, clip=True),
        answer.mark_point(shape="circle", size=190, opacity=1, clip=True),
    )
