"""The constraint figures: contours of a quadratic loss, balls, the points where they meet, paths.

What is drawn by `ui.plane` and `ui.player` is given to them as plain data, with colours as roles.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.constraints import (
    Array,
    ConstrainedMinimum,
    Contact,
    Descent,
    Kkt,
    Quadratic,
    RegularizationPath,
    Roll,
    ZeroShare,
    ball,
    ellipse,
)
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


# ---- the plane


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


def _ball(panel: Panel) -> dict[str, Any]:
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
    shapes = [_ball(one)]
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
        + [_solution(one)],
    }


def _solution(one: Panel) -> dict[str, Any]:
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


def map_panel(one: Panel, masks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The ball and the solution over the map of zeros."""
    ground = _ball(one) | {"fill": 0}
    return {
        "title": one.title,
        "role": one.norm.role,
        "masks": list(masks),
        "shapes": [ground],
        "dots": [_solution(one)],
    }


def masks(codes: npt.NDArray[np.uint8], reach: float) -> list[dict[str, Any]]:
    """Where w₁ and where w₂ is zero, as pictures; `codes` (n, n) are those of a `ZeroMap`."""
    edge = reach * (1 + 1 / (len(codes) - 1))  # half a pixel more on each side
    return [
        {"role": role, "png": _png((codes[::-1] & bit) > 0), "extent": [-edge, edge, -edge, edge]}
        for bit, role in ((1, "truth"), (2, "sound"))
        if (codes & bit).any()
    ]


def _png(white: npt.NDArray[np.bool_]) -> str:
    """A black and white picture as a data URL."""
    height, width = white.shape
    rows = np.packbits(white, axis=1)
    raw = np.column_stack([np.zeros(height, dtype=np.uint8), rows]).tobytes()

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    picture = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    return "data:image/png;base64," + base64.b64encode(picture).decode()


# ---- the paths


@dataclass(frozen=True)
class Track:
    """The way of the weights under one norm; `share` (n,) is the budget's part of all it takes."""

    key: str
    name: str
    role: str
    share: Array
    path: RegularizationPath
    kinks: Array


def path_panel(title: str, tracks: Sequence[Track], balls: Sequence[Panel]) -> dict[str, Any]:
    """All paths in one plane, the kinks as rings, and the solutions at the present budget."""
    shapes = [_ball(one) | {"fill": 0, "width": 1} for one in balls]
    shapes += [
        {
            "role": track.role,
            "points": flat(track.path.weights),
            "width": 3,
            "dash": "9 5" if track.role == "sound" else "",
        }
        for track in tracks
    ]
    kinks = [
        {"role": track.role, "at": kink.tolist(), "ring": True}
        for track in tracks
        for kink in track.kinks
    ]
    here = [{"role": one.norm.role, "at": np.round(one.weights, 4).tolist()} for one in balls]
    return {"title": title, "shapes": shapes, "dots": [*kinks, *here]}


def profile(tracks: Sequence[Track], axis: int) -> Figure:
    """One weight along the paths, over the budget as a share of what the optimum c takes."""
    longest = max(len(track.share) for track in tracks)
    frame = {}
    for track in tracks:
        fill = np.full(longest - len(track.share), np.nan)
        frame[f"x_{track.key}"] = np.concatenate([track.share, fill])
        frame[track.key] = np.concatenate([track.path.weights[:, axis], fill])
        dots = np.full(longest, np.nan)
        if track.key == "l1":
            for kink in track.kinks:
                dots[np.abs(track.path.weights - kink).sum(axis=1).argmin()] = kink[axis]
            frame["kink"] = dots
    names = tuple((track.key, track.role) for track in tracks)
    weights = np.concatenate([track.path.weights[:, axis] for track in tracks])
    low, high = math.floor(weights.min()), math.ceil(weights.max())
    return Figure(_profile, pd.DataFrame(frame), (names, axis, low, max(high, low + 1)))


