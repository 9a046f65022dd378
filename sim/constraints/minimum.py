"""The minimum of a quadratic loss inside a budget, and with a penalty: two forms of one thing.

The picture of Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, figures
3.11 and 3.12 (PRML figure 3.4): elliptical contours of the loss meet the ball of a norm order.
"""

import math
from dataclasses import dataclass

import numpy as np

from sim.constraints import closed_forms, rays
from sim.constraints.ball import check_budget, check_norm_order, check_penalty, norm, outside
from sim.constraints.quadratic import Array, Quadratic
from sim.constraints.rounding import blur


@dataclass(frozen=True, slots=True, eq=False)
class ConstrainedMinimum:
    """The minimum inside a budget.

    `weights`, shape (2,), are never outside the ball (a centre on its boundary, to rounding, is the
    minimum itself). `active` says that the budget binds, which
    is when the centre of the loss lies outside the ball. `multiplier` >= 0 belongs to the
    constraint sum |w_i|^q <= budget^q (max |w_i| <= budget for q = inf). For q >= 1 it is the
    penalty with which `penalized_minimum` has its minimum at the same weights; for q < 1 the
    weights are stationary under that penalty, but another point may be lower. It is 0.0 when the
    budget does not bind, and math.inf when it is beyond the largest float.
    """

    weights: Array
    multiplier: float
    active: bool

    def __post_init__(self) -> None:
        self.weights.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class PenalizedMinimum:
    """The minimum of loss + penalty * sum |w_i|^q (max |w_i| for q = inf).

    `weights`, shape (2,); `objective`, the minimal value; `budget`, the norm of the weights: the
    budget that leads to the same weights.
    """

    weights: Array
    objective: float
    penalty: float
    budget: float

    def __post_init__(self) -> None:
        self.weights.flags.writeable = False


def constrained_minimum(loss: Quadratic, norm_order: float, budget: float) -> ConstrainedMinimum:
    """Minimise `loss` subject to ||w||_q <= `budget`, for any norm order q > 0.

    The solution is exact up to rounding: a secular equation for q = 2, closed forms on the corners
    and edges for q = 1 and q = inf, and a bracketed root along the boundary for any other order.
    Below q = 1 the ball is not convex; the result is the global minimum, the best of all local
    ones. A weight that should be zero is 0.0, also where only a tie makes it so (`rounding`).

    A budget of zero leaves only the origin. For q >= 1 its multiplier is then the least penalty
    that keeps the weights at zero: max |gradient(0)| for q = 1, sum |gradient(0)| for q = inf and
    math.inf between (such a penalty never quite gets there). For q < 1 it is 0.0, the limit of
    small budgets.

    Raises ValueError for a norm order that is not positive, or a budget that is negative or not
    finite. Source: The Elements of Statistical Learning, sections 3.4.1 to 3.4.3; Conn, Gould and
    Toint, Trust-Region Methods, section 7.3.
    """
    check_budget(budget)
    budgets = np.array([budget], dtype=np.float64)
    weights = minima(loss, norm_order, budgets)
    active = bool(outside(loss.center, norm_order, budget))
    multiplier = float(multipliers(loss, norm_order, budgets, weights)[0])
    return ConstrainedMinimum(weights[0], multiplier, active)


def penalized_minimum(loss: Quadratic, norm_order: float, penalty: float) -> PenalizedMinimum:
    """Minimise loss + `penalty` * sum |w_i|^q, or + `penalty` * max |w_i| for q = inf.

    Note the plain sum of squares for q = 2: no factor 1/2. For q < 1 the objective is not convex;
    the result is its global minimum, which jumps at some penalties.
    Raises ValueError for a norm order that is not positive, or a penalty that is negative or not
    finite.
    """
    check_norm_order(norm_order)
    check_penalty(penalty)
    if penalty == 0:
        weights = np.array(loss.center)
    else:
        H, c = loss.hessian[None], loss.center[None]
        penalties = np.array([penalty], dtype=np.float64)
        problem = H, closed_forms.pull(H, c), penalties, blur(H, c)
        if norm_order == 1:
            weights = closed_forms.with_l1(*problem)[0]
        elif norm_order == 2:
            weights = closed_forms.with_l2(*problem)[0]
        elif norm_order == math.inf:
            weights = closed_forms.with_max_norm(*problem)[0]
        else:
            weights = rays.minimum(H, c, norm_order, rays.WithPenalty(penalties, norm_order))[0]
    size = (
        np.abs(weights).max() if norm_order == math.inf else (np.abs(weights) ** norm_order).sum()
    )
    objective = float(loss.value(weights) + penalty * size)
    return PenalizedMinimum(weights, objective, penalty, float(norm(weights, norm_order)))


