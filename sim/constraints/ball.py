"""The ball of a norm order: its size function and its boundary.

||w||_q = (|w1|^q + |w2|^q)^(1/q), the larger of |w1| and |w2| for q = inf. Below q = 1 this is no
norm and the ball is a star, not convex; above, it is convex.
"""

import math

import numpy as np
import numpy.typing as npt

from sim.constraints.quadratic import Array
from sim.constraints.rounding import ROUNDING


def norm(w: npt.ArrayLike, norm_order: float) -> Array:
    """||w||_q at `w` of shape (..., 2); the result has shape (...). It is exact on the axes."""
    check_norm_order(norm_order)
    sizes = np.abs(np.asarray(w, dtype=np.float64))
    if norm_order == 1:
        return np.asarray(sizes.sum(axis=-1))
    if norm_order == 2:
        return np.asarray(np.hypot(sizes[..., 0], sizes[..., 1]))
    largest = sizes.max(axis=-1)
    if norm_order == math.inf:
        return np.asarray(largest)
    ratio = sizes.min(axis=-1) / np.where(largest > 0, largest, 1.0)
    return np.asarray(largest * (1 + ratio**norm_order) ** (1 / norm_order))


def outside(w: npt.ArrayLike, norm_order: float, budget: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether `w`, shape (..., 2), lies outside the ball; on its boundary, to rounding, it is in.

    So (0.1, 0.2) is in the diamond of budget 0.3, though in floating point 0.1 + 0.2 > 0.3.
    """
    return np.asarray(norm(w, norm_order) > np.asarray(budget) * (1 + ROUNDING))


def ball(norm_order: float, budget: float, n: int = 181) -> Array:
    """The boundary {||w||_q = budget} as a closed curve: shape (n, 2), last point equal to first.

    It turns once, counterclockwise. Its four vertices, on the axes (on the diagonals for q = inf),
    are exact and among the points. Raises ValueError for a norm order that is not positive, a
    budget that is negative or not finite, or n < 5.
    """
    check_norm_order(norm_order)
    check_budget(budget)
    if n < 5:
        raise ValueError(f"n must be at least 5 points for a closed curve, not {n}.")
    first = math.pi / 4 if norm_order == math.inf else 0.0
    vertices = np.round(np.linspace(0, n - 1, 5)).astype(int)
    angles = np.interp(np.arange(n), vertices, first + np.linspace(0, 2 * np.pi, 5))
    points = boundary(norm_order, angles)
    points[vertices] = np.round(points[vertices])
    return budget * points


def boundary(norm_order: float, angles: Array) -> Array:
    """Points of shape (..., 2) on the unit ball's boundary, in the quadrant of each angle.

    The angle is a parameter: the polar angle for q >= 2, and below that cos and sin to the power
    2 / q, which is dense where the curve meets the axes.
    """
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    if norm_order < 2:
        return np.asarray(np.sign(circle) * np.abs(circle) ** (2 / norm_order))
    return np.asarray(circle / norm(circle, norm_order)[..., None])


def boundary_angle(norm_order: float, w: Array) -> float:
    """The angle at which `boundary` gives the direction of `w`, shape (2,)."""
    if norm_order < 2:
        w = np.sign(w) * np.abs(w / np.abs(w).max()) ** (norm_order / 2)
    return math.atan2(w[1], w[0])


def check_norm_order(norm_order: float) -> None:
    if not norm_order > 0:
        raise ValueError(
            "norm_order must be a number above zero: 1 for the diamond, 2 for the disc, "
            f"math.inf for the square; not {norm_order}."
        )


def check_budget(budget: float) -> None:
    if not (math.isfinite(budget) and budget >= 0):
        raise ValueError(f"budget must be a finite number that is zero or more, not {budget}.")


def check_penalty(penalty: float) -> None:
    if not (math.isfinite(penalty) and penalty >= 0):
        raise ValueError(f"penalty must be a finite number that is zero or more, not {penalty}.")
