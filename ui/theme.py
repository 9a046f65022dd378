"""The palette and the marks: one colour, one meaning, on every screen.

The colours are Okabe and Ito's, which stay apart for colour-blind eyes, with lighter twins for dark
backgrounds. `.streamlit/config.toml` lists the same colours as `chartCategoricalColors` of each
theme, in the order of `ROLES`, so a chart names a role and the browser picks the colour: a change
of theme needs no new chart, and a chart's specification stays the same in light and dark.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ui.i18n import language

ROLES = ("data", "truth", "sound", "overfit", "validation", "l1", "l2", "muted")

LIGHT = {
    "data": "#1F2430",  # training data and training curves: ink
    "truth": "#0072B2",  # blue
    "sound": "#009E73",  # green, dashed
    "overfit": "#D55E00",  # vermillion, dashed
    "validation": "#E69F00",  # orange
    "l1": "#CC79A7",  # reddish purple
    "l2": "#56B4E9",  # sky blue
    "muted": "#9AA1AD",
}
DARK = {
    "data": "#ECEEF2",
    "truth": "#3FA7E4",
    "sound": "#1FC79A",
    "overfit": "#FF8A3D",
    "validation": "#F5B942",
    "l1": "#E39BC4",
    "l2": "#7CC8F5",
    "muted": "#7D8592",
}
ACCENT = {"light": "#5B55C9", "dark": "#A5A0FF"}
"""Buttons, sliders and links: the one colour that never stands for data."""


DASHES = {"sound": [9, 5], "overfit": [9, 5]}


def colour(names: Mapping[str, str] | None = None, legend: Sequence[str] = ()) -> alt.Color:
    """Colour the field `role`; the legend calls the roles in `legend` by their visible names.

    Every role has its place in the domain, so that the browser's category range gives it its own
    colour.
    """
    return alt.Color(
        "role:N", scale=alt.Scale(domain=list(ROLES)), legend=_legend(names or {}, legend)
    )


def dash(names: Mapping[str, str], legend: Sequence[str] = ()) -> alt.StrokeDash:
    """Dash the lines of the field `role`; with the legend of `colour` it makes one."""
    dashes = [DASHES.get(role, [1, 0]) for role in ROLES]
    return alt.StrokeDash(
        "role:N",
        scale=alt.Scale(domain=list(ROLES), range=dashes),
        legend=_legend(names, legend),
    )


def line(role: str, **marks: Any) -> alt.Chart:
    """One line in the colour and the dashes of a role, to be laid over others.

    A chart with one column for each line costs the browser half of what one with a field `role`
    does: nothing is filtered, and colour and dash are not worked out point by point.
    """
    scale = alt.Scale(domain=list(ROLES), range="category")
    return (
        alt.Chart()
        .mark_line(clip=True, strokeDash=DASHES.get(role, [1, 0]), **marks)
        .encode(stroke=alt.StrokeDatum(role, scale=scale, legend=None))  # `key` has the legend
    )


def tinted(role: str) -> alt.Chart:
    """A chart whose marks, points or text say, all have the colour of one role."""
    scale = alt.Scale(domain=list(ROLES), range="category")
    return alt.Chart().encode(
        stroke=alt.StrokeDatum(role, scale=scale, legend=None),
        fill=alt.FillDatum(role, scale=scale, legend=None),
    )


def key(names: Mapping[str, str]) -> alt.Chart:
    """The legend for `line`s, as a layer that draws nothing: the visible name of each role."""
    legend = list(names)
    return (
        alt.Chart()
        .transform_filter("false")
        .mark_line()
        .encode(color=colour(names, legend), strokeDash=dash(names, legend))
    )


def ink(name: str | None = None) -> alt.Fill:
    """Fill points with ink, with a round legend entry of their own.

    The field `points` must say "data" for each of them; under the name `role` their legend would
    melt into that of the lines.
    """
    return alt.Fill(
        "points:N",
        scale=alt.Scale(domain=["data"], range="category"),
        legend=None
        if name is None
        else alt.Legend(
            title=None,
            orient="top",
            labelExpr=json.dumps(name),
            symbolType="circle",
            symbolSize=90,
            symbolStrokeWidth=0,
            symbolOpacity=1,
        ),
    )


def fixed(low: float, high: float) -> alt.Scale:
    """A scale that does not move while sliders do."""
    return alt.Scale(domain=[low, high], nice=False)


def _legend(names: Mapping[str, str], legend: Sequence[str]) -> alt.Legend | None:
    if not legend:
        return None
    return alt.Legend(
        title=None,
        values=list(legend),
        labelExpr=f"{json.dumps(dict(names))}[datum.value]",
        orient="top",
        columns=alt.ExprRef("width < 420 ? 1 : 0"),  # on a phone one below another
        symbolType="stroke",
        symbolOpacity=1,
        labelLimit=320,
    )


@dataclass(frozen=True)
class Figure:
    """A chart in two parts: `grammar(*arguments)` is the chart without data, `frame` its data.

    While sliders move only the data change. The grammar is worked out once for each language, and
    as its specification stays the same, the browser redraws the chart in place.
    """

    grammar: Callable[..., alt.TopLevelMixin]
    frame: pd.DataFrame
    arguments: tuple[Hashable, ...] = ()

    def specification(self, *, presenting: bool, preview: str | None = None) -> dict[str, Any]:
        """The Vega-Lite specification, in the active language and for a desk or a projector.

        With previews, `preview` is the key of the chart's container: see `ui.preview`.
        """
        return _specification(
            self.grammar,
            self.arguments,
            language(),
            presenting,
            preview and (preview, self.columns, len(self.frame)),
        )

    @property
    def columns(self) -> tuple[tuple[str, bool], ...]:
        """The names of the columns, and whether they hold numbers; the others hold words."""
        return tuple((name, is_numeric_dtype(cells)) for name, cells in self.frame.items())

    def cells(self) -> str:
        """All data column by column, set apart by tabs: "" where there is nothing."""
        texts: list[str] = []
        for name, numeric in self.columns:
            empty, cells = self.frame[name].isna(), self.frame[name].tolist()
            write = repr if numeric else str
            texts += ["" if e else write(cell) for e, cell in zip(empty, cells, strict=True)]
        return "\t".join(texts)


@lru_cache(maxsize=256)
def _specification(
    grammar: Callable[..., alt.TopLevelMixin],
    arguments: tuple[Hashable, ...],
    _language: str,
    presenting: bool,
    preview: tuple[str, tuple[tuple[str, bool], ...], int] | None,
) -> dict[str, Any]:
    chart = dress(grammar(*arguments), presenting=presenting).to_dict(validate=False)
    # Altair gives charts without data a placeholder, which would travel with every answer.
    chart.pop("datasets", None)
    for layer in _layers(chart):
        layer.pop("data", None)
    if preview is not None:
        _bind(chart, *preview)
    return chart


def _bind(
    chart: dict[str, Any], key: str, columns: Sequence[tuple[str, bool]], n_rows: int
) -> None:
    """Let a chart show the `Figure.cells` that are its container's `value` when told "preview".

    While there are none, the chart shows its data.
    """
    chart["params"] = [
        *chart.get("params", ()),
        {"name": "preview", "bind": {"element": f".st-key-{key}", "event": "preview"}},
        {"name": "cells", "expr": "preview ? split(preview, '\\t') : null"},
    ]
    cell = "cells ? {read}(cells[datum.row_number + {first}]) : datum[{column}]"
    chart["transform"] = [
        {"window": [{"op": "row_number", "as": "row_number"}]},
        *(
            {
                "calculate": cell.format(
                    read="toNumber" if numeric else "toString",
                    first=i * n_rows - 1,
                    column=json.dumps(column),
                ),
                "as": column,
            }
            for i, (column, numeric) in enumerate(columns)
        ),
        *chart.get("transform", ()),
    ]


def _layers(chart: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A chart's specification, and all that is laid over or set beside each other in it."""
    yield chart
    for parts in ("layer", "hconcat", "vconcat"):
        for part in chart.get(parts, ()):
            yield from _layers(part)


def dress(chart: alt.TopLevelMixin, *, presenting: bool) -> alt.TopLevelMixin:
    """Set the sizes of text and marks: for a desk, or larger for a projector."""
    size = 17 if presenting else 13
    return chart.configure(
        line=alt.LineConfig(strokeWidth=4.5 if presenting else 2.5),
        rule=alt.MarkConfig(strokeWidth=3 if presenting else 1.5),
        point=alt.MarkConfig(size=160 if presenting else 60, filled=True),
        text=alt.MarkConfig(fontSize=size + 1),
        axis=alt.AxisConfig(labelFontSize=size, titleFontSize=size, titleFontWeight="normal"),
        legend=alt.LegendConfig(
            labelFontSize=size,
            titleFontSize=size,
            symbolSize=size * 28,
            symbolStrokeWidth=4 if presenting else 2.5,
        ),
        padding={"left": 5, "right": 16, "top": 5, "bottom": 5},
        view=alt.ViewConfig(strokeWidth=0),
        header=alt.HeaderConfig(labelFontSize=size + 1, titleFontSize=size),
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
    )
