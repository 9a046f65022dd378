"""What the network painter draws: masks, and what ran through the network under them."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.dropout import Masks, Passes, kept_distribution, participating_weights
from ui import theme
from ui.i18n import _
from ui.theme import Figure

LEVELS = 7


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
            "chances": _("binomial") if len(set(masks.rates)) == 1 else _("expected"),
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
    if len(set(masks.rates)) == 1:
        words = _(
            "A network with layers of {layers} units in {n} training passes; in each pass every "
            "hidden unit is dropped with probability {p}, with the weights that touch it."
        )
    else:
        words = _(
            "A network with layers of {layers} units in {n} training passes; in each pass a hidden "
            "unit is dropped with probability {p}, layer by layer, with the weights that touch it."
        )
    rates = dict.fromkeys(masks.rates) if len(set(masks.rates)) == 1 else masks.rates
    return words.format(
        layers=layers, n=len(masks.keep[0]), p=", ".join(f"{rate:.3g}" for rate in rates)
    )
