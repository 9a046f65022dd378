"""What several views share: the layers, rates and masks as the controls set them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim import dropout as sim
from ui import stage

N_INPUTS, N_OUTPUTS, N_PASSES = 4, 2, 100
DASH = "–"
NET = frozenset({"p", "hidden_layers", "hidden_units", "taper", "by_width", "seed"})


def layer_sizes(values: stage.Values) -> tuple[int, ...]:
    units, shrink = values["hidden_units"], values["taper"]
    hidden = (max(2, units >> (layer * shrink)) for layer in range(values["hidden_layers"]))
    return (N_INPUTS, *hidden, N_OUTPUTS)


def rates(values: stage.Values) -> tuple[float, ...]:
    sizes = layer_sizes(values)
    if values["by_width"]:
        return sim.rates_by_width(sizes, values["p"])
    return (values["p"],) * (len(sizes) - 2)


def sampled(values: stage.Values, n_samples: int, n_passes: int) -> sim.Masks:
    given = (0.0,) * values["hidden_layers"] if values["inference"] else rates(values)
    rng = np.random.default_rng(values["seed"])
    return sim.sample_masks(layer_sizes(values), given, n_samples, n_passes, rng)


def mask_table(masks: sim.Masks) -> pd.DataFrame:
    parts = []
    for layer, keep in enumerate(masks.keep[1:-1], start=1):
        numbers, samples, units = np.indices(keep.shape)
        parts.append(
            pd.DataFrame(
                {
                    "pass": numbers.ravel() + 1,
                    "sample": samples.ravel() + 1,
                    "hidden layer": layer,
                    "unit": units.ravel() + 1,
                    "kept": keep.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
