"""Canyons: descents in parabolas, for the player and for a card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import Canyon, canyon_descent
from ui import theme
from ui.i18n import _
from ui.theme import Figure

Painted = dict[str, Any]
"""What a painter of the player draws from."""

RATES = (0.005, 2.0)
REACH = 4.6  # half of the width in x, where nothing starts further out
ROUNDING = 1e-12  # of the factor of a step


def canyons(descents: Sequence[Canyon], own: float, height: float) -> Painted:
    """Descents that start at the same height, each in its canyon; that of a = `own` stands out."""
    rate = descents[0].learning_rate
    start = max(abs(float(canyon.x[0])) for canyon in descents)
    return {
        "canyons": [
            {
                "a": canyon.a,
                "name": f"a = {canyon.a:g}",
                "x": [float(f"{x:.4g}") for x in canyon.x],
                "safe": descends(canyon),
                "own": canyon.a == own,
            }
            for canyon in descents
        ],
        "height": height,
        "reach": max(REACH, 1.07 * start),
        "rate": rate,
        "rates": RATES,
        "ticks": [0.01, 0.1, 1],
        "words": {
            "x": "x",
            "y": "y = a·x²",
            "ladder": _("learning rate η (log scale); safe in the bar"),
            "rate": f"η = {rate:g}",
            "bound": "2/L = {rate}",
            "caption": _("step {i}: x = {x} in the canyon a = {a}").replace("{a}", f"{own:g}"),
            "out": _("step {i}: thrown out of the canyon a = {a}").replace("{a}", f"{own:g}"),
        },
    }


def descends(canyon: Canyon) -> bool:
    """Whether x goes to zero; at 2/L it jumps to and fro for ever (up to rounding)."""
    return abs(canyon.factor) < 1 - ROUNDING


def leaves(canyon: Canyon) -> bool:
    """Whether every step leads further out."""
    return abs(canyon.factor) > 1 + ROUNDING


def canyons_description(descents: Sequence[Canyon]) -> str:
    """The figure in words."""
    safe = ", ".join(f"{c.a:g}" for c in descents if descends(c))
    out = ", ".join(f"{c.a:g}" for c in descents if not descends(c))
    if safe and out:
        ends = _("It comes down for a = {safe}; it does not for a = {out}.")
    elif safe:
        ends = _("It comes down in every canyon: a = {safe}.")
    else:
        ends = _("It comes down in none of the canyons: a = {out}.")
    words = _("Parabolas a·x² with gradient descent at learning rate {rate:g}.")
    return f"{words} {ends}".format(rate=descents[0].learning_rate, safe=safe, out=out)


def thumbnail() -> Figure:
    """Three canyons and a descent in each, without words: for a card."""
    x = np.linspace(-4.6, 4.6, 93)
    parts = [pd.DataFrame({"x": x} | {f"curve_{a}": a * x**2 for a in (1, 5, 50)})]
    for a in (1, 5):
        path = canyon_descent(a, 0.15, np.sqrt(18 / a), 10)
        parts.append(pd.DataFrame({f"x_{a}": path.x, f"path_{a}": path.height}))
    return Figure(_small_grammar, pd.concat(parts, axis=1))


def _small_grammar() -> alt.LayerChart:
    across, up = theme.fixed(-4.6, 4.6), theme.fixed(0, 20)

    def line(role: str, x: str, y: str, **marks: Any) -> alt.Chart:
        return theme.line(role, **marks).encode(
            x=alt.X(f"{x}:Q", axis=None, scale=across),
            y=alt.Y(f"{y}:Q", axis=None, scale=up),
            order=f"{x}:Q" if y.startswith("curve") else alt.Undefined,
        )

    curves = [
        line(role, "x", f"curve_{a}") for a, role in ((1, "sound"), (5, "sound"), (50, "overfit"))
    ]
    # in the order of the steps, not of x
    paths = [
        line("data", f"x_{a}", f"path_{a}", strokeWidth=1.2, point=True).encode(
            order=alt.Order(f"path_{a}:Q", sort="descending")
        )
        for a in (1, 5)
    ]
    return alt.layer(*curves, *paths)
