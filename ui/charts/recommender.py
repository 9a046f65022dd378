"""The recommender's figure: loss curves that grow while the model trains."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.recommender.records import Change, Point, Progress
from ui import theme
from ui.i18n import _
from ui.theme import Figure

LOSS_RANGE = (0.0, 1.4)


def figure(points: Sequence[Point], progress: Progress | None, epochs: int) -> Figure:
    """Training and validation loss against epochs, the best epoch, and each change of a control."""
    rows = [(p.epoch, p.train_loss, "data", "curve", "") for p in points]
    rows += [(p.epoch, p.valid_loss, "validation", "curve", "") for p in points]
    if progress is not None:
        rows += [(c.epoch, 0.0, "data", "change", _label(c)) for c in _settled(progress.changes)]
        if progress.best_epoch is not None and progress.best_valid_loss is not None:
            best = (float(progress.best_epoch), progress.best_valid_loss)
            rows.append((*best, "validation", "best", _("best epoch")))
    columns = {"epoch": float, "loss": float, "role": str, "kind": str, "label": str}
    return Figure(_grammar, pd.DataFrame(rows, columns=list(columns)).astype(columns), (epochs,))


def _grammar(epochs: int) -> alt.LayerChart:
    names = {"data": _("training loss"), "validation": _("validation loss")}
    base = alt.Chart().encode(
        x=alt.X(
            "epoch:Q",
            title=_("epoch"),
            axis=alt.Axis(tickCount=10, labelFlush=False, tickMinStep=1),
            scale=theme.fixed(0, epochs),
        ),
        y=alt.Y(
            "loss:Q",
            title=_("mean squared error"),
            axis=alt.Axis(tickCount=6),
            scale=theme.fixed(*LOSS_RANGE),
        ),
        color=theme.colour(names, ["data", "validation"]),
    )
    changes = base.transform_filter("datum.kind == 'change'")
    best = base.transform_filter("datum.kind == 'best'")
    return alt.layer(
        changes.mark_rule(strokeDash=[3, 4], strokeWidth=1.2, opacity=0.7).encode(
            y=alt.YValue(0), y2=alt.Y2Value(alt.ExprRef("height"))
        ),
        changes.mark_text(align="left", dx=4, dy=9).encode(y=alt.YValue(0), text="label:N"),
        base.transform_filter("datum.kind == 'curve'").mark_line(clip=True),
        best.mark_point(size=130, opacity=1, clip=True),
        best.mark_text(align="left", dx=8, dy=16, clip=True).encode(text="label:N"),
    )


def histogram(rating: npt.ArrayLike) -> Figure:
    """How often each rating was given: for a card."""
    values, counts = np.unique(np.asarray(rating), return_counts=True)
    return Figure(_bars, pd.DataFrame({"rating": values, "count": counts, "role": "data"}))


def _bars() -> alt.Chart:
    return (
        alt.Chart()
        .mark_bar(cornerRadiusEnd=3, opacity=0.8)
        .encode(
            x=alt.X("rating:O", axis=alt.Axis(title=None, labelAngle=0)),
            y=alt.Y("count:Q", axis=None),
            color=theme.colour(),
        )
    )


def description(progress: Progress | None) -> str:
    """The figure in words."""
    if progress is None or not progress.history:
        return _("Training and validation loss against epochs; nothing has been trained yet.")
    last = progress.history[-1]
    return _(
        "Training and validation loss against epochs. After epoch {epoch} the training loss is "
        "{train:.3f} and the validation loss {valid:.3f}; the best epoch is {best}."
    ).format(
        epoch=last.epoch, train=last.train_loss, valid=last.valid_loss, best=progress.best_epoch
    )


def _settled(changes: Sequence[Change], pause: float = 0.5) -> list[Change]:
    """The changes without those that a further move of the same control followed at once.

    A slider on its way sends each value it passes; `pause` is in epochs.
    """
    return [
        change
        for i, change in enumerate(changes)
        if not any(
            later.name == change.name and later.epoch - change.epoch < pause
            for later in changes[i + 1 :]
        )
    ]


def _label(change: Change) -> str:
    symbol = {"weight_decay": "λ", "dropout": "p"}.get(change.name, _("patience"))
    return f"{symbol} → {change.value:g}" if change.value is not None else f"{symbol} → ∞"
