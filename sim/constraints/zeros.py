"""Which weights a budget sets to exactly zero: over a map of optima, and over random losses."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.constraints.ball import check_budget, check_norm_order, outside
from sim.constraints.minimum import minima_of
from sim.constraints.quadratic import Array, Quadratic
from sim.constraints.rays import unit
from sim.constraints.rounding import ROUNDING, blur

Codes = npt.NDArray[np.uint8]
NONE, FIRST, SECOND, BOTH = range(4)
"""Codes: no weight is zero; w1 = 0; w2 = 0; both."""

Shape = Literal["symmetric", "general", "axis_aligned"]
REACH = 10.0
"""The random optima lie on [-10, 10]^2."""


@dataclass(frozen=True, slots=True, eq=False)
class ZeroMap:
    """`codes` (n, n), one per position (w1[column], w2[row]) of the unconstrained optimum."""

    w1: Array
    w2: Array
    codes: Codes


@dataclass(frozen=True, slots=True, eq=False)
class ZeroShare:
    """Random losses and their constrained minima.

    `centers`, `weights` (n, 2) and `hessians` (n, 2, 2); `codes` (n,), which weights are zero;
    `share`, the part of the n solutions with at least one exact zero.
    """

    centers: Array
    hessians: Array
    weights: Array
    codes: Codes
    share: float


def zero_map(
    loss: Quadratic,
    norm_order: float,
    budget: float,
    extent: float | tuple[float, float, float, float],
    resolution: int = 200,
) -> ZeroMap:
    """Which weights are exactly zero, for each position of the loss's centre on a square grid.

    The curvature is that of `loss`; its own centre plays no part. `extent` is (least w1, largest
    w1, least w2, largest w2), or one number for a square about the origin. The codes are those of
    `constrained_minimum`, 0 to 3. Raises ValueError as it does, for an extent that is empty or not
    finite, and for resolution < 2.
    """
    check_norm_order(norm_order)
    check_budget(budget)
    edges = extent if isinstance(extent, tuple) else (-extent, extent, -extent, extent)
    left, right, bottom, top = edges
    if not (all(map(math.isfinite, edges)) and left < right and bottom < top):
        raise ValueError(
            f"extent must be finite, with its first number below its second, not {extent}."
        )
    if resolution < 2:
        raise ValueError(f"resolution must be at least 2 points a side, not {resolution}.")
    w1, w2 = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    centers = np.stack(np.meshgrid(w1, w2), axis=-1).reshape(-1, 2)
    codes = codes_of(centers)
    beyond = outside(centers, norm_order, budget)
    if budget == 0:
        codes[beyond] = BOTH
    else:
        codes[beyond] = _codes_outside(loss.hessian, centers[beyond], norm_order, budget)
    return ZeroMap(w1, w2, codes.reshape(resolution, resolution))


def zero_share(
    norm_order: float, budget: float, n: int, rng: np.random.Generator, shape: Shape = "symmetric"
) -> ZeroShare:
    """Draw n random quadratic losses with optima outside the ball; count solutions with a zero.

    The experiment of Terence Parr, "The difference between L1 and L2 regularization"
    (explained.ai): the loss is a (w1 - c1)^2 + b (w2 - c2)^2 + c (w1 - c1) (w2 - c2), with c1 and
    c2 uniform on [-10, 10] and outside the ball, and

    - symmetric: a = b uniform on [0, 10], c = 0, round contours;
    - general: a and b uniform on [0, 10], c on [-2, 2], drawn again when that is a saddle;
    - axis_aligned: one of a and b is 0.1, the other uniform on [0, 10], c = 0.

    Raises ValueError for n < 1, a budget of 10 or more, another shape, and as
    `constrained_minimum` does.
    """
    check_norm_order(norm_order)
    check_budget(budget)
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    if budget >= REACH:
        raise ValueError(
            f"budget must be below {REACH:g}, or hardly an optimum is outside; not {budget}."
        )
    centers, hessians = np.empty((0, 2)), np.empty((0, 2, 2))
    while len(centers) < n:
        c, H = rng.uniform(-REACH, REACH, (n, 2)), _hessians(shape, n, rng)
        determinant = H[:, 0, 0] * H[:, 1, 1] - H[:, 0, 1] ** 2
        # Rounding would speak for a loss that is flat to one part in 1e10.
        sound = determinant > 1e-10 * np.maximum(H[:, 0, 0], H[:, 1, 1]) ** 2
        fit = sound & outside(c, norm_order, budget)
        centers = np.concatenate([centers, c[fit]])[:n]
        hessians = np.concatenate([hessians, H[fit]])[:n]
    weights = minima_of(hessians, centers, norm_order, np.full(n, float(budget)))
    codes = codes_of(weights)
    return ZeroShare(centers, hessians, weights, codes, float((codes != NONE).mean()))


def codes_of(weights: Array) -> Codes:
    """0 to 3, which weights are exactly zero: shape (..., 2) to (...)."""
    zero = weights == 0
    return np.asarray(zero[..., 0] * FIRST + zero[..., 1] * SECOND, dtype=np.uint8)


def _hessians(shape: Shape, n: int, rng: np.random.Generator) -> Array:
    a, b = rng.uniform(0.0, 10.0, (2, n))
    tilt = np.zeros(n)
    if shape == "symmetric":
        b = a
    elif shape == "general":
        tilt = rng.uniform(-2.0, 2.0, n)
    elif shape == "axis_aligned":
        useless = rng.random(n) < 0.5
        a, b = np.where(useless, 0.1, a), np.where(useless, b, 0.1)
    else:
        raise ValueError(f"shape must be symmetric, general or axis_aligned, not {shape!r}.")
    return np.stack([np.stack([2 * a, tilt], -1), np.stack([tilt, 2 * b], -1)], -2)


def _codes_outside(hessian: Array, centers: Array, norm_order: float, budget: float) -> Codes:
    """The codes of centres outside the ball: is one of the four points on the axes the minimum?"""
    b = centers @ hessian
    codes = np.full(len(b), NONE, dtype=np.uint8)
    doubtful = np.zeros(len(b), dtype=bool)
    blurs = blur(hessian, centers)
    for axis, code in ((0, SECOND), (1, FIRST)):
        sign = np.where(b[:, axis] < 0, -1.0, 1.0)
        along = sign * b[:, axis]
        pull = sign * b[:, 1 - axis]
        force = along - hessian[axis, axis] * budget
        if norm_order < 1:
            least, error = _least_pull(hessian, axis, norm_order, budget, pull)
            zero = along >= least
            doubtful |= np.abs(along - least) <= error
        else:
            weaker = np.abs(pull - hessian[0, 1] * budget)
            slack = blurs + ROUNDING * budget * (hessian[axis, axis] + abs(hessian[0, 1]))
            zero = (force >= 0) & (weaker <= (force if norm_order == 1 else 0.0) + slack)
        codes[zero & (codes == NONE)] = code
    if doubtful.any():
        some = centers[doubtful]
        hessians = np.broadcast_to(hessian, (len(some), 2, 2))
        exact = minima_of(hessians, some, norm_order, np.full(len(some), budget))
        codes[doubtful] = codes_of(exact)
    return codes


def _least_pull(
    hessian: Array, axis: int, norm_order: float, budget: float, pull: Array
) -> tuple[Array, Array]:
    """From which pull along an axis its end v wins, given the pull across; and its blur.

    v wins when b . (v - w) >= (v'Hv - w'Hw) / 2 at every other w on the boundary. Solved for the
    pull along the axis that is a maximum over w, a convex function of the pull across, which is
    tabulated here. The blur is above the error of the table, which grows with its bends.
    """
    nodes = 1.5 * np.sinh(np.linspace(-3.2, 3.2, 97))
    x, y = (np.concatenate([part, [1.0 - k, k]]) for k, part in enumerate(unit(nodes, norm_order)))
    w = budget * np.concatenate([np.column_stack([p * x, q * y]) for p in (1, -1) for q in (1, -1)])
    v = np.zeros(2)
    v[axis] = budget
    gap = budget - w[:, axis]
    w, gap = w[gap > 1e-6 * budget], gap[gap > 1e-6 * budget]
    energy = 0.5 * (v @ hessian @ v - ((w @ hessian) * w).sum(axis=1)) / gap
    table = np.linspace(pull.min(), pull.max(), 256)
    bound = (table[:, None] * (w[:, 1 - axis] / gap) + energy).max(axis=1)
    bound = np.maximum(bound, hessian[axis, axis] * budget)  # the limit of w towards v
    bend = np.pad(np.abs(np.diff(bound, 2)), 2)
    bend = np.maximum(np.maximum(bend[:-2], bend[1:-1]), bend[2:])
    blur = bend + 3e-4 * np.trace(hessian) * budget
    return np.interp(pull, table, bound), np.interp(pull, table, blur)
