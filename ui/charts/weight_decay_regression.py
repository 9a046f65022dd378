"""The regression that memorises: its losses by epoch for the player, and against λ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import altair as alt
import numpy as np
import pandas as pd

from sim.weight_decay import Regression
from ui import theme
from ui.charts.weight_decay import Painted
from ui.i18n import _
from ui.numbers import number
from ui.theme import Figure

ZERO = 4e-5  # where λ = 0 stands on a logarithmic axis
USUAL = (1e-4, 1e-1)
LAST = 1500.0  # where that axis ends
N_NAMES = 4
DECADES = (-6, 4)  # of the losses' axis, where none is larger


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
        "decades": [DECADES[0], _top(curve for _name, curve in names.values())],
        "axes": {"x": _("epoch"), "y": _("mean squared error (log scale)")},
        "words": {
            "caption": _("epoch {i}: training loss {0}, test loss {1}"),
            "lost": _("epoch {i}: the weights have left all bounds"),
        },
    }


def _top(curves: Iterable[np.ndarray]) -> int:
    """The power of ten, an even one, up to which the losses' axis has to go."""
    highest = max((float(curve.max()) for curve in curves if curve.size), default=0.0)
    return max(DECADES[1], 2 * int(np.ceil(np.log10(max(highest, 1.0)) / 2)))


def shown(value: float) -> str:
    """A loss or a size in few characters; what underflows is as good as nothing."""
    return number(value) if abs(value) > 1e-30 else "≈ 0"


def regression_description(run: Regression) -> str:
    """The figure in words."""
    if run.diverged_at is not None:
        return _(
            "Training and test loss by epoch on a logarithmic axis, at λ = {decay:g}. The run "
            "diverges in epoch {epoch}."
        ).format(decay=run.weight_decay, epoch=run.diverged_at)
    return _(
        "Training and test loss by epoch on a logarithmic axis, at λ = {decay:g}. At the end the "
        "training loss is {train} and the test loss {test}."
    ).format(decay=run.weight_decay, train=shown(run.train_loss[-1]), test=shown(run.test_loss[-1]))


def named(runs: Sequence[Regression]) -> dict[float, str]:
    """The λ's of a sweep that deserve a name, as the losses have it, in their order.

    None; small, the largest that leaves 95% of the test loss without decay; the fit, which has the
    least test loss, unless that is at an end of those that come down; and too much, the last one.
    """
    down = [run for run in runs if run.diverged_at is None]
    if not down:
        return {}
    test = {run.weight_decay: float(run.test_loss[-1]) for run in down}
    first, last, best = min(test), max(test), min(test, key=test.__getitem__)
    names = {first: _("none")} if first == 0 else {}
    small = [at for at in test if 0 < at < best and test[at] >= 0.95 * test[first]]
    if names and small:
        names[max(small)] = _("small")
    if first < best < last:
        names |= {best: _("fit"), last: _("too much")}
    return names


def sweep_words(runs: Sequence[Regression]) -> str:
    """Where the test loss is least, and how large both losses are at the largest λ."""
    down = [run for run in runs if run.diverged_at is None]
    if not down:
        return ""
    best, last = min(down, key=lambda run: float(run.test_loss[-1])), down[-1]
    return _(
        "Of the λ that come down, {fit:g} has the least test loss, {least}. At the largest, "
        "{last:g}, it is {test}, the training loss {train}."
    ).format(
        fit=best.weight_decay,
        least=shown(best.test_loss[-1]),
        last=last.weight_decay,
        test=shown(last.test_loss[-1]),
        train=shown(last.train_loss[-1]),
    )


def sweep(runs: Sequence[Regression], now: float, bound: float) -> Figure:
    """The losses after training against λ, with those that have a name, the present and the bound.

    Runs that diverge have no point; `bound` is the λ from which on they must, or infinity.
    """
    found = named(runs)
    top = _top(
        loss[-1:]
        for run in runs
        if run.diverged_at is None
        for loss in (run.train_loss, run.test_loss)
    )
    curves = pd.DataFrame(
        {
            "decay": [max(run.weight_decay, ZERO) for run in runs],
            "data": [_ending(run, run.train_loss) for run in runs],
            "validation": [_ending(run, run.test_loss) for run in runs],
        }
    )
    # four rows in any case: what has no name stands nowhere
    rows = [(max(decay, ZERO), decay == 0, name) for decay, name in found.items()]
    rows += [(np.nan, False, "")] * (N_NAMES - len(rows))
    named_at = pd.DataFrame(
        {
            "named": [at for at, _first, _name in rows],
            "none": [name if first else "" for _at, first, name in rows],
            "name": ["" if first else name for _at, first, name in rows],
            # one below the other, for the last two may be neighbours
            "line": [number % 2 for number, _row in enumerate(rows)],
        }
    )
    here = curves[np.isclose(curves["decay"], max(now, ZERO))].reset_index(drop=True)
    here.columns = ["here", "here_data", "here_validation"]
    band = pd.DataFrame({"low": [USUAL[0]], "high": [USUAL[1]], "usual": [_("usual choices")]})
    edge = pd.DataFrame({"bound": [bound], "bound_name": ["2/η"]})
    if bound > LAST:
        edge = edge[:0]
    frame = pd.concat([curves, named_at, here, band, edge], axis=1)
    return Figure(_sweep, frame, (top,))


def _ending(run: Regression, loss: np.ndarray) -> float:
    return float("nan") if run.diverged_at is not None else max(float(loss[-1]), 1e-30)


def _sweep(top: int) -> alt.LayerChart:
    label = "datum.value < 9e-5 ? '0' : format(datum.value, '~g')"
    x = alt.Axis(
        title=_("weight decay λ (log scale)"),
        values=[ZERO, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000],
        labelExpr=label,
        grid=False,
        labelFlush=False,
    )
    across = alt.Scale(type="log", domain=[ZERO * 0.8, LAST], nice=False)
    y = alt.Axis(
        title=_("mean squared error after training"),
        values=[10.0**k for k in range(DECADES[0], top + 1, 2)],
        # a training loss of 0 lies on the lower edge
        labelExpr="(datum.value < 2e-6 ? '≤ ' : '') + format(datum.value, '~e')",
    )
    up = alt.Scale(type="log", domain=[10.0 ** DECADES[0], 10.0**top], nice=False, clamp=True)

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
        *[
            words.transform_filter(f"datum.line == {line}")
            .mark_text(strokeWidth=0, align="right", dx=-5, dy=9 + 18 * line)
            .encode(x=place("named"), y=top, text="name:N")
            for line in (0, 1)
        ],
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
    words = _("Training and test loss after training against λ on logarithmic axes.")
    return words + " " + (sweep_words(runs) or _("Every run diverges."))
