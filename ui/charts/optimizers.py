"""Optimizers: the paths of the rules over contours, for the player and for a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.optimizers import Loss, RuleKind, fixed_point
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


class Run(NamedTuple):
    """The path of one rule, (steps + 1, 2); `lost` when it ends outside the figure.

    `diverged` when that is because a weight has passed all bounds.
    """

    kind: RuleKind
    weights: Array
    lost: bool
    diverged: bool = False


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
                "word": _("diverges") if run.diverged else _("leaves the figure"),
            }
            for run in runs
        ],
        "marks": _ends(loss, weight_decay),
        "words": {"caption": _("after step {i} of {n}")},
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
        (
            _("{name} diverges")
            if run.diverged
            else _("{name} ends outside the figure")
            if run.lost
            else _("{name} ends at ({w1:.2f}, {w2:.2f})")
        ).format(name=called[run.kind], w1=run.weights[-1][0], w2=run.weights[-1][1])
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
