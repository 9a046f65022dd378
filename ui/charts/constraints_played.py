"""What the player plays on the constraints screen: descents, clouds of losses, rolling balls."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.constraints import Array, Descent, Quadratic, Roll, ZeroShare, ball
from ui.charts.constraints import LEVELS, LIMIT, REACH, N, Norm, flat
from ui.i18n import _


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
