"""The straight line through five house prices, as AdamW finds it."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from sim.optimizers.rules import AdamW, Array
from sim.optimizers.trajectory import BOUND, Trajectory

AREAS = (100.0, 200.0, 300.0, 400.0, 500.0)
PRICES = (150.0, 300.0, 450.0, 600.0, 750.0)
SLOPE = 1.5  # with intercept 0 the line through all five points

Standardised = Literal["nothing", "input", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A fitted line, price = slope * area + intercept, whatever units it was trained in.

    `slopes` and `losses` (steps + 1,) have the slope and the mean squared error, in squared
    prices, before training and after every step; `path` holds the trained weights (slope,
    intercept) in the units of training, without the rule's states.
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

    rule = AdamW(learning_rate, weight_decay=weight_decay)
    path = _path(rule, hessian, pull, rng.standard_normal(2), n_steps)
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


def _path(rule: AdamW, hessian: Array, pull: Array, start: Array, n_steps: int) -> Trajectory:
    """What `trajectory` gives for the gradient `hessian @ weights - pull`, ten times as fast.

    Numbers for numbers: for two weights an array's overhead is nearly all of a step's time.
    """
    ((a, b), (_, c)), (p, q) = hessian.tolist(), pull.tolist()
    slope, intercept = start.tolist()
    rate, shrink, eps = float(rule.learning_rate), float(rule.weight_decay), rule.eps
    beta1, beta2 = rule.betas
    m_s = m_i = v_s = v_i = 0.0
    path, gradients, diverged_at = [(slope, intercept)], [], None
    for step in range(1, n_steps + 1):
        g_s, g_i = a * slope + b * intercept - p, b * slope + c * intercept - q
        m_s, m_i = beta1 * m_s + (1 - beta1) * g_s, beta1 * m_i + (1 - beta1) * g_i
        v_s, v_i = beta2 * v_s + (1 - beta2) * g_s * g_s, beta2 * v_i + (1 - beta2) * g_i * g_i
        m_correction, v_correction = 1 - beta1**step, 1 - beta2**step
        towards_s = m_s / m_correction / (sqrt(v_s / v_correction) + eps)
        towards_i = m_i / m_correction / (sqrt(v_i / v_correction) + eps)
        slope -= rate * shrink * slope + rate * towards_s
        intercept -= rate * shrink * intercept + rate * towards_i
        if not (abs(slope) <= BOUND and abs(intercept) <= BOUND):  # also when one is nan
            diverged_at = step
            break
        path.append((slope, intercept))
        gradients.append((g_s, g_i))
    return Trajectory(
        rule, np.array(path), np.array(gradients).reshape(-1, 2), (), diverged_at=diverged_at
    )


def _moments(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std())
