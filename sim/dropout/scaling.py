"""What a unit is fed while units before it are dropped, with and without inverted scaling."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.dropout.masks import Array, check_rate


@dataclass(frozen=True, slots=True, eq=False)
class UnitInput:
    """One unit's input over many masks.

    `values` has the input under each mask, shape (n_masks,); `inference` is the input when all
    units take part and nothing is scaled. `expectation` and `deviation` are those of `values`
    over all masks there are, by formula.
    """

    values: Array
    inference: float
    expectation: float
    deviation: float


def unit_input(
    outputs: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float,
    rate: float,
    n_masks: int,
    rng: np.random.Generator,
    *,
    inverted: bool = True,
) -> UnitInput:
    """The input Σ wⱼ h̃ⱼ + b of one unit, under `n_masks` masks of the units before it.

    `outputs` are those units' outputs h and `weights` the weights w from them, both of shape
    (units,). A kept output is divided by 1 - rate (`inverted`) or left as it is, and then the
    expectation misses the inference value: (1 - rate)·Σ wⱼ hⱼ + b. Raises ValueError for a rate
    outside [0, 1), for shapes that differ or n_masks < 1.
    """
    check_rate(rate)
    h, w = np.asarray(outputs, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if h.shape != w.shape or h.ndim != 1:
        raise ValueError(f"outputs {h.shape} and weights {w.shape} must be of one length.")
    if n_masks < 1:
        raise ValueError(f"n_masks must be at least 1, not {n_masks}.")
    scale = 1.0 / (1.0 - rate) if inverted else 1.0
    terms = w * h
    kept = rng.random((n_masks, h.size)) >= rate
    return UnitInput(
        values=scale * (kept @ terms) + bias,
        inference=float(terms.sum() + bias),
        expectation=float(scale * (1.0 - rate) * terms.sum() + bias),
        deviation=float(scale * np.sqrt(rate * (1.0 - rate) * (terms**2).sum())),
    )
