"""The recommender's figures: loss curves that grow, past runs behind them, a map, a sweep."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.recommender.early_stopping import Stop
from sim.recommender.grid import Summary
from sim.recommender.insights import FactorMap
from sim.recommender.records import Change, EpochRecord, Point, Progress
from sim.recommender.scale import Bar, Scale
from ui import theme
from ui.i18n import _
from ui.theme import Figure

_DARK_FROM = 0.48  # of the colours' range
_LEAST_RANGE = 0.02  # of the largest loss: below it differences are noise, and look alike


def figure(
    points: Sequence[Point],
    progress: Progress | None,
    epochs: int,
    scale: Scale,
    ghosts: Mapping[int, Sequence[EpochRecord]] | None = None,
    stop: Stop | None = None,
) -> Figure:
    """Loss against epochs, the best epoch, each change of a control, and past runs as ghosts.

    `stop` marks where the patience on the slider would have ended the run. The axis has room for
    all that is drawn (see `Scale.top`).
    """
    changes = _settled(progress.changes) if progress else []
    best = progress if progress is not None and progress.best_epoch is not None else None
    ended = stop is not None and stop.stopped
    tip = [progress.tip] if progress is not None and progress.tip is not None else []
    past = [(number, record) for number, run in (ghosts or {}).items() for record in run]
    last = {id(history[-1]) for history in (ghosts or {}).values() if history}
    frame = _side_by_side(
        epoch=[p.epoch for p in points] + [epoch for epoch, _loss in tip],
        train=[p.train_loss for p in points] + [loss for _epoch, loss in tip],
        valid=[p.valid_loss for p in points],
        change=[c.epoch for c in changes],
        change_label=[_label(c) for c in changes],
        best=[best.best_epoch] if best else [],
        best_loss=[best.best_valid_loss] if best else [],
        best_label=[_("best epoch")] if best else [],
        stop=[stop.epoch] if stop and ended else [],
        stop_label=[_("patience ends it here")] if ended else [],
        ghost=[record.epoch for _run, record in past],
        ghost_loss=[record.valid_loss for _run, record in past],
        ghost_label=[str(run) if id(record) in last else "" for run, record in past],
        ghost_run=[run for run, _record in past],
    )
    most = np.nanmax(frame[["train", "valid", "ghost_loss"]].to_numpy(), initial=0.0)
    return Figure(_grammar, frame, (epochs, scale.top(float(most))))


def _side_by_side(**columns: Sequence[object]) -> pd.DataFrame:
    """Columns of any lengths in one table, filled up below. As arrays: it is drawn at each look."""
    length = max(map(len, columns.values()))

    def filled(name: str, values: Sequence[object]) -> npt.NDArray[Any]:
        is_text = name.endswith("label")
        array = np.full(length, None if is_text else np.nan, object if is_text else float)
        array[: len(values)] = values
        return array

    return pd.DataFrame({name: filled(name, values) for name, values in columns.items()})


def _grammar(epochs: int, highest: float) -> alt.LayerChart:
    names = {"data": _("training loss"), "validation": _("validation loss")}

    def x(column: str) -> alt.X:
        return alt.X(
            f"{column}:Q",
            title=_("epoch"),
            axis=alt.Axis(tickCount=10, labelFlush=False, tickMinStep=1),
            scale=theme.fixed(0, epochs),
        )

    def y(column: str) -> alt.Y:
        return alt.Y(
            f"{column}:Q",
            title=_("mean squared error"),
            axis=alt.Axis(tickCount=6, format=",~r" if 1e-3 < highest < 1e6 else "~e"),
            scale=theme.fixed(0, highest),
        )

    def beside(chart: alt.Chart, column: str, gap: int, **mark: Any) -> list[alt.Chart]:
        """The labels of `column`, right of it in the first half, left of it in the second."""
        middle = epochs / 2
        named = chart.encode(text=f"{column}_label:N")
        return [
            named.transform_filter(f"datum.{column} <= {middle}").mark_text(
                align="left", dx=gap, **mark
            ),
            named.transform_filter(f"datum.{column} > {middle}").mark_text(
                align="right", dx=-gap, **mark
            ),
        ]

    top = alt.YValue(0)
    rule = {"y": top, "y2": alt.Y2Value(alt.ExprRef("height"))}
    changes = alt.Chart().encode(x=x("change"))
    stop = alt.Chart().encode(x=x("stop"))
    best = theme.tinted("validation").encode(x=x("best"), y=y("best_loss"))
    ghost = {"x": x("ghost"), "y": y("ghost_loss")}
    return alt.layer(
        theme.line("muted", strokeWidth=1.4, opacity=0.8).encode(detail="ghost_run:N", **ghost),
        theme.tinted("muted")
        .mark_text(align="left", dx=4, clip=True)
        .encode(text="ghost_label:N", **ghost),
        changes.mark_rule(strokeDash=[3, 4], strokeWidth=1.2, opacity=0.7).encode(**rule),
        *beside(changes.encode(y=top), "change", 4, dy=9),
        stop.mark_rule(strokeWidth=1.5, opacity=0.9).encode(**rule),
        *beside(stop.encode(y=top), "stop", 5, dy=9),
        theme.line("data").encode(x=x("epoch"), y=y("train")),
        theme.line("validation").encode(x=x("epoch"), y=y("valid")),
        best.mark_point(size=130, opacity=1, clip=True),
        *beside(best, "best", 8, dy=16, clip=True),
        theme.key(names),
    )


def film_map(places: FactorMap) -> Figure:
    """Films by the two directions in which their factors differ most; the hover names them."""
    spread = float(np.abs(places.positions).max(initial=1e-9)) * 1.05
    frame = pd.DataFrame(
        {
            "a": places.positions[:, 0] / spread,
            "b": places.positions[:, 1] / spread,
            "genre": [genre or "–" for genre in places.genres],
            "title": places.titles,
        }
    )
    return Figure(_map, frame, (tuple(sorted(set(frame["genre"]))),))


def _map(genres: tuple[str, ...]) -> alt.Chart:
    hidden = alt.Axis(labels=False, ticks=False)
    return (
        alt.Chart()
        .mark_point(opacity=0.85, size=70)
        .encode(
            x=alt.X("a:Q", title=_("first direction"), axis=hidden, scale=theme.fixed(-1, 1)),
            y=alt.Y("b:Q", title=_("second direction"), axis=hidden, scale=theme.fixed(-1, 1)),
            color=alt.Color(
                "genre:N",
                scale=alt.Scale(domain=list(genres), range="category"),
                legend=alt.Legend(title=None, orient="top", columns=4, symbolOpacity=1),
            ),
            tooltip=[alt.Tooltip("title:N", title=_("Title"))],
        )
    )


def heat_map(
    means: Iterable[Summary],
    weight_decays: Sequence[float],
    dropouts: Sequence[float],
    scale: Scale,
) -> Figure:
    """The best validation loss of each λ and p; cells that are still to come stay empty.

    The colours run from the least loss to the largest one, whatever the ratings' scale.
    """
    order = tuple(f"{value:g}" for value in weight_decays), tuple(f"{p:g}" for p in dropouts)
    known = {(f"{m.weight_decay:g}", f"{m.dropout:g}"): m for m in means}
    most_seeds = max((mean.n_seeds for mean in known.values()), default=0)
    rows = [
        (*cell, m.best_valid_loss, m.n_seeds) if (m := known.get(cell)) else (*cell, np.nan, 0)
        for cell in itertools.product(*order)
    ]
    frame = pd.DataFrame(rows, columns=["weight_decay", "dropout", "loss", "seeds"])
    frame["text"] = ["" if np.isnan(loss) else scale.loss(loss) for loss in frame["loss"]]
    # as `grid.best`: a cell that lacks a seed yet is not compared with those that have it
    frame["best"] = frame["loss"] == frame["loss"].where(frame["seeds"] == most_seeds).min()
    low, high = colour_range([loss for loss in frame["loss"] if not np.isnan(loss)])
    share = (frame["loss"] - low) / (high - low)
    frame["ink"] = np.where(share > _DARK_FROM, "#FFFFFF", "#10131A")  # on its own cell
    return Figure(_heat, frame, (*order, low, high))


def colour_range(losses: Sequence[float]) -> tuple[float, float]:
    """From the least to the largest of `losses`, and at least 2 % of the largest one apart."""
    if not losses:
        return 0.0, 1.0
    low, high = min(losses), max(losses)
    return low, max(high, low + _LEAST_RANGE * high, low + 1e-9)


def _heat(
    weight_decays: tuple[str, ...], dropouts: tuple[str, ...], low: float, high: float
) -> alt.LayerChart:
    base = alt.Chart().encode(
        x=alt.X(
            "weight_decay:O",
            title=_("weight decay λ"),
            axis=alt.Axis(labelAngle=0),
            scale=alt.Scale(domain=list(weight_decays)),
        ),
        y=alt.Y(
            "dropout:O", title=_("dropout p"), scale=alt.Scale(domain=list(dropouts), reverse=True)
        ),
    )
    return alt.layer(
        base.mark_rect(cornerRadius=4, filled=False, strokeWidth=1, opacity=0.4).encode(
            stroke=alt.StrokeDatum("muted", scale=alt.Scale(domain=list(theme.ROLES)), legend=None)
        ),
        base.transform_filter("datum.loss != null")
        .mark_rect(cornerRadius=4)
        .encode(
            color=alt.Color(
                "loss:Q",
                scale=alt.Scale(scheme="viridis", domain=[low, high], clamp=True, reverse=True),
                legend=alt.Legend(title=_("best validation MSE"), orient="top", gradientLength=220),
            )
        ),
        base.mark_text(fontWeight=600).encode(
            text="text:N",
            fill=alt.Fill("ink:N", scale=None),  # `color` is the scale of the cells
        ),
        base.transform_filter("datum.best")
        .mark_rect(cornerRadius=4, filled=False, strokeWidth=3)
        .encode(stroke=alt.value("#D55E00")),
    )


def histogram(bars: Sequence[Bar]) -> Figure:
    """How often each rating was given: a bar for each, or for intervals on a linear axis."""
    if any(bar.low < bar.high for bar in bars):
        intervals = pd.DataFrame(
            {
                "low": [bar.low for bar in bars],
                "high": [bar.high for bar in bars],
                "count": [bar.count for bar in bars],
                "role": "data",
            }
        )
        return Figure(_intervals, intervals, (bars[0].low, bars[-1].high))
    frame = pd.DataFrame(
        {
            "rating": [bar.label for bar in bars],
            "count": [bar.count for bar in bars],
            "role": "data",
        }
    )
    return Figure(_bars, frame, (tuple(frame["rating"]),))


def _bars(ratings: tuple[str, ...]) -> alt.Chart:
    return (
        alt.Chart()
        .mark_bar(cornerRadiusEnd=3, opacity=0.8)
        .encode(
            x=alt.X(
                "rating:O",
                axis=alt.Axis(title=None, labelAngle=0),
                scale=alt.Scale(domain=list(ratings)),
            ),
            y=alt.Y("count:Q", axis=None),
            color=theme.colour(),
        )
    )


def _intervals(low: float, high: float) -> alt.Chart:
    return (
        alt.Chart()
        .mark_bar(opacity=0.8, binSpacing=1)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                axis=alt.Axis(title=None, format=",~r"),
                scale=alt.Scale(domain=[low, high], nice=False),
            ),
            x2="high:Q",
            y=alt.Y("count:Q", axis=None),
            color=theme.colour(),
        )
    )


def description(progress: Progress | None, scale: Scale) -> str:
    """The figure in words."""
    if progress is None or not progress.history:
        return _("Training and validation loss against epochs; nothing has been trained yet.")
    last = progress.history[-1]
    return _(
        "Training and validation loss against epochs. The mean training loss of epoch {epoch} is "
        "{train}, the validation loss at its end {valid}; the best epoch is {best}."
    ).format(
        epoch=last.epoch,
        train=scale.loss(last.train_loss),
        valid=scale.loss(last.valid_loss),
        best=progress.best_epoch,
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
