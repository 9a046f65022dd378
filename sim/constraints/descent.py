"""Gradient descent on a penalised quadratic, step by step: what L1 and L2 do to the weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.constraints.ball import check_penalty
from sim.constraints.quadratic import Array, Quadratic
from sim.constraints.rounding import ROUNDING

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

    A weight of which a step leaves no more than rounding is zero.

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

    def move(w: float, down: float) -> float:
        if method != "proximal":
            held = shrink * _slope(w, norm_order)
            return _settled(w - down - held, w, down, held)
        if norm_order == 1:
            return _settled(_soft(w - down, shrink), w, down, shrink)
        return _settled(w - down, w, down) / (1 + 2 * shrink)

    for step in range(1, n_steps + 1):
        down1 = learning_rate * (h11 * (w1 - c1) + h12 * (w2 - c2))
        down2 = learning_rate * (h12 * (w1 - c1) + h22 * (w2 - c2))
        w1, w2 = move(w1, down1), move(w2, down2)
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
    subgradient: the same here) L1 steps over zero and oscillates, unless a step ends right on it; a
    proximal step holds it there. The arithmetic is that of the numbers as they are written: ten
    steps of 1 * 0.2 lead from 2 to 0, which in floating point they miss by 4e-16.

    Raises ValueError for another kind or method, a start beyond LIMIT in size, and arguments that
    `descend` refuses.
    """
    if kind not in ("l1", "l2"):
        raise ValueError(f"kind must be l1 or l2, not {kind!r}.")
    if method not in ("gradient", "subgradient", "proximal"):
        raise ValueError(f"method must be gradient, subgradient or proximal, not {method!r}.")
    _check_run(penalty, abs(start), learning_rate, n_steps)
    norm_order = 1 if kind == "l1" else 2
    first, shrink = _written(start), _written(learning_rate) * _written(penalty)
    # On |x| start and steps are whole numbers of a unit; on x^2 a step is one factor.
    per_one = math.lcm(first.denominator, shrink.denominator) if kind == "l1" else 1
    x: float = int(first * per_one) if kind == "l1" else float(first)
    move = _move(norm_order, shrink * per_one, method)
    path = [x]
    diverged_at = None
    for step in range(1, n_steps + 1):
        x = move(x)
        if not abs(x) <= int(LIMIT) * per_one:
            diverged_at = step
            break
        path.append(x)
    positions = np.array([x / per_one for x in path])
    at_zero = (positions == 0).nonzero()[0]
    slopes = np.sign(positions) if norm_order == 1 else 2 * positions
    return Roll(
        positions,
        penalty * np.abs(positions) ** norm_order,
        0.0 - penalty * slopes,
        int(at_zero[0]) if at_zero.size else None,
        diverged_at,
    )


def _written(x: float) -> Fraction:
    """The number as it is written, 1/5 for 0.2, not the binary one beside it."""
    return Fraction(repr(float(x)))


def _move(norm_order: int, shrink: Fraction, method: Method) -> Callable[[float], float]:
    """One step of a ball; on |x| one by `shrink`, which is a whole number."""
    if norm_order == 1:
        by = int(shrink)
        if method == "proximal":
            return lambda x: _soft(x, by)
        return lambda x: x - by * ((x > 0) - (x < 0))
    shrink = min(shrink, Fraction(10**300))  # which a float can hold
    factor = float(1 / (1 + 2 * shrink) if method == "proximal" else 1 - 2 * shrink)
    return lambda x: factor * x


def _slope(x: float, norm_order: int) -> float:
    if norm_order == 2:
        return 2 * x
    return float(x > 0) - float(x < 0)


def _soft(x: float, threshold: float) -> float:
    return max(x - threshold, 0) if x > 0 else min(x + threshold, 0)


def _settled(left: float, *terms: float) -> float:
    """What is left of the terms: zero where that is rounding alone."""
    size = sum(map(abs, terms))
    return 0.0 if abs(left) <= ROUNDING * size < math.inf else left


def _check_run(penalty: float, size: float, learning_rate: float, n_steps: int) -> None:
    check_penalty(penalty)
    if not size <= LIMIT:
        raise ValueError(f"start must be finite and at most {LIMIT:g} in size, not {size}.")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a finite number above zero, not {learning_rate}.")
    if n_steps < 0:
        raise ValueError(f"n_steps must be zero or more, not {n_steps}.")
