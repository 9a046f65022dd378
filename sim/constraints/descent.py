"""Gradient descent on a penalised quadratic, step by step: what L1 and L2 do to the weights."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.constraints.ball import check_penalty
from sim.constraints.quadratic import Array, Quadratic

Method = Literal["gradient", "subgradient", "proximal"]
LIMIT = 1e6
"""A weight beyond this size counts as diverged, and the path ends before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """The weights after each step, `weights` (frames, 2), the start first, and their `objectives`.

    There are n_steps + 1 frames, all finite; fewer when it `diverged`: then step `diverged_at`
    would have left the square |w_i| <= LIMIT, and the frames end with the one before.
    Below `safe_learning_rate` descent cannot diverge: 2 / (largest curvature of the smooth part).
    """

    weights: Array
    objectives: Array
    diverged_at: int | None
    safe_learning_rate: float

    @property
    def diverged(self) -> bool:
        """Whether the path was cut."""
        return self.diverged_at is not None


@dataclass(frozen=True, slots=True, eq=False)
class Roll:
    """A ball that rolls on penalty * |x| or penalty * x^2.

    Arrays of one entry per frame, the start first: `positions`; `heights` of the curve there; and
    `pushes`, minus its slope there (0 at the kink). `reached_zero_at` is the first frame exactly at
    0, or None; `diverged_at` is as for `Descent`.
    """

    positions: Array
    heights: Array
    pushes: Array
    reached_zero_at: int | None
    diverged_at: int | None


def descend(
    loss: Quadratic,
    norm_order: int,
    penalty: float,
    start: npt.ArrayLike,
    learning_rate: float,
    n_steps: int,
    method: Method = "gradient",
) -> Descent:
    """Go downhill on loss + penalty * sum |w_i|^q, for q = 1 or 2, from `start`, shape (2,).

    - gradient (q = 2): the gradient of the whole, 2 * penalty * w for the penalty.
    - subgradient (q = 1): penalty * sign(w) in its place, with sign(0) = 0; it hovers about zero.
    - proximal (q = 1 or 2): a step on the loss alone, then the penalty's own minimum: for q = 1 the
      soft threshold, which reaches zero exactly (ISTA); for q = 2 a division.

    Raises ValueError for another pair of method and order, a start that is not two finite numbers
    of size up to LIMIT, a penalty that is negative, a learning rate that is not positive, or a
    negative n_steps. Source: Beck and Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm,
    section 1.
    """
    if (norm_order, method) not in {
        (1, "subgradient"),
        (1, "proximal"),
        (2, "gradient"),
        (2, "proximal"),
    }:
        raise ValueError(
            "method must be subgradient or proximal with norm_order 1, and gradient or proximal "
            f"with norm_order 2, not {method!r} with {norm_order}."
        )
    first = np.asarray(start, dtype=np.float64)
    if first.shape != (2,):
        raise ValueError(f"start must have shape (2,), not {first.shape}.")
    _check_run(penalty, float(np.abs(first).max()), learning_rate, n_steps)
    (h11, h12), (_, h22) = loss.hessian.tolist()
    c1, c2 = loss.center.tolist()
    shrink = learning_rate * penalty
    w1, w2 = first.tolist()
    path = [(w1, w2)]
    diverged_at = None
    for step in range(1, n_steps + 1):
        g1, g2 = h11 * (w1 - c1) + h12 * (w2 - c2), h12 * (w1 - c1) + h22 * (w2 - c2)
        if method == "proximal":
            w1, w2 = w1 - learning_rate * g1, w2 - learning_rate * g2
            if norm_order == 1:
                w1, w2 = _soft(w1, shrink), _soft(w2, shrink)
            else:
                w1, w2 = w1 / (1 + 2 * shrink), w2 / (1 + 2 * shrink)
        else:
            w1, w2 = (
                w1 - learning_rate * g1 - shrink * _slope(w1, norm_order),
                w2 - learning_rate * g2 - shrink * _slope(w2, norm_order),
            )
        if not max(abs(w1), abs(w2)) <= LIMIT:
            diverged_at = step
            break
        path.append((w1, w2))
    weights = np.array(path)
    objectives = loss.value(weights) + penalty * (np.abs(weights) ** norm_order).sum(axis=1)
    curvature = float(np.linalg.eigvalsh(loss.hessian)[1])
    if method == "gradient":
        curvature += 2 * penalty
    return Descent(weights, objectives, diverged_at, 2 / curvature)


def one_dimensional_descent(
    kind: Literal["l1", "l2"],
    start: float,
    penalty: float,
    learning_rate: float,
    n_steps: int,
    method: Method = "gradient",
) -> Roll:
    """Let one weight go downhill on its penalty alone: penalty * |x| for l1, penalty * x^2 for l2.

    L1 pushes with a constant force, and L2 in proportion to x, so that L2 slows down and never
    arrives (save in one step, when 2 * penalty * learning_rate = 1). With `method` gradient (or
    subgradient: the same here) L1 steps over zero and oscillates; a proximal step holds it there.

    Raises ValueError for another kind or method, a start beyond LIMIT in size, and arguments that
    `descend` refuses.
    """
    if kind not in ("l1", "l2"):
        raise ValueError(f"kind must be l1 or l2, not {kind!r}.")
    if method not in ("gradient", "subgradient", "proximal"):
        raise ValueError(f"method must be gradient, subgradient or proximal, not {method!r}.")
    _check_run(penalty, abs(start), learning_rate, n_steps)
    norm_order = 1 if kind == "l1" else 2
    shrink = learning_rate * penalty
    x = float(start)
    path = [x]
    diverged_at = None
    for step in range(1, n_steps + 1):
        if method != "proximal":
            x -= shrink * _slope(x, norm_order)
        else:
            x = _soft(x, shrink) if norm_order == 1 else x / (1 + 2 * shrink)
        if not abs(x) <= LIMIT:
            diverged_at = step
            break
        path.append(x)
    positions = np.array(path)
    at_zero = (positions == 0).nonzero()[0]
    slopes = np.sign(positions) if norm_order == 1 else 2 * positions
    return Roll(
        positions,
        penalty * np.abs(positions) ** norm_order,
        0.0 - penalty * slopes,
        int(at_zero[0]) if at_zero.size else None,
        diverged_at,
    )


def _slope(x: float, norm_order: int) -> float:
    if norm_order == 2:
        return 2 * x
    return float(x > 0) - float(x < 0)


def _soft(x: float, threshold: float) -> float:
    return max(x - threshold, 0.0) if x > 0 else min(x + threshold, 0.0)


def _check_run(penalty: float, size: float, learning_rate: float, n_steps: int) -> None:
    check_penalty(penalty)
    if not size <= LIMIT:
        raise ValueError(f"start must be finite and at most {LIMIT:g} in size, not {size}.")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a finite number above zero, not {learning_rate}.")
    if n_steps < 0:
        raise ValueError(f"n_steps must be zero or more, not {n_steps}.")
