"""Minima for any norm order but 1 and inf, found along rays from the origin, for many at once.

In one quadrant a ray is w = r * unit(z), with z = log |w1 / w2| and unit(z) on the unit ball. The
best r on each ray is known in closed form or by a short Newton run, which leaves a valley in z.
In z both weights keep their full relative precision, however close to an axis the ray is.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from sim.constraints.closed_forms import on_axis, pull, quadrant
from sim.constraints.quadratic import Array
from sim.constraints.roots import root
from sim.constraints.rounding import ROUNDING, blur

NODES = 2 * np.sinh(np.linspace(-6.5, 6.5, 273))
"""Where a valley is looked for first: every 0.1 about the diagonal, up to |z| = 665 at the axes."""

QUADRANTS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])

Index = npt.NDArray[np.intp]


class Rule(Protocol):
    """How far to go along a ray on which the loss is 0.5 * A r^2 - B r, up to a constant."""

    def size(self, A: Array, B: Array) -> Array:
        """The best r; 0 where it does not pay to leave the origin."""

    def cost(self, r: Array) -> Array:
        """What is added to the loss at r."""

    def rows(self, index: Index) -> Self:
        """The rule of these problems only."""


@dataclass(frozen=True, slots=True, eq=False)
class OnBoundary:
    """Go to the end of the ball, with the budget of shape (n,)."""

    budget: Array

    def size(self, A: Array, B: Array) -> Array:
        """The budget."""
        return np.broadcast_to(_like(self.budget, A), np.broadcast_shapes(A.shape, B.shape))

    def cost(self, r: Array) -> Array:
        """Nothing."""
        return np.zeros_like(r)

    def rows(self, index: Index) -> Self:
        """The rule of these problems only."""
        return type(self)(self.budget[index])


@dataclass(frozen=True, slots=True, eq=False)
class WithinBudget(OnBoundary):
    """Stay inside the ball."""

    def size(self, A: Array, B: Array) -> Array:
        """Where the ray's lowest point is, or the ball's end before it."""
        return np.clip(B / A, 0.0, _like(self.budget, A))


@dataclass(frozen=True, slots=True, eq=False)
class WithPenalty:
    """Add penalty * r^norm_order to the loss, with the penalty of shape (n,) and above zero."""

    penalty: Array
    norm_order: float

    def size(self, A: Array, B: Array) -> Array:
        """The larger root of A r + penalty * q * r^(q - 1) = B.

        In s = log r the logarithm of the left side is convex, so Newton's method from the right
        comes down to that root. Below q = 1 there is none when the curve stays above log B.
        """
        q = self.norm_order
        downhill = B > 0
        a, target = np.log(A), np.log(np.where(downhill, B, 1.0))
        p = np.log(q * _like(self.penalty, A))
        s = target - a
        if q > 1:
            s = np.minimum(s, (target - p) / (q - 1))
        else:
            lowest = (np.log(1 - q) + p - a) / (2 - q)
            bottom = np.logaddexp(a + lowest, p + (q - 1) * lowest)
            downhill = downhill & (bottom < target) & (lowest < s)
        s = np.where(downhill, s, 0.0)
        for _ in range(60):
            total = np.logaddexp(a + s, p + (q - 1) * s)
            slope = q - 1 + (2 - q) * np.exp(a + s - total)
            step = np.where(downhill, (total - target) / np.where(slope > 0, slope, 1.0), 0.0)
            s = s - step
            if not (np.abs(step) > 1e-15 * np.maximum(1.0, np.abs(s))).any():
                break
        return np.where(downhill, np.exp(s), 0.0)

    def cost(self, r: Array) -> Array:
        """The penalty at r."""
        return np.asarray(_like(self.penalty, r) * r**self.norm_order)

    def rows(self, index: Index) -> "WithPenalty":
        """The rule of these problems only."""
        return WithPenalty(self.penalty[index], self.norm_order)


def minimum(hessians: Array, centers: Array, norm_order: float, rule: Rule) -> Array:
    """The minimum under the rule, shape (n, 2), for a norm order other than 1 and inf."""
    find = convex_minimum if norm_order > 1 else star_minimum
    return find(hessians, centers, norm_order, rule)


def convex_minimum(hessians: Array, centers: Array, norm_order: float, rule: Rule) -> Array:
    """The minimum for a norm order above 1, shape (n, 2): the one valley over all rays."""
    b = pull(hessians, centers)
    h = np.diagonal(hessians, axis1=1, axis2=2)
    reach = rule.size(h, np.abs(b))
    signs, _ = quadrant(hessians, b, reach)
    # On rays that are not downhill r is zero, and the slope there points back to those that are.
    problem = hessians, b, norm_order, rule, signs
    rising = _slope(*problem, NODES[None])[0] >= 0
    rising[:, -1] = True
    node = np.maximum(rising.argmax(axis=1), 1)
    weights = _valley(*problem, NODES[node - 1], NODES[node])[0]
    still, on_the_axis = on_axis(hessians, b, reach, blur(hessians, centers))
    return np.where(still, on_the_axis, weights)


def star_minimum(hessians: Array, centers: Array, norm_order: float, rule: Rule) -> Array:
    """The global minimum for a norm order below 1, shape (n, 2).

    The candidates are the origin, the best point of each half axis, and every valley between two
    nodes of each quadrant; an axis wins a tie, and over it the origin.
    """
    b = pull(hessians, centers)
    h = np.diagonal(hessians, axis1=1, axis2=2)
    n = len(b)
    reach = rule.size(h, np.abs(b))
    values = (0.5 * h * reach - np.abs(b)) * reach + rule.cost(reach)
    tie = ROUNDING * (np.abs(b) * reach + rule.cost(reach)).max(axis=1)
    axis = values.argmin(axis=1)
    value = values[np.arange(n), axis]
    weights = np.zeros((n, 2))
    pays = value < -tie
    weights[pays, axis[pays]] = np.copysign(reach, b)[pays, axis[pays]]
    value = np.minimum(value, 0.0)

    every = np.tile(np.arange(n), 4)
    signs = np.repeat(QUADRANTS, n, axis=0)
    problem = hessians[every], b[every], norm_order, rule.rows(every), signs
    slope, r = _slope(*problem, NODES[None])
    falls = (slope[:, :-1] < 0) & (slope[:, 1:] >= 0) & (r[:, :-1] > 0) & (r[:, 1:] > 0)
    row, node = falls.nonzero()
    if row.size:
        which = every[row]
        problem = hessians[which], b[which], norm_order, rule.rows(which), signs[row]
        points, found = _valley(*problem, NODES[node], NODES[node + 1])
        for k, point, lower in zip(which, points, found, strict=True):
            if lower < value[k] - tie[k]:
                weights[k], value[k] = point, lower
    return weights


def unit(z: Array, norm_order: float) -> tuple[Array, Array]:
    """The point of the unit ball in the first quadrant at log |w1 / w2| = z."""
    q = norm_order
    return np.exp(-np.logaddexp(0.0, -q * z) / q), np.exp(-np.logaddexp(0.0, q * z) / q)


def _slope(
    hessians: Array, b: Array, norm_order: float, rule: Rule, signs: Array, z: Array
) -> tuple[Array, Array]:
    """The derivative by z at each ray's best point, up to a positive factor, and its size r."""
    x, y, h11, h12, h22, b1, b2 = _ray(hessians, b, norm_order, signs, z)
    across1, across2 = h11 * x + h12 * y, h12 * x + h22 * y
    r = rule.size(x * across1 + y * across2, b1 * x + b2 * y)
    tilt = np.exp(np.clip((norm_order - 1) / 2 * z, -700.0, 700.0))
    return (b2 - r * across2) * tilt - (b1 - r * across1) / tilt, r


