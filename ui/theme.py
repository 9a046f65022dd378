"""The palette and the marks: one colour, one meaning, on every screen.

The colours are Okabe and Ito's, which stay apart for colour-blind eyes, with lighter twins for dark
backgrounds. `.streamlit/config.toml` lists the same colours as `chartCategoricalColors` of each
theme, in the order of `ROLES`, so a chart names a role and the browser picks the colour: a change
of theme needs no new chart, and a chart's specification stays the same in light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

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


def colour(labels: Mapping[str, str], legend: Sequence[str] = ()) -> alt.Color:
    """Colour the field `series`, whose values are the visible names `labels[role]`.

    Every role has its place in the domain, so that the browser's category range gives it its own
    colour; the legend lists the roles in `legend`, and there is none if that is empty.
    """
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=_domain(labels)),
        legend=_key(labels, legend),
    )


def ink(label: str) -> alt.Fill:
    """Colour points as data, with a round entry of their own in the legend.

    A constant field keeps this legend apart from that of `series`; ink leads the category range.
    """
    return alt.Fill(
        "kind:N",
        scale=alt.Scale(domain=[label], range="category"),
        legend=alt.Legend(
            title=None, orient="top", symbolType="circle", symbolSize=90, symbolStrokeWidth=0
        ),
    )


def dash(labels: Mapping[str, str], legend: Sequence[str] = ()) -> alt.StrokeDash:
    """Dash the lines of `series` by their roles; with the same legend as `colour` they are one."""
    return alt.StrokeDash(
        "series:N",
        scale=alt.Scale(domain=_domain(labels), range=[DASHES.get(role, [1, 0]) for role in ROLES]),
        legend=_key(labels, legend),
    )


def series(role: str) -> str:
    """The name of a role's series in a chart without a legend."""
    return f"\u200b{role}"


def fixed(low: float, high: float) -> alt.Scale:
    """A scale that does not move while sliders do."""
    return alt.Scale(domain=[low, high], nice=False)


def _domain(labels: Mapping[str, str]) -> list[str]:
    return [labels.get(role, series(role)) for role in ROLES]


def _key(labels: Mapping[str, str], legend: Sequence[str]) -> alt.Legend | None:
    if not legend:
        return None
    return alt.Legend(
        title=None,
        values=[labels[role] for role in legend],
        orient="top",
        symbolType="stroke",
        labelLimit=320,
    )


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
