"""The path of an optimiser over a loss, with what is needed to open any of its steps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.optimizers.rules import Array, Rule, State, Step

BOUND = 1e6
"""How far from zero a weight may go before its path counts as diverging."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """`weights` (steps + 1, ...), the start first, and the `gradients` (steps, ...) at them.

    All finite. `diverged_at` is the step that left the bound, which the path no longer shows, or
    None; `states` holds what the rule remembered at each of `weights`.
    """

    rule: Rule
    weights: Array
    gradients: Array
    states: tuple[State, ...]
    diverged_at: int | None

    def open(self, step: int) -> Step:
        """Every number of step `step`, counted from 1: the one that led to `weights[step]`.

        Raises ValueError when the path has no such step.
        """
        if not 1 <= step <= len(self.gradients):
            raise ValueError(f"step must be from 1 to {len(self.gradients)}, not {step}.")
        before = step - 1
        return self.rule.open_step(
            self.weights[before], self.gradients[before], self.states[before]
        )


def trajectory(
    rule: Rule,
    gradient: Callable[[Array], Array],
    start: npt.ArrayLike,
    n_steps: int,
    bound: float = BOUND,
) -> Trajectory:
    """Follow `rule` for `n_steps` from `start`, until a weight is beyond +-`bound` or not finite.

    `gradient` maps weights to the loss's gradient, in the same shape. Raises ValueError when
    `start` is beyond the bound, or n_steps is negative.
    """
    weights = np.array(start, dtype=np.float64)
    if n_steps < 0:
        raise ValueError(f"n_steps must be zero or more, not {n_steps}.")
    if not (np.abs(weights) <= bound).all():
        raise ValueError(f"start must be finite and within +-{bound}, not {start!r}.")
    path, gradients, states = [weights], [], [rule.init(weights)]
    diverged_at = None
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, n_steps + 1):
            here = gradient(weights)
            weights, state = rule.update(weights, here, states[-1])
            if not np.abs(weights).max() <= bound:  # also when it is nan
                diverged_at = step
                break
            path.append(weights)
            gradients.append(here)
            states.append(state)
    shape = (len(gradients), *path[0].shape)
    return Trajectory(
        rule, np.array(path), np.array(gradients).reshape(shape), tuple(states), diverged_at
    )