def _point(
    hessians: Array, b: Array, norm_order: float, rule: Rule, signs: Array, z: Array
) -> tuple[Array, Array]:
    """The best points on the rays, shape (n, 2), and their values above that of the origin."""
    x, y, h11, h12, h22, b1, b2 = _ray(hessians, b, norm_order, signs, z)
    A, B = x * (h11 * x + h12 * y) + y * (h12 * x + h22 * y), b1 * x + b2 * y
    r = rule.size(A, B)
    return signs * np.column_stack([r * x, r * y]), (0.5 * A * r - B) * r + rule.cost(r)


def _valley(
    hessians: Array, b: Array, norm_order: float, rule: Rule, signs: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """The lowest points between two rays, and their values, as from `_point`."""

    def slope(z: Array) -> Array:
        return _slope(hessians, b, norm_order, rule, signs, z)[0]

    return _point(hessians, b, norm_order, rule, signs, root(slope, low, high))


def _ray(hessians: Array, b: Array, norm_order: float, signs: Array, z: Array) -> tuple[Array, ...]:
    """The unit point, the hessian and the pull, all as in the first quadrant."""
    h11, h12, h22 = hessians[:, 0, 0], hessians[:, 0, 1] * signs.prod(axis=1), hessians[:, 1, 1]
    columns = (h11, h12, h22, *(b * signs).T)
    return *unit(z, norm_order), *(_like(column, z) for column in columns)


def _like(column: Array, z: Array) -> Array:
    """`column`, shape (n,), ready to meet `z`, shape (n, ...)."""
    return column.reshape(column.shape + (1,) * (z.ndim - 1))
