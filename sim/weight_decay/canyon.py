"""Gradient descent in a parabola: the sharper the canyon, the smaller the step that is safe."""

from dataclasses import dataclass

import numpy as np

from sim.optimizers.rules import SGD, Array
from sim.optimizers.trajectory import trajectory


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

    Raises ValueError unless a and learning_rate are finite and above zero.
    """
    if not (np.isfinite(a) and a > 0):
        raise ValueError(f"a must be finite and above zero, not {a}.")
    path = trajectory(SGD(learning_rate), lambda x: 2 * a * x, start, n_steps)
    return Canyon(
        a=a,
        learning_rate=learning_rate,
        x=path.weights,
        height=a * path.weights**2,
        factor=1 - 2 * learning_rate * a,
        safe_learning_rate=1 / a,
        diverged=bool(learning_rate > 1 / a and start != 0),
    )