def budget_of(loss: Quadratic, norm_order: float, penalty: float) -> float:
    """The budget that leads to the same weights as `penalty`: the norm of the penalised minimum.

    The inverse of `penalty_of` for q >= 1, where the weights are not zero. For q < 1 it jumps.
    """
    return penalized_minimum(loss, norm_order, penalty).budget


def penalty_of(loss: Quadratic, norm_order: float, budget: float) -> float:
    """The penalty that leads to the same weights as `budget`: the multiplier of the constraint.

    The inverse of `budget_of` for q >= 1, where the budget binds. For q < 1 a budget may have no
    such penalty, and the multiplier is only the one under which its weights are stationary.
    """
    return constrained_minimum(loss, norm_order, budget).multiplier


def minima(loss: Quadratic, norm_order: float, budgets: Array) -> Array:
    """The constrained minima at several budgets, shape (n,): weights of shape (n, 2)."""
    hessians = np.broadcast_to(loss.hessian, (budgets.size, 2, 2))
    centers = np.broadcast_to(loss.center, (budgets.size, 2))
    return minima_of(hessians, centers, norm_order, budgets)


def minima_of(hessians: Array, centers: Array, norm_order: float, budgets: Array) -> Array:
    """The constrained minima of n losses: shapes (n, 2, 2), (n, 2) and (n,), weights (n, 2)."""
    weights = np.array(centers)
    weights[budgets == 0] = 0.0
    rows = (outside(centers, norm_order, budgets) & (budgets > 0)).nonzero()[0]
    if rows.size:
        problem, t = (hessians[rows], centers[rows]), budgets[rows]
        if norm_order == 1:
            found = closed_forms.on_diamond(*problem, t)
        elif norm_order == 2:
            found = closed_forms.on_disc(*problem, t)
        elif norm_order == math.inf:
            found = closed_forms.on_square(*problem, t)
        else:
            rule = rays.WithinBudget(t) if norm_order > 1 else rays.OnBoundary(t)
            found = rays.minimum(*problem, norm_order, rule)
        weights[rows] = _inside(found, norm_order, t) + 0.0  # no minus zero
    return weights


def _inside(weights: Array, norm_order: float, budgets: Array) -> Array:
    """The same points, moved in by a few units in the last place where rounding had them outside.

    Powers are rounded differently for one number and for many, so for the orders that need them
    a point inside is one that stays inside under either. Vertices are exact and stay.
    """
    margin = 1.0 if norm_order in (1, 2, math.inf) else 1 + 2**-50
    off_axes = (weights != 0).all(axis=1)
    for _ in range(16):
        over = off_axes & (norm(weights, norm_order) * margin > budgets)
        if not over.any():
            break
        weights[over] *= 1 - 2**-52
    return weights


def multipliers(loss: Quadratic, norm_order: float, budgets: Array, weights: Array) -> Array:
    """The multipliers, shape (n,), of the constrained minima `weights` at `budgets`."""
    binds = outside(loss.center, norm_order, budgets)
    force = -loss.gradient(weights)
    zero = budgets == 0
    t = np.where(zero, 1.0, budgets)
    # The price of the norm itself, -d loss / d budget, and then that of its power q.
    price = np.maximum((force * (weights / t[:, None])).sum(axis=1), 0.0)
    at_zero = 0.0
    if norm_order == 1:
        at_zero = float(np.abs(loss.gradient(np.zeros(2))).max())
    elif norm_order == math.inf:
        at_zero = float(np.abs(loss.gradient(np.zeros(2))).sum())
    elif norm_order > 1:
        at_zero = math.inf
    if norm_order not in (1, math.inf):
        with np.errstate(over="ignore"):
            price = price * np.exp((1 - norm_order) * np.log(t)) / norm_order
    return np.where(binds, np.where(zero, at_zero, price), 0.0)