def _profile(names: tuple[tuple[str, str], ...], axis: int, low: int, high: int) -> alt.LayerChart:
    title = "w₁" if axis == 0 else "w₂"
    across = alt.Axis(format="%", tickCount=5, grid=False)
    label = _("budget, as a share of the norm of c")

    def at(key: str, field: str) -> dict[str, Any]:
        x = alt.X(f"x_{key}:Q", title=label, scale=theme.fixed(0, 1), axis=across)
        y = alt.Y(
            f"{field}:Q", title=title, scale=theme.fixed(low, high), axis=alt.Axis(tickCount=4)
        )
        return {"x": x, "y": y}

    lines = [theme.line(role).encode(**at(key, key)) for key, role in names]
    kinks = theme.tinted("l1").mark_point(opacity=1, clip=True).encode(**at("l1", "kink"))
    return alt.layer(*lines, kinks)


# ---- what the player plays


def descents(
    loss: Quadratic,
    runs: Sequence[tuple[str, str, str, Descent]],
    marks: Sequence[tuple[Array, str, str]],
    caption: str,
) -> dict[str, Any]:
    """Paths of descent over the loss: (role, name, shape, run) each, and places with a name."""
    side = np.linspace(-LIMIT, LIMIT, 57)
    heights = loss.value(np.stack(np.meshgrid(side, side), axis=-1))
    return {
        "view": [-REACH, REACH, -REACH, REACH],
        "field": {
            "domain": [-LIMIT, LIMIT, -LIMIT, LIMIT],
            "columns": len(side),
            "rows": len(side),
            "values": np.round(heights, 2).ravel().tolist(),
            "levels": LEVELS,
        },
        "axes": {"x": "w₁", "y": "w₂"},
        "paths": [
            {
                "role": role,
                "name": name,
                "points": flat(run.weights),
                "shape": shape,
                "dash": [5, 4] if shape == "diamond" else [],
                "lost": run.diverged,
            }
            for role, name, shape, run in runs
        ],
        "marks": [
            {"x": float(w[0]), "y": float(w[1]), "label": label, "role": role}
            for w, label, role in marks
        ],
        "words": {"caption": caption},
    }


def clouds(
    shares: Sequence[tuple[Norm, ZeroShare]], budget: float, n_frames: int, caption: str
) -> dict[str, Any]:
    """The random optima and their solutions, as many in each frame, and the share so far."""
    panels = []
    for norm, share in shares:
        n = len(share.codes)
        counts = np.linspace(0, n, n_frames + 1).round().astype(int)[1:]
        so_far = np.cumsum(share.codes != 0)[counts - 1] / counts
        panels.append(
            {
                "role": norm.role,
                "name": norm.name,
                "centers": _pack(share.centers),
                "weights": _pack(share.weights),
                "codes": "".join(map(str, share.codes.tolist())),
                "counts": counts.tolist(),
                "shares": np.round(so_far, 4).tolist(),
                "ball": flat(ball(norm.order, budget, N)),
            }
        )
    return {
        "panels": panels,
        "reach": 10.4,
        "axes": {"x": "w₁", "y": "w₂"},
        "words": {
            "caption": caption,
            "share": _("{share} % with an exact zero"),
            "zero": _("optimum c whose solution has a zero"),
            "none": _("optimum c whose solution has none"),
            "solution": _("solutions w*, on the ball"),
        },
    }


def _pack(points: Array) -> str:
    """Points of shape (n, 2) as 16-bit integers, thousandths, in base64."""
    return base64.b64encode(np.round(points * 1000).astype("<i2").tobytes()).decode()


def rolls(panels: Sequence[dict[str, Any]], reach: float, caption: str) -> dict[str, Any]:
    """Balls on curves, and the pushes that they feel; see `painters/rolls.js`."""
    return {
        "panels": list(panels),
        "reach": reach,
        "axes": {"theta": "θ", "height": _("penalty"), "push": _("push, −slope")},
        "words": {"caption": caption},
    }


def roll_panel(
    title: str, role: str, penalty: float, order: int, balls: Sequence[tuple[str, bool, Roll]]
) -> dict[str, Any]:
    """|θ| or θ², with balls on it: (name, hollow, roll) each."""
    top = max(penalty, 1e-9)
    return {
        "title": title,
        "role": role,
        "order": order,
        "penalty": top,
        "balls": [
            {
                "name": name,
                "hollow": hollow,
                "positions": np.round(np.clip(roll.positions, -99, 99), 4).tolist(),
                "pushes": np.round(np.clip(roll.pushes, -1e4, 1e4), 4).tolist(),
            }
            for name, hollow, roll in balls
        ],
    }


# ---- the card on the home screen


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
