"""The weights on their way from the origin to the unconstrained optimum."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.constraints import closed_forms
from sim.constraints.ball import check_budget, check_norm_order, check_penalty, norm
from sim.constraints.minimum import minima, multipliers
from sim.constraints.quadratic import Array, Quadratic
from sim.constraints.rounding import blur


@dataclass(frozen=True, slots=True, eq=False)
class RegularizationPath:
    """One row per point, from the smallest budget to the largest.

    `weights` (n, 2); `budgets` (n,), what the penalty measures at them; `penalties` (n,), the
    multipliers that lead to them; `losses` (n,). As the budget grows, penalties and losses fall.
    """

    budgets: Array
    weights: Array
    penalties: Array
    losses: Array


@dataclass(frozen=True, slots=True, eq=False)
class ElasticNetMinimum:
    """The minimum of an elastic net: `weights` (2,), and the minimal value `objective`."""

    weights: Array
    objective: float


def regularization_path(
    loss: Quadratic, norm_order: float, budgets: int | npt.ArrayLike | None = None
) -> RegularizationPath:
    """The constrained minima along budgets from 0 to the norm of the unconstrained optimum.

    `budgets` are the values themselves, in rising order, or how many to space evenly (at least 2).
    Left out, they are 101, except for q = 1 and q = inf: there the path is piecewise linear and the
    result is its knots, exactly, the origin and the optimum among them. For q < 1 the path may
    jump. Raises ValueError for other arguments.
    """
    check_norm_order(norm_order)
    if budgets is None and norm_order in (1, math.inf):
        penalties, weights = _knots(loss, norm_order)
        return RegularizationPath(
            norm(weights, norm_order), weights, penalties, loss.value(weights)
        )
    count = 101 if budgets is None else budgets
    if isinstance(count, int):
        if count < 2:
            raise ValueError(f"a path needs at least 2 budgets, not {count}.")
        values = np.linspace(0.0, norm(loss.center, norm_order), count)
    else:
        values = np.asarray(count, dtype=np.float64)
        if values.ndim != 1 or values.size == 0 or (np.diff(values) < 0).any():
            raise ValueError("budgets must be a one-dimensional list of numbers in rising order.")
        for value in values[[0, -1]]:
            check_budget(float(value))
    weights = minima(loss, norm_order, values)
    penalties = multipliers(loss, norm_order, values, weights)
    return RegularizationPath(values, weights, penalties, loss.value(weights))


def elastic_net_minimum(loss: Quadratic, l1_ratio: float, penalty: float) -> ElasticNetMinimum:
    """Minimise loss + penalty * (l1_ratio * sum |w_i| + (1 - l1_ratio) / 2 * sum w_i^2).

    The objective of scikit-learn's ElasticNet(alpha=penalty), with its factor 1/2 on the squares.
    Raises ValueError when l1_ratio is not from 0 to 1, or penalty is negative or not finite.
    """
    check_penalty(penalty)
    path = elastic_net_path(loss, l1_ratio, [penalty])
    return ElasticNetMinimum(path.weights[0], float(path.losses[0] + penalty * path.budgets[0]))


def elastic_net_path(
    loss: Quadratic, l1_ratio: float, penalties: int | npt.ArrayLike = 101
) -> RegularizationPath:
    """The minima of `elastic_net_minimum` along penalties; budgets are the bracket's values.

    `penalties` are the values themselves, in falling order, or how many (at least 2): evenly spaced
    in the logarithm from the least one that holds both weights at zero down to a thousandth of it,
    and 0 at the end. Where no penalty holds them at zero, near l1_ratio = 0, it starts from
    100 max |gradient(0)|. Raises ValueError as `elastic_net_minimum` does.
    """
    if not 0 <= l1_ratio <= 1:
        raise ValueError(f"l1_ratio must be a number from 0 (ridge) to 1 (lasso), not {l1_ratio}.")
    pull = loss.hessian @ loss.center
    if isinstance(penalties, int):
        if penalties < 2:
            raise ValueError(f"a path needs at least 2 penalties, not {penalties}.")
        largest = float(np.abs(pull).max()) / max(l1_ratio, 0.01)
        values = np.append(largest * np.geomspace(1.0, 1e-3, penalties - 1), 0.0)
    else:
        values = np.asarray(penalties, dtype=np.float64)
        if values.ndim != 1 or values.size == 0 or (np.diff(values) > 0).any():
            raise ValueError("penalties must be a one-dimensional list of numbers, falling.")
        for value in values[[0, -1]]:
            check_penalty(float(value))
    # The squares only add to the curvature; what is left is an L1 penalty.
    hessians = loss.hessian + (values * (1 - l1_ratio))[:, None, None] * np.eye(2)
    pulls = np.broadcast_to(pull, (values.size, 2))
    blurs = np.broadcast_to(blur(loss.hessian, loss.center), values.size)
    weights = closed_forms.with_l1(hessians, pulls, values * l1_ratio, blurs)
    weights[values == 0] = loss.center
    sizes = l1_ratio * np.abs(weights).sum(axis=1)
    sizes += (1 - l1_ratio) / 2 * (weights**2).sum(axis=1)
    return RegularizationPath(sizes, weights, values, loss.value(weights))


def elastic_net_kinks(loss: Quadratic, l1_ratio: float) -> Array:
    """The penalties, falling, at which a weight of the elastic net's path may enter or leave zero.

    There one weight is alone, w_i = (b_i - s_i r p) / (h_ii + (1 - r) p), and the force on the
    other, b_j - h_12 w_i, is as strong as the L1 part, +-r p: a quadratic equation in the penalty p
    (b is the pull at the origin, s_i the sign of b_i, r the `l1_ratio`). Without an L1 part there
    are none.
    """
    b, h, tilt = loss.hessian @ loss.center, np.diagonal(loss.hessian), loss.hessian[0, 1]
    r = l1_ratio
    found = [
        np.roots(
            [
                -side * r * (1 - r),
                b[j] * (1 - r) + tilt * np.sign(b[i]) * r - side * r * h[i],
                b[j] * h[i] - tilt * b[i],
            ]
        )
        for i, j in ((0, 1), (1, 0))
        for side in (1, -1)
        if r > 0
    ]
    penalties = np.concatenate([np.zeros(0), *found])
    real = penalties[np.isreal(penalties)].real
    largest = np.abs(b).max() / (r or 1)
    return np.asarray(np.sort(real[(real > 0) & (real < largest)])[::-1])


def _knots(loss: Quadratic, norm_order: float) -> tuple[Array, Array]:
    """Penalties, falling to 0, and weights at the ends and kinks of a piecewise linear path.

    The signs of the weights change only at kinks: those of the penalties at which one of them could
    change where it does (Efron and others, Least Angle Regression, section 3). Those that only
    rounding tells apart are one.
    """
    H, b = loss.hessian[None], closed_forms.pull(loss.hessian[None], loss.center[None])
    c, blurs = loss.center, blur(loss.hessian[None], loss.center[None])
    if norm_order == math.inf:
        (H, b), c = closed_forms.turned(H, b), c @ closed_forms.TURN / 2

    def at(penalties: Array) -> Array:
        n = penalties.size
        return closed_forms.with_l1(
            np.broadcast_to(H, (n, 2, 2)),
            np.broadcast_to(b, (n, 2)),
            penalties,
            np.broadcast_to(blurs, n),
        )

    largest = float(np.abs(b).max())
    if largest == 0:
        return np.zeros(1), np.zeros((1, 2))
    # With both weights in, w = c - penalty * H^-1 signs: one of them passes through zero.
    speeds = np.linalg.solve(H[0], np.array([[1.0, 1.0], [1.0, -1.0]]))
    times = np.abs(c[:, None] / np.where(speeds == 0, np.inf, speeds)).ravel()
    slack = float(blurs[0] * np.trace(H[0]) ** 2 / np.linalg.det(H[0]))  # they answer to rounding
    inside = [largest]
    for time in sorted(times, reverse=True):
        if slack < time < inside[-1] - slack:
            inside.append(time)
    penalties = np.array([*inside, 0.0])
    between = np.sign(at((penalties[:-1] + penalties[1:]) / 2))
    kink = np.concatenate([[True], (between[:-1] != between[1:]).any(axis=1), [True]])
    weights = at(penalties)
    weights[-1] = c
    # At a kink, a weight that is about to enter is still exactly zero.
    weights[:-1][between == 0] = 0.0
    weights[1:-1][between[:-1] == 0] = 0.0
    weights[0] = 0.0
    weights = weights[kink]
    if norm_order == math.inf:
        weights = closed_forms.turned_back(weights)
        weights[-1] = loss.center
    return penalties[kink], weights
