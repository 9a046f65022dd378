"""The regression that memorises: its losses by epoch for the player, and against λ."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import Regression
from ui import theme
from ui.charts.weight_decay import Painted
from ui.i18n import _
from ui.theme import Figure

ZERO = 4e-5  # where λ = 0 stands on a logarithmic axis
USUAL = (1e-4, 1e-1)


def regression(run: Regression, without: Regression, epochs: int) -> Painted:
    """Training and test loss of a run by epoch, and the test loss without decay beside them."""
    names = {
        "data": (_("training loss"), run.train_loss),
        "validation": (_("test loss"), run.test_loss),
        "muted": (_("test loss at λ = 0"), without.test_loss),
    }
    if run.weight_decay == 0:
        del names["muted"]
    return {
        "curves": [
            {
                "role": role,
                "name": name,
                "values": [float(f"{value:.4g}") for value in values],
                "dash": [4, 4] if role == "muted" else [],
                "cross": role != "muted" and run.diverged_at is not None,
            }
            for role, (name, values) in names.items()
        ],
        "epochs": epochs,
        "decades": [-6, 4],
        "axes": {"x": _("epoch"), "y": _("mean squared error (log scale)")},
        "words": {
            "caption": _("epoch {i}: training loss {0}, test loss {1}"),
            "lost": _("epoch {i}: the weights have left all bounds"),
        },
    }


def regression_description(run: Regression) -> str:
    """The figure in words."""
    return _(
        "Training and test loss by epoch on a logarithmic axis, at λ = {decay:g}. At the end the "
        "training loss is {train:.2g} and the test loss {test:.2g}."
    ).format(decay=run.weight_decay, train=run.train_loss[-1], test=run.test_loss[-1])


def sweep(runs: Sequence[Regression], named: Sequence[float], now: float, bound: float) -> Figure:
    """The losses after training against λ, with the `named` λ's, the present one and the bound.

    Runs that diverge have no point; `bound` is the λ from which on they must, or infinity.
    """
    curves = pd.DataFrame(
        {
            "decay": [max(run.weight_decay, ZERO) for run in runs],
            "data": [_ending(run, run.train_loss) for run in runs],
            "validation": [_ending(run, run.test_loss) for run in runs],
        }
    )
    named_at = pd.DataFrame({"named": [max(decay, ZERO) for decay in named]})
    none, *others = _names()
    named_at["none"], named_at["name"] = [none, "", "", ""], ["", *others]
    here = curves[np.isclose(curves["decay"], max(now, ZERO))].reset_index(drop=True)
    here.columns = ["here", "here_data", "here_validation"]
    band = pd.DataFrame({"low": [USUAL[0]], "high": [USUAL[1]], "usual": [_("usual choices")]})
    edge = pd.DataFrame({"bound": [bound], "bound_name": ["2/η"]})
    if np.isinf(bound):
        edge = edge[:0]
    frame = pd.concat([curves, named_at, here, band, edge], axis=1)
    return Figure(_sweep, frame)


def _ending(run: Regression, loss: np.ndarray) -> float:
    return float("nan") if run.diverged_at is not None else max(float(loss[-1]), 1e-30)


def _names() -> list[str]:
    return [_("none"), _("small"), _("fit"), _("too much")]


def _sweep() -> alt.LayerChart:
    label = "datum.value < 9e-5 ? '0' : format(datum.value, '~g')"
    x = alt.Axis(
        title=_("weight decay λ (log scale)"),
        values=[ZERO, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000],
        labelExpr=label,
        grid=False,
        labelFlush=False,
    )
    across = alt.Scale(type="log", domain=[ZERO * 0.8, 1500], nice=False)
    y = alt.Axis(
        title=_("mean squared error after training"),
        values=[10.0**k for k in range(-6, 5, 2)],
        format="~e",
    )
    up = alt.Scale(type="log", domain=[1e-6, 1e4], nice=False, clamp=True)

    def place(field: str) -> alt.X:
        return alt.X(f"{field}:Q", axis=x, scale=across)

    top = alt.YValue(0)
    bottom = alt.Y2Value(alt.ExprRef("height"))
    lines = [
        theme.line(role, point=False).encode(
            x=place("decay"), y=alt.Y(f"{role}:Q", axis=y, scale=up)
        )
        for role in ("data", "validation")
    ]
    points = [
        theme.tinted(role)
        .mark_point(size=130, opacity=1)
        .encode(x=place("here"), y=alt.Y(f"here_{role}:Q", axis=y, scale=up))
        for role in ("data", "validation")
    ]
    band = theme.tinted("muted").mark_rect(opacity=0.2, strokeWidth=0)
    words = theme.tinted("data")
    return alt.layer(
        band.encode(x=place("low"), x2="high:Q", y=top, y2=bottom),
        words.mark_text(strokeWidth=0, align="left", dx=6).encode(
            x=place("low"), y=alt.YValue(alt.ExprRef("height - 12")), text="usual:N"
        ),
        theme.tinted("muted")
        .mark_rule(strokeDash=[3, 4])
        .encode(x=place("named"), y=top, y2=bottom),
        words.mark_text(strokeWidth=0, align="left", dx=5, dy=9).encode(
            x=place("named"), y=top, text="none:N"
        ),
        words.mark_text(strokeWidth=0, align="right", dx=-5, dy=9).encode(
            x=place("named"), y=top, text="name:N"
        ),
        theme.tinted("overfit").mark_rule(strokeWidth=2).encode(x=place("bound"), y=top, y2=bottom),
        theme.tinted("overfit")
        .mark_text(strokeWidth=0, align="left", dx=5, dy=9)
        .encode(x=place("bound"), y=alt.YValue(22), text="bound_name:N"),
        *lines,
        *points,
        theme.key({"data": _("training loss"), "validation": _("test loss")}),
    )


def sweep_description(runs: Sequence[Regression]) -> str:
    """The figure in words."""
    best = min(
        (run for run in runs if run.diverged_at is None), key=lambda run: float(run.test_loss[-1])
    )
    return _(
        "Training and test loss after training against λ on logarithmic axes. The test loss is "
        "smallest, {test:.2g}, at λ = {decay:g}."
    ).format(test=best.test_loss[-1], decay=best.weight_decay)
