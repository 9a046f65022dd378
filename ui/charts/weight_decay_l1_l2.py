"""L1 against L2: what one step of each makes of a weight, and the weights after training."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import SparseRegression, soft_threshold
from ui import theme
from ui.i18n import _
from ui.theme import Figure

REACH = 1.6  # of the weights' axis, where none is larger


def penalty_steps(fit: SparseRegression) -> Figure:
    """What one step of each penalty alone makes of a weight: soft threshold and shrinking."""
    w = np.linspace(-0.6, 0.6, 121)
    frame = pd.DataFrame(
        {
            "w": w,
            "muted": w,
            "l1": soft_threshold(w, fit.learning_rate * fit.l1.penalty),
            "l2": w / (1 + 2 * fit.learning_rate * fit.l2.penalty),
        }
    )
    return Figure(_penalty_steps, frame)


def _penalty_steps() -> alt.LayerChart:
    names = {"muted": _("no penalty"), "l1": _("L1: soft threshold"), "l2": _("L2: shrink")}
    scale = theme.fixed(-0.6, 0.6)
    return alt.layer(
        *[
            theme.line(role).encode(
                x=alt.X("w:Q", axis=alt.Axis(title=_("weight before"), tickCount=5), scale=scale),
                y=alt.Y(
                    f"{role}:Q", axis=alt.Axis(title=_("weight after"), tickCount=5), scale=scale
                ),
            )
            for role in names
        ],
        theme.key(names),
    )


def steps_description(fit: SparseRegression) -> str:
    """That figure in words."""
    return _(
        "What one step of each penalty alone makes of a weight: L1 takes {amount:.2g} off its size "
        "and stops at 0, L2 leaves {share:.2%} of it."
    ).format(
        amount=fit.learning_rate * fit.l1.penalty,
        share=1 / (1 + 2 * fit.learning_rate * fit.l2.penalty),
    )


def sparse_weights(fit: SparseRegression) -> Figure:
    """Every weight after training beside the true one; those that are exactly 0 are rings."""
    number = np.arange(1, len(fit.truth) + 1)
    columns = {"from": number - 0.45, "to": number + 0.45, "truth": fit.truth}
    for order, run, shift in (("l1", fit.l1, -0.2), ("l2", fit.l2, 0.2)):
        zero = run.weights == 0
        columns[f"{order}_at"] = number + shift
        columns[f"{order}_zero"] = np.where(zero, 0.0, np.nan)
        columns[f"{order}_kept"] = np.where(zero, np.nan, run.weights)
    frame = pd.DataFrame(columns)
    largest = max(float(np.abs(run.weights).max()) for run in (fit.l1, fit.l2))
    reach = max(REACH, float(np.ceil(2 * largest) / 2))
    return Figure(_sparse_weights, frame, (len(number), reach))


def _sparse_weights(n: int, reach: float) -> alt.LayerChart:
    names = {"truth": _("truth"), "l1": _("L1; a ring: exactly 0"), "l2": "L2"}
    x = alt.Axis(title=_("number of the weight"), values=[1, *range(5, n + 1, 5)], grid=False)
    y = alt.Axis(title=_("weight after training"), tickCount=6)
    across, up = theme.fixed(0.2, n + 0.8), theme.fixed(-reach, reach)

    def place(chart: alt.Chart, across_field: str, field: str) -> alt.Chart:
        return chart.encode(
            x=alt.X(f"{across_field}:Q", axis=x, scale=across),
            y=alt.Y(f"{field}:Q", axis=y, scale=up),
        )

    layers = [
        place(theme.tinted("truth").mark_rule(strokeWidth=3), "from", "truth").encode(x2="to:Q")
    ]
    for order in ("l2", "l1"):
        at = f"{order}_at"
        stem = place(theme.tinted(order).mark_rule(strokeWidth=2, clip=True), at, f"{order}_kept")
        layers += [
            stem.encode(y2=alt.Y2Datum(0)),
            place(
                theme.tinted(order).mark_point(size=45, opacity=1, clip=True), at, f"{order}_kept"
            ),
            place(
                theme.tinted(order).mark_point(
                    size=55, filled=False, fillOpacity=0, strokeWidth=1.8
                ),
                at,
                f"{order}_zero",
            ),
        ]
    return alt.layer(*layers, theme.key(names))


def sparse_description(fit: SparseRegression) -> str:
    """The figure in words."""
    return _(
        "{n} weights after training under L1 and under L2. Exactly 0 are {l1} under L1 and {l2} "
        "under L2."
    ).format(n=len(fit.truth), l1=fit.l1.n_zeros, l2=fit.l2.n_zeros)
