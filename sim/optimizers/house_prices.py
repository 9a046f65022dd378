"""The straight line through five house prices, as AdamW finds it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.optimizers.rules import AdamW, Array
from sim.optimizers.trajectory import Trajectory, trajectory

AREAS = (100.0, 200.0, 300.0, 400.0, 500.0)
PRICES = (150.0, 300.0, 450.0, 600.0, 750.0)
SLOPE = 1.5  # with intercept 0 the line through all five points

Standardised = Literal["nothing", "input", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A fitted line, price = slope * area + intercept, whatever units it was trained in.

    `slopes` and `losses` (steps + 1,) have the slope and the mean squared error, in squared
    prices, before training and after every step; `path` holds the trained weights (slope,
    intercept) in the units of training.
    """

    slope: float
    intercept: float
    slopes: Array
    losses: Array
    path: Trajectory


def house_prices(
    learning_rate: float = 0.01,
    weight_decay: float = 0.1,
    n_steps: int = 1000,
    standardise: Standardised = "nothing",
    *,
    rng: np.random.Generator,
) -> Line:
    """Train slope and intercept with AdamW on the mean squared error of all five houses.

    Both weights start as standard normal numbers and both decay, as with
    `torch.optim.AdamW(model.parameters())`. `standardise` says what is brought to mean 0 and
    deviation 1 first: nothing, the areas ("input"), or areas and prices ("both"). Where
    learning_rate * weight_decay is above 2 the decay itself overshoots, and the path is cut.

    Raises ValueError for bad settings of AdamW or an unknown `standardise`.
    """
    if standardise not in ("nothing", "input", "both"):
        raise ValueError(f"standardise must be nothing, input or both, not {standardise}.")
    areas, prices = np.array(AREAS), np.array(PRICES)
    area_mean, area_scale = (0.0, 1.0) if standardise == "nothing" else _moments(areas)
    price_mean, price_scale = _moments(prices) if standardise == "both" else (0.0, 1.0)
    inputs = np.stack([(areas - area_mean) / area_scale, np.ones_like(areas)])
    target = (prices - price_mean) / price_scale

    hessian = 2 / target.size * inputs @ inputs.T
    pull = 2 / target.size * inputs @ target

    def gradient(weights: Array) -> Array:
        return np.asarray(hessian @ weights - pull)

    rule = AdamW(learning_rate, weight_decay=weight_decay)
    path = trajectory(rule, gradient, rng.standard_normal(2), n_steps)
    errors = path.weights @ inputs - target
    slopes = path.weights[:, 0] * price_scale / area_scale
    slope, intercept = float(slopes[-1]), float(path.weights[-1, 1])
    return Line(
        slope=slope,
        intercept=price_mean + price_scale * intercept - slope * area_mean,
        slopes=slopes,
        losses=price_scale**2 * (errors**2).mean(axis=1),
        path=path,
    )


def _moments(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std())
