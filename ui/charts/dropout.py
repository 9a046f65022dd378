"""What the network painter draws, and the dropout screen's charts of scaling and penalty."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.dropout import Masks, Passes, UnitInput, kept_distribution, participating_weights
from ui import theme
from ui.i18n import _
from ui.theme import Figure

LEVELS = 7
REACHES = (1.5, 3.0, 6.0, 12.0, 24.0, 48.0)
"""Half widths of the axis of a unit's input: a small set, so that the chart is seldom rebuilt."""
N_BARS = 48
CURVE_POINTS = 120


def network(masks: Masks, passes: Passes | None, *, inference: bool) -> dict[str, Any]:
    """The passes as the painter reads them: masks in hex bits, and the strengths of the pulses.

    With several samples each is a cell of its own; the piled masks are those of the first.
    """
    n_samples = masks.keep[0].shape[1]
    rates = [f"p = {rate:.2g}" for rate in masks.rates]
    one = {
        "sizes": list(masks.layer_sizes),
        "cells": n_samples,
        "columns": 0,
        "labels": [_("sample {i}").format(i=i + 1) for i in range(n_samples)]
        if n_samples > 1
        else None,
        "rates": None if inference else rates,
        "kept": _hex(masks),
        "inference": inference,
        "chances": None
        if inference
        else kept_distribution(masks.layer_sizes, masks.rates).tolist(),
        "words": {
            "caption": _("inference: all {hidden} hidden units")
            if inference
            else _("training pass {i}: {kept} of {hidden} hidden units kept"),
            "weight": _("marked weight: updated in {n} of {i} passes"),
            "masks": _("masks seen so far (sample 1)") if n_samples > 1 else _("masks seen so far"),
            "axis": _("hidden units kept in a pass"),
            "seen": _("seen"),
            "chances": _("binomial"),
        },
    }
    return one if passes is None else one | {"signals": _signals(passes)}


def passes_side_by_side(masks: Masks, n_rows: int) -> dict[str, Any]:
    """The same masks as small multiples: a row for each of `n_rows` passes, a column per sample."""
    n_passes, n_samples = masks.keep[0].shape[:2]
    kept = _hex(masks)
    frames = [
        [cell for row in range(n_rows) for cell in kept[frame * n_rows + row]]
        for frame in range(n_passes // n_rows)
    ]
    return {
        "sizes": list(masks.layer_sizes),
        "cells": n_rows * n_samples,
        "columns": n_samples,
        "labels": [
            _("sample {i}, pass {j}").format(i=i + 1, j=chr(ord("A") + j))
            for j in range(n_rows)
            for i in range(n_samples)
        ],
        "kept": frames,
        "words": {"caption": _("{kept} of {hidden} hidden units kept in these networks")},
    }


def _hex(masks: Masks) -> list[list[str]]:
    packed = np.packbits(np.concatenate(masks.keep[1:-1], axis=-1), axis=-1)
    return [[sample.tobytes().hex() for sample in frame] for frame in packed]


def _signals(passes: Passes) -> list[list[str]]:
    forward = [_levels(layer) for layer in passes.activations]
    backward = [np.zeros_like(forward[0]), *map(_levels, passes.deltas)]
    codes = np.concatenate(forward, axis=-1) * 8 + np.concatenate(backward, axis=-1) + 48
    return [[sample.tobytes().decode("ascii") for sample in frame] for frame in codes]


def _levels(strength: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """0 for nothing at all, else 1 to 7 as a share of the layer's strongest."""
    size = np.abs(strength)
    return np.asarray(np.ceil(LEVELS * size / max(size.max(), 1e-300)), dtype=np.uint8)


def scaling(seen: UnitInput) -> Figure:
    """How often each input came, in shares of the inference value, with both means marked."""
    ratio, mean = seen.values / seen.inference, seen.values.mean() / seen.inference
    spread = 3.3 * seen.deviation / abs(seen.inference) + abs(1 - seen.expectation / seen.inference)
    reach = next((reach for reach in REACHES if spread <= reach), REACHES[-1])
    counts, edges = np.histogram(ratio, bins=N_BARS, range=(1 - reach, 1 + reach))
    bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "share": counts / len(ratio)})
    rules = pd.DataFrame({"inference": [1.0], "mean": [mean]})
    return Figure(_scaling_grammar, pd.concat([bars, rules], axis=1), (reach,))


def _scaling_grammar(reach: float) -> alt.LayerChart:
    names = {
        "data": _("inputs under the masks"),
        "overfit": _("their mean"),
        "sound": _("inference"),
    }
    x = alt.X(
        "from:Q",
        title=_("input of the unit, as a share of its input at inference"),
        scale=theme.fixed(1 - reach, 1 + reach),
        axis=alt.Axis(tickCount=7),
    )
    bars = (
        theme.tinted("data")
        .mark_bar(opacity=0.45, strokeWidth=0, clip=True)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("share:Q", title=_("share of the masks"), scale=alt.Scale(domainMin=0)),
            y2=alt.Y2Datum(0),
        )
    )
    rules = [
        theme.tinted(role)
        .mark_rule(strokeWidth=3.5, strokeDash=theme.DASHES[role])
        .encode(x=alt.X(f"{field}:Q", scale=theme.fixed(1 - reach, 1 + reach)))
        for field, role in (("inference", "sound"), ("mean", "overfit"))
    ]
    return alt.layer(bars, *rules, theme.key(names))


