"""A quadratic loss over two weights, minimised inside an L1 or an L2 budget, exactly.

The picture of Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, figure
3.11 (PRML figure 3.4): elliptical contours of the loss meet a diamond or a disc.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """The loss 0.5 * (w - center)' hessian (w - center), with its minimum, zero, at `center`.

    `center` has shape (2,); `hessian` has shape (2, 2) and is symmetric (to 1e-12 relative) and
    positive definite. Both are stored read-only. Raises ValueError otherwise.
    """

    center: Array
    hessian: Array

    def __post_init__(self) -> None:
        center = np.array(self.center, dtype=np.float64)
        hessian = np.array(self.hessian, dtype=np.float64)
        if center.shape != (2,) or hessian.shape != (2, 2):
            raise ValueError(
                "center must have shape (2,) and hessian shape (2, 2), "
                f"not {center.shape} and {hessian.shape}."
            )
        if not (np.isfinite(center).all() and np.isfinite(hessian).all()):
            raise ValueError("center and hessian must hold finite numbers only.")
        if abs(hessian[0, 1] - hessian[1, 0]) > 1e-12 * np.abs(hessian).max():
            raise ValueError("hessian must be symmetric: its two off-diagonal entries differ.")
        hessian[1, 0] = hessian[0, 1]
        if np.linalg.eigvalsh(hessian)[0] <= 0:
            raise ValueError("hessian must be positive definite: both eigenvalues above zero.")
        for name, array in (("center", center), ("hessian", hessian)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_ellipse(cls, center: npt.ArrayLike, eccentricity: float, angle: float) -> Self:
        """The loss whose contours are ellipses with the long axis `angle` degrees from the w1 axis.

        `eccentricity` >= 1 is the ratio of the two curvatures (1 gives circles), which are
        sqrt(eccentricity) across the long axis and 1 / sqrt(eccentricity) along it, so that
        det hessian = 1 and a contour of a given level always encloses the same area.
        Raises ValueError when eccentricity is below 1, or either number is not finite.
        """
        if not (math.isfinite(eccentricity) and eccentricity >= 1):
            raise ValueError(f"eccentricity must be a finite number from 1 up, not {eccentricity}.")
        if not math.isfinite(angle):
            raise ValueError(f"angle must be a finite number of degrees, not {angle}.")
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        across = math.sqrt(eccentricity)
        along = 1 / across
        off_diagonal = (along - across) * cos * sin
        hessian = [
            [along * cos**2 + across * sin**2, off_diagonal],
            [off_diagonal, along * sin**2 + across * cos**2],
        ]
        return cls(np.asarray(center, dtype=np.float64), np.array(hessian))

    def value(self, w: npt.ArrayLike) -> Array:
        """The loss at `w` of shape (..., 2); the result has shape (...)."""
        step = np.asarray(w, dtype=np.float64) - self.center
        return np.asarray(0.5 * ((step @ self.hessian) * step).sum(axis=-1))

    def gradient(self, w: npt.ArrayLike) -> Array:
        """hessian (w - center) at `w` of shape (..., 2); the result has the same shape."""
        return np.asarray((np.asarray(w, dtype=np.float64) - self.center) @ self.hessian)


@dataclass(frozen=True, slots=True, eq=False)
class ConstrainedMinimum:
    """The minimum inside a budget.

    `weights`, shape (2,), are never outside the ball. `active` says that the budget binds, which
    is when the centre of the loss lies outside the ball. `multiplier` is the strength m for which
    the loss plus m * sum |w_i| (norm order 1) or m * sum w_i^2 (norm order 2, no factor 1/2) has
    its minimum at the same weights: 0.0 when the budget does not bind.
    """

    weights: Array
    multiplier: float
    active: bool

    def __post_init__(self) -> None:
        self.weights.flags.writeable = False


def constrained_minimum(loss: Quadratic, norm_order: int, budget: float) -> ConstrainedMinimum:
    """Minimise `loss` subject to ||w|| <= `budget` in the norm of order 1 or 2.

    The solution is exact up to rounding: a secular equation for order 2, closed forms on the
    corners and edges of the diamond for order 1, where a weight that should be zero is 0.0.
    A budget of zero leaves only the origin; its multiplier is then the least penalty that keeps
    the weights at zero: max |gradient(0)| for order 1, and math.inf for order 2 (an L2 penalty
    never quite gets there), or 0.0 for both when the centre is the origin itself.

    Raises ValueError for another norm order, or a budget that is negative or not finite.
    Source: The Elements of Statistical Learning, sections 3.4.1 and 3.4.2; Conn, Gould and Toint,
    Trust-Region Methods, section 7.3.
    """
    _check_ball(norm_order, budget)
    if _norm(loss.center, norm_order) <= budget:
        return ConstrainedMinimum(loss.center, 0.0, False)
    if budget == 0:
        force = float(np.abs(loss.gradient(np.zeros(2))).max())
        return ConstrainedMinimum(np.zeros(2), force if norm_order == 1 else math.inf, True)
    weights, multiplier = (_on_diamond if norm_order == 1 else _on_circle)(loss, budget)
    while _norm(weights, norm_order) > budget:
        largest = np.abs(weights).argmax()
        weights[largest] = np.nextafter(weights[largest], 0.0)
    return ConstrainedMinimum(weights, multiplier, True)


def ellipse(loss: Quadratic, level: float, n: int = 181) -> Array:
    """The contour {loss = level} as a closed curve: shape (n, 2), last point equal to the first.

    Level 0 gives the centre, repeated. Raises ValueError when the level is negative or not finite,
    or when n < 5.
    """
    if not (math.isfinite(level) and level >= 0):
        raise ValueError(f"level must be a finite number that is zero or more, not {level}.")
    curvatures, axes = np.linalg.eigh(loss.hessian)
    return np.asarray(loss.center + (_circle(n) * np.sqrt(2 * level / curvatures)) @ axes.T)


def ball(norm_order: int, budget: float, n: int = 181) -> Array:
    """The boundary {||w|| = budget} as a closed curve: shape (n, 2), last point equal to the first.

    A diamond for order 1, its four corners exact and among the points; a circle for order 2.
    Raises ValueError for another order, a budget that is negative or not finite, or n < 5.
    """
    _check_ball(norm_order, budget)
    circle = _circle(n)
    if norm_order == 2:
        return budget * circle
    corners = np.round(np.linspace(0, n - 1, 5))
    sides = (
        np.interp(np.arange(n), corners, side) for side in ([1, 0, -1, 0, 1], [0, 1, 0, -1, 0])
    )
    return budget * np.column_stack(list(sides))


def _on_circle(loss: Quadratic, budget: float) -> tuple[Array, float]:
    """The minimum on the circle, for a centre outside it, and its multiplier.

    (H + 2 m I) w = H c, and |w| falls as m grows. In s = 2 m budget the equation |w| = budget reads
    |v(s)| = 1 with v = b / (budget h + s) in the eigenbasis. 1 / |v| is concave in s, so Newton's
    method from the left never overshoots and needs no safeguard.
    """
    h, axes = np.linalg.eigh(loss.hessian)
    b = h * (axes.T @ loss.center)
    s = max(0.0, float(np.hypot(*b)) - budget * float(h[1]))
    while True:
        v = b / (budget * h + s)
        length = float(np.hypot(*v))
        step = (length - 1) * length**2 / float((v**2 / (budget * h + s)).sum())
        if not s + step > s:  # the root, up to rounding
            break
        s += step
    return axes @ (v * (budget / length)), s / 2 / budget


def _on_diamond(loss: Quadratic, budget: float) -> tuple[Array, float]:
    """The minimum on the diamond, for a centre outside it, and its multiplier.

    A corner is optimal when the force along its axis is at least the force across it. When no
    corner is, the minimum lies inside one of the edges.
    """
    for axis, sign in product((0, 1), (1.0, -1.0)):
        corner = np.zeros(2)
        corner[axis] = sign * budget
        force = -loss.gradient(corner)
        if sign * force[axis] >= abs(force[1 - axis]):
            return corner, float(sign * force[axis])
    candidates = []
    for signs in product((1.0, -1.0), repeat=2):
        corner = np.array([signs[0] * budget, 0.0])
        along = np.array([-signs[0], signs[1]])
        t = -(loss.gradient(corner) @ along) / (along @ loss.hessian @ along)
        t = min(max(t, 0.0), budget)
        weights = np.array([signs[0] * (budget - t), signs[1] * t])
        multiplier = float(-loss.gradient(weights) @ signs) / 2
        candidates.append((float(loss.value(weights)), weights, multiplier))
    _, weights, multiplier = min(candidates, key=lambda candidate: candidate[0])
    return weights, multiplier


def _norm(w: Array, norm_order: int) -> float:
    return float(np.abs(w).sum() if norm_order == 1 else np.hypot(*w))


def _circle(n: int) -> Array:
    if n < 5:
        raise ValueError(f"n must be at least 5 points for a closed curve, not {n}.")
    angles = np.linspace(0, 2 * np.pi, n)
    circle: Array = np.column_stack([np.cos(angles), np.sin(angles)])
    circle[-1] = circle[0]
    return circle


def _check_ball(norm_order: int, budget: float) -> None:
    if norm_order not in (1, 2):
        raise ValueError(f"norm_order must be 1 (diamond) or 2 (disc), not {norm_order}.")
    if not (math.isfinite(budget) and budget >= 0):
        raise ValueError(f"budget must be a finite number that is zero or more, not {budget}.")
