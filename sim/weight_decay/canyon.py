"""Gradient descent in a parabola: the sharper the canyon, the smaller the step that is safe."""

from dataclasses import dataclass

import numpy as np

from sim.optimizers.rules import Array

_BOUND = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Canyon:
    """A descent in y = a * x^2: `x` and `height`, both (steps + 1,), the start first.

    `factor` is what every step multiplies x with, 1 - 2 * learning_rate * a. `safe_learning_rate`
    is 1 / a, which is 2 / L for the curvature L = 2a: below it x goes to zero. At it x jumps to
    and fro for ever, and above it x `diverged`; the path then ends within 1e6 of the bottom.
    """

    a: float
    learning_rate: float
    x: Array
    height: Array
    factor: float
    safe_learning_rate: float
    diverged: bool


def canyon_descent(a: float, learning_rate: float, start: float = 2.0, n_steps: int = 30) -> Canyon:
    """Descend y = a * x^2 from x = `start` by plain gradient descent.

    A step x - learning_rate * 2 * a * x is made as x * (1 - learning_rate * 2 * a): else rounding
    would leave 1e-16 of x where one step reaches the bottom.

    Raises ValueError unless a and learning_rate are finite and above zero, and start within 1e6.
    """
    for name, value in (("a", a), ("learning_rate", learning_rate)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and above zero, not {value}.")
    if not abs(start) <= _BOUND:
        raise ValueError(f"start must be finite and within +-{_BOUND:g}, not {start}.")
    factor = 1 - 2 * learning_rate * a
    x = np.full(n_steps + 1, float(start))
    with np.errstate(over="ignore", invalid="ignore"):
        x[1:] *= np.cumprod(np.full(n_steps, factor))
    out = ~(np.abs(x) <= _BOUND)
    x = x[: int(out.argmax()) if out.any() else None]
    return Canyon(
        a=a,
        learning_rate=learning_rate,
        x=x,
        height=a * x**2,
        factor=factor,
        safe_learning_rate=1 / a,
        diverged=bool(learning_rate > 1 / a and start != 0),
    )