def scaling_description(seen: UnitInput, *, inverted: bool) -> str:
    """The figure in words."""
    words = (
        _(
            "The input of one unit under {n} masks, with inverted scaling: the mean is {mean:.3g}, "
            "the input at inference {inference:.3g}."
        )
        if inverted
        else _(
            "The input of one unit under {n} masks, without scaling: the mean is {mean:.3g}, the "
            "input at inference {inference:.3g}."
        )
    )
    return words.format(n=len(seen.values), mean=seen.values.mean(), inference=seen.inference)


def penalty(losses: npt.ArrayLike, formula: float) -> Figure:
    """The mean loss over the first 1, 2, ... masks, as a share of what the formula says."""
    ratio = np.asarray(losses, dtype=np.float64) / formula
    n = np.unique(np.geomspace(1, ratio.size, CURVE_POINTS).astype(int))
    means = (np.cumsum(ratio)[n - 1]) / n
    error = 2.0 * ratio.std() / np.sqrt(n)
    frame = pd.DataFrame({"n": n, "mean": means, "low": 1 - error, "high": 1 + error, "one": 1.0})
    return Figure(_penalty_grammar, frame)


def _penalty_grammar() -> alt.LayerChart:
    names = {"data": _("mean over the masks so far"), "truth": _("formula")}
    x = alt.X(
        "n:Q",
        title=_("masks drawn"),
        scale=alt.Scale(type="log", domain=[1, 10_000]),
        axis=alt.Axis(tickCount=5, format="~s"),
    )
    y = theme.fixed(0.4, 1.6)
    title = _("loss, as a share of the formula")
    band = (
        theme.tinted("truth")
        .mark_area(opacity=0.15, clip=True, strokeWidth=0)
        .encode(x=x, y=alt.Y("low:Q", title=title, scale=y), y2="high:Q")
    )
    lines = [
        theme.line(role).encode(x=x, y=alt.Y(f"{field}:Q", title=title, scale=y))
        for field, role in (("one", "truth"), ("mean", "data"))
    ]
    return alt.layer(band, *lines, theme.key(names))


def ridge(
    plain: npt.ArrayLike, by_masks: npt.ArrayLike, by_formula: npt.ArrayLike, truth: npt.ArrayLike
) -> Figure:
    """The weights of a linear model: least squares, best under the masks, ridge by the formula."""
    frame = pd.DataFrame(
        {"plain": plain, "masks": by_masks, "formula": by_formula, "truth": truth, "points": "data"}
    )
    frame["weight"] = [f"w{'₁₂₃₄₅₆₇₈₉'[i]}" for i in range(len(frame))]
    return Figure(_ridge_grammar, frame)


MARKS = {
    "truth": ("truth", "stroke", 500),
    "plain": ("overfit", "diamond", 110),
    "formula": ("l2", "circle", 240),
    "masks": ("data", "cross", 90),
}


def _ridge_grammar() -> alt.LayerChart:
    names = {
        "truth": _("truth"),
        "overfit": _("least squares"),
        "l2": _("ridge by the formula"),
        "data": _("best under the masks"),
    }
    x = alt.X("weight:N", title=_("weight of the linear model"), axis=alt.Axis(labelAngle=0))
    points = [
        theme.tinted(role)
        .mark_point(shape=shape, size=size, opacity=1, clip=True, strokeWidth=2.5)
        .encode(x=x, y=alt.Y(f"{field}:Q", title=_("its value"), scale=theme.fixed(-3, 3)))
        for field, (role, shape, size) in MARKS.items()
    ]
    return alt.layer(*points, theme.key(names))


def thumbnail(masks: Masks) -> Figure:
    """The first pass of the first sample, without words: for a card."""

    def height(layer: int, unit: int) -> float:
        return unit - (masks.layer_sizes[layer] - 1) / 2

    units = [
        (layer, height(layer, unit), layer, height(layer, unit), "kept" if kept else "dropped")
        for layer, keep in enumerate(masks.keep)
        for unit, kept in enumerate(keep[0, 0])
    ]
    weights = [
        (layer, height(layer, before), layer + 1, height(layer + 1, after), "weight")
        for layer, gap in enumerate(participating_weights(masks))
        for after, before in np.argwhere(gap[0, 0])
    ]
    frame = pd.DataFrame([*weights, *units], columns=["x", "y", "x2", "y2", "kind"])
    return Figure(_small_grammar, frame.assign(role="data"), (len(masks.keep),))


def _small_grammar(n_layers: int) -> alt.LayerChart:
    base = alt.Chart().encode(
        x=alt.X("x:Q", axis=None, scale=theme.fixed(-0.2, n_layers - 0.8)),
        y=alt.Y("y:Q", axis=None),
        color=theme.colour(),
    )
    weights = base.transform_filter("datum.kind == 'weight'").encode(x2="x2:Q", y2="y2:Q")
    return alt.layer(
        weights.mark_rule(opacity=0.6, strokeWidth=1.2),
        base.transform_filter("datum.kind == 'kept'").mark_point(size=150, opacity=1),
        base.transform_filter("datum.kind == 'dropped'").mark_point(
            size=150, filled=False, opacity=0.5, strokeWidth=1.2
        ),
    )


def description(masks: Masks, *, inference: bool) -> str:
    """The figure in words."""
    layers = " – ".join(str(size) for size in masks.layer_sizes)
    if inference:
        return _(
            "A network with layers of {layers} units at inference: all of them take part."
        ).format(layers=layers)
    return _(
        "A network with layers of {layers} units in {n} training passes; in each pass every hidden "
        "unit is dropped with probability {p:g}, with the weights that touch it."
    ).format(layers=layers, n=len(masks.keep[0]), p=masks.rates[0])
