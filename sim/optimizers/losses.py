"""Losses over two weights to watch an optimiser on, and where weight decay lets each rule end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Array, RuleKind


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """A loss over two weights, zero at its only minimum.

    `value` maps points (..., 2) to (...), `gradient` maps them to (..., 2), `hessian_at` maps one
    point to the (2, 2) matrix of second derivatives there; for a `quadratic` loss it is the same
    everywhere.
    `start` is where a path begins, `extent` the part of the plane to draw, as (w1 from, w1 to,
    w2 from, w2 to).
    """

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    hessian_at: Callable[[Array], Array]
    minimum: Array
    start: Array
    extent: tuple[float, float, float, float]
    quadratic: bool

    @property
    def hessian(self) -> Array:
        """The second derivatives at the minimum."""
        return self.hessian_at(self.minimum)

    @property
    def curvature(self) -> float:
        """L, the largest second derivative at the minimum in any direction."""
        return float(np.linalg.eigvalsh(self.hessian)[-1])


def stability_bound(loss: Loss, momentum: float = 0.0, weight_decay: float = 0.0) -> float:
    """The learning rate above which SGD cannot settle: 2 (1 + momentum) / (L + weight_decay).

    For a quadratic loss every path diverges above it and converges below it (Polyak, 1964). For
    the other losses L is the curvature at the `fixed_point` under that decay: above the bound no
    path comes to rest there, though it may stay near, and below it one that is near does. Adam and
    AdamW divide by the size of the gradient and have no such bound.

    Raises ValueError unless 0 <= momentum < 1 and weight_decay >= 0.
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be at least 0 and below 1, not {momentum}.")
    curved = loss.hessian_at(fixed_point("sgd", loss, weight_decay))
    return 2 * (1 + momentum) / (float(np.linalg.eigvalsh(curved)[-1]) + weight_decay)


def fixed_point(rule_kind: RuleKind, loss: Loss, weight_decay: float) -> Array:
    """Where a rule with this weight decay settles, shape (2,); `loss.minimum` without decay.

    SGD, Momentum and Adam settle where loss + (weight_decay / 2) * |w|^2 is least. AdamW does not
    minimise that sum. Where the gradient stays, m_hat / sqrt(v_hat) is its sign, so its step is
    balanced by the decay only where |w_i| = 1 / weight_decay; elsewhere the gradient must vanish.
    So it settles where the loss alone is least among the weights with every |w_i| <= 1 /
    weight_decay (Xie and Li, "Implicit bias of AdamW", ICML 2024). That is for the full gradient
    and a small learning rate: on the way there the decay holds AdamW back for thousands of steps,
    because v_hat forgets slowly, and both Adams end by circling within a few learning rates.

    Raises ValueError when weight_decay is negative or not finite.
    """
    _check_decay(weight_decay)
    return _settling_point(rule_kind == "adamw", loss, float(weight_decay)).copy()


@lru_cache(maxsize=256)
def _settling_point(decoupled: bool, loss: Loss, weight_decay: float) -> Array:
    if weight_decay == 0 or (decoupled and np.abs(loss.minimum).max() <= 1 / weight_decay):
        return loss.minimum
    if loss.quadratic and not decoupled:
        penalised = loss.hessian + weight_decay * np.eye(2)
        return np.asarray(np.linalg.solve(penalised, loss.hessian @ loss.minimum), np.float64)
    from scipy.optimize import minimize  # half a second, for the losses without a formula

    penalty, budget = (0.0, 1 / weight_decay) if decoupled else (weight_decay, np.inf)
    found = minimize(
        lambda w: float(loss.value(w) + penalty / 2 * (w @ w)),
        np.clip(loss.minimum, -budget, budget),
        jac=lambda w: loss.gradient(w) + penalty * w,
        method="L-BFGS-B",
        bounds=[(-budget, budget)] * 2,
        options={"ftol": 1e-16, "gtol": 1e-9},
    )
    return np.asarray(found.x, dtype=np.float64)


def _bowl(
    hessian: npt.ArrayLike,
    minimum: tuple[float, float],
    start: tuple[float, float],
    extent: tuple[float, float, float, float],
) -> Loss:
    H, center = np.array(hessian, dtype=np.float64), np.array(minimum)

    def value(w: Array) -> Array:
        offset = np.asarray(w) - center
        return np.asarray(0.5 * ((offset @ H) * offset).sum(axis=-1))

    def gradient(w: Array) -> Array:
        return np.asarray((np.asarray(w) - center) @ H)

    return Loss(value, gradient, lambda w: H, center, np.array(start), extent, quadratic=True)


def _narrow_valley() -> Loss:
    """A gentle slope between walls of constant steepness 10, rounded within 0.1 of the floor."""

    def value(w: Array) -> Array:
        x, y = np.moveaxis(np.asarray(w), -1, 0)
        return np.asarray(0.05 * (x - 2) ** 2 + np.sqrt(1 + 100 * (y - 1) ** 2) - 1)

    def gradient(w: Array) -> Array:
        x, y = np.moveaxis(np.asarray(w), -1, 0)
        wall = 100 * (y - 1) / np.sqrt(1 + 100 * (y - 1) ** 2)
        return np.stack([0.1 * (x - 2), wall], axis=-1)

    def hessian(w: Array) -> Array:
        return np.diag([0.1, 100 / (1 + 100 * (w[1] - 1) ** 2) ** 1.5])

    return Loss(
        value,
        gradient,
        hessian,
        minimum=np.array([2.0, 1.0]),
        start=np.array([-2.0, 2.0]),
        extent=(-3.0, 3.0, -1.0, 3.0),
        quadratic=False,
    )


def _rosenbrock() -> Loss:
    """(1 - x)^2 + 100 (y - x^2)^2: Rosenbrock, The Computer Journal 3 (1960)."""

    def value(w: Array) -> Array:
        x, y = np.moveaxis(np.asarray(w), -1, 0)
        return np.asarray((1 - x) ** 2 + 100 * (y - x**2) ** 2)

    def gradient(w: Array) -> Array:
        x, y = np.moveaxis(np.asarray(w), -1, 0)
        off = y - x**2
        return np.stack([-2 * (1 - x) - 400 * x * off, 200 * off], axis=-1)

    def hessian(w: Array) -> Array:
        x, y = w
        return np.array([[2 - 400 * y + 1200 * x**2, -400 * x], [-400 * x, 200.0]])

    return Loss(
        value,
        gradient,
        hessian,
        minimum=np.array([1.0, 1.0]),
        start=np.array([-1.2, 1.0]),
        extent=(-2.0, 2.0, -1.0, 3.0),
        quadratic=False,
    )


def _check_decay(weight_decay: float) -> None:
    if not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise ValueError(f"weight_decay must be finite and zero or more, not {weight_decay}.")


_VIEW = (-3.0, 3.0, -2.0, 3.0)
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "bowl": _bowl(np.eye(2), (2.0, 1.0), (-2.0, 2.5), _VIEW),
        "ill_scaled": _bowl(np.diag([1.0, 25.0]), (2.0, 1.0), (-2.0, 2.5), _VIEW),
        # The ill-scaled bowl turned by 30 degrees: 13 -+ 12 cos 60, 12 sin 60.
        "rotated": _bowl(
            [[7.0, -6 * np.sqrt(3.0)], [-6 * np.sqrt(3.0), 19.0]], (2.0, 1.0), (-2.0, 2.5), _VIEW
        ),
        "narrow_valley": _narrow_valley(),
        "rosenbrock": _rosenbrock(),
    }
)
