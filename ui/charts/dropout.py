"""What the network painter draws: units, and which of them each frame keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.dropout import Masks
from ui.i18n import _


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
