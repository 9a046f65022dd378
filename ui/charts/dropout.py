"""What the network painter draws: units, and which of them each frame keeps."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.dropout import Masks, participating_weights
from ui import theme
from ui.i18n import _
from ui.theme import Figure


def network(masks: Masks, *, inference: bool) -> dict[str, Any]:
    """The masks as the painter reads them: for each pass and sample, hidden units in hex bits."""
    hidden = np.concatenate(masks.keep[1:-1], axis=-1)
    packed = np.packbits(hidden, axis=-1)
    caption = (
        _("inference: all {hidden} hidden units")
        if inference
        else _("training pass {i}: {kept} of {hidden} hidden units kept")
    )
    return {
        "sizes": list(masks.layer_sizes),
        "samples": hidden.shape[1],
        "kept": [[sample.tobytes().hex() for sample in frame] for frame in packed],
        "words": {"sample": _("sample {i}"), "caption": caption},
    }


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
