"""Minima on the balls of order 1, 2 and inf, and with their penalties, for many losses at once.

Shapes: hessians (n, 2, 2), centers and pulls b (n, 2), budgets and penalties (n,), and how far off
the pulls may be, as `rounding.blur` has it, (n,). Every centre lies outside its ball and every
budget is above zero; the callers see to that.
"""

import numpy as np
import numpy.typing as npt

from sim.constraints.quadratic import Array
from sim.constraints.rounding import ROUNDING, blur, settled


def pull(hessians: Array, centers: Array) -> Array:
    """Minus the gradient of the loss at the origin, hessian @ center: shape (n, 2)."""
    return np.asarray((hessians @ centers[..., None])[..., 0])


def quadrant(hessians: Array, b: Array, reach: Array) -> tuple[Array, Array]:
    """The signs of the weights, and the force across each axis, both (n, 2).

    `reach` is the best distance from the origin along each axis, in the direction of the pull `b`.
    Along the rays that start downhill, the best value within the ball has one valley (its level
    sets are convex and leave out the origin). So the valley lies between the two downhill half
    axes, unless the force at the best point of one of them points out across it.
    """
    signs = np.where(b < 0, -1.0, 1.0)
    coupling = hessians[:, 0, 1] * signs[:, 0] * signs[:, 1]
    across = np.abs(b[:, ::-1]) - coupling[:, None] * reach
    return np.where(across[:, ::-1] < 0, -signs, signs), across


def undecided(hessians: Array, blurs: Array) -> Array:
    """How far off the force across each axis may be, (n, 2): as the pull, here and along it."""
    h = np.diagonal(hessians, axis1=1, axis2=2)
    return np.asarray(blurs[:, None] * (1 + np.abs(hessians[:, :1, 1]) / h))


def on_axis(
    hessians: Array, b: Array, reach: Array, blurs: Array
) -> tuple[npt.NDArray[np.bool_], Array]:
    """Where a smooth ball or penalty leaves a weight at exactly zero, (n, 1), and the weights.

    That is where no force is left across an axis at its best point: an accident, save where the
    optimum lies on the axis of a loss that is not tilted.
    """
    _, across = quadrant(hessians, b, reach)
    still = (np.abs(across) <= undecided(hessians, blurs)) & (reach > 0)
    weights = np.where(still, np.where(b < 0, -reach, reach), 0.0)
    return still[:, :1] | still[:, 1:], weights


def on_diamond(hessians: Array, centers: Array, budgets: Array) -> Array:
    """The minimum on the diamond |w1| + |w2| = budget: a corner where the force across is weaker.

    When neither corner is optimal, the minimum is inside one edge, where the force has no part
    along it.
    """
    b = pull(hessians, centers)
    h = np.diagonal(hessians, axis1=1, axis2=2)
    t = budgets[:, None]
    signs, _ = quadrant(hessians, b, np.minimum(t, np.abs(b) / h))
    product = signs[:, 0] * signs[:, 1] * hessians[:, 0, 1]
    slope = (b[:, 1] * signs[:, 1] - product * budgets) - (
        b[:, 0] * signs[:, 0] - h[:, 0] * budgets
    )
    share = np.clip(slope / (h.sum(axis=1) - 2 * product), 0.0, budgets)
    weights = signs * np.column_stack([budgets - share, share])

    folded = np.where(b < 0, -1.0, 1.0)
    coupling = (hessians[:, 0, 1] * folded[:, 0] * folded[:, 1])[:, None]
    along, across = np.abs(b) - h * t, np.abs(np.abs(b[:, ::-1]) - coupling * t)
    slack = blur(hessians, centers)[:, None] + ROUNDING * (h + np.abs(coupling)) * t
    first, second = (along >= across - slack).T
    vertex = folded * t * np.where(first[:, None], [1.0, 0.0], [0.0, 1.0])
    return np.where((first | second)[:, None], vertex, weights)


def on_disc(hessians: Array, centers: Array, budgets: Array) -> Array:
    """The minimum on the circle |w| = budget, by the secular equation.

    (H + 2 m I) w = H c, and |w| falls as m grows. In s = 2 m budget the equation |w| = budget reads
    |v(s)| = 1 with v = b / (budget h + s) in the eigenbasis. 1 / |v| is concave in s, so Newton's
    method from the left never overshoots and needs no safeguard.
    """
    h, axes = np.linalg.eigh(hessians)
    b = h * (centers[:, None, :] @ axes)[:, 0]
    scaled = budgets[:, None] * h
    s = np.maximum(0.0, np.hypot(b[:, 0], b[:, 1]) - scaled[:, 1])
    while True:
        v = b / (scaled + s[:, None])
        length = np.hypot(v[:, 0], v[:, 1])
        step = (length - 1) * length**2 / (v**2 / (scaled + s[:, None])).sum(axis=1)
        if not (s + step > s).any():  # the root, up to rounding
            break
        s += np.maximum(step, 0.0)
    weights = (axes @ (v * (budgets / length)[:, None])[..., None])[..., 0]
    b = pull(hessians, centers)
    reach = np.minimum(budgets[:, None], np.abs(b) / np.diagonal(hessians, axis1=1, axis2=2))
    still, on_the_axis = on_axis(hessians, b, reach, blur(hessians, centers))
    return np.where(still, on_the_axis, weights)


def on_square(hessians: Array, centers: Array, budgets: Array) -> Array:
    """The minimum on the square max(|w1|, |w2|) = budget: the best point of a side facing c."""
    b = pull(hessians, centers)
    h = np.diagonal(hessians, axis1=1, axis2=2)
    t = budgets[:, None]
    edge = np.copysign(t, centers)
    bent = hessians[:, :1, 1] * edge
    terms = np.abs(h[:, ::-1] * centers[:, ::-1]), np.abs(hessians[:, :1, 1] * centers), bent
    pushed = settled(b[:, ::-1] - bent, *terms)
    room = h[:, ::-1] * t
    free = np.clip(pushed / h[:, ::-1], -t, t)
    # A side's best point that is a corner, to rounding, is the corner itself.
    free = np.where(settled(np.abs(pushed) - room, room, *terms) == 0, np.copysign(t, pushed), free)
    force = np.sign(centers[:, 0]) * (
        b[:, 0] - h[:, 0] * edge[:, 0] - hessians[:, 0, 1] * free[:, 0]
    )
    beyond = np.abs(centers) > t * (1 + ROUNDING)
    first = beyond[:, 0] & (~beyond[:, 1] | (force >= 0))
    return np.where(
        first[:, None],
        np.column_stack([edge[:, 0], free[:, 0]]),
        np.column_stack([free[:, 1], edge[:, 1]]),
    )


def with_l1(hessians: Array, b: Array, penalties: Array, blurs: Array) -> Array:
    """The minimum of w'Hw / 2 - b'w + penalty * (|w1| + |w2|)."""
    h = np.diagonal(hessians, axis1=1, axis2=2)
    t = penalties[:, None]
    left = np.abs(b) - t
    size = np.where(left > blurs[:, None], left, 0.0) / h
    signs, across = quadrant(hessians, b, size)
    both = solve(hessians, b - t * signs)
    both = signs * np.maximum(signs * both, 0.0)
    axis = np.where(b < 0, -size, size)
    # alone: the other weight is held at zero
    first, second = (np.abs(across) <= t + undecided(hessians, blurs)).T
    single = axis * np.where(first[:, None], [1.0, 0.0], [0.0, 1.0])
    return np.where((first | second)[:, None], single, both) + 0.0  # no minus zero


def with_l2(hessians: Array, b: Array, penalties: Array, blurs: Array) -> Array:
    """The minimum of w'Hw / 2 - b'w + penalty * (w1^2 + w2^2), no factor 1/2."""
    curved = hessians + 2 * penalties[:, None, None] * np.eye(2)
    reach = np.abs(b) / np.diagonal(curved, axis1=1, axis2=2)
    still, on_the_axis = on_axis(curved, b, reach, blurs)
    return np.where(still, on_the_axis, solve(curved, b))


def solve(hessians: Array, rhs: Array) -> Array:
    """hessian^-1 @ rhs, with rhs of shape (n, 2)."""
    return np.asarray(np.linalg.solve(hessians, rhs[..., None])[..., 0])


TURN = np.array([[1.0, -1.0], [1.0, 1.0]])
"""w = TURN u carries the diamond |u1| + |u2| <= t to the square max(|w1|, |w2|) <= t."""


def turned(hessians: Array, b: Array) -> tuple[Array, Array]:
    """The same losses as functions of u, where w = TURN u."""
    return TURN.T @ hessians @ TURN, b @ TURN


def turned_back(u: Array) -> Array:
    """w = TURN u, exactly zero where u1 and u2 are equal in size to rounding: shape (n, 2)."""
    return settled(u @ TURN.T, u[:, :1], u[:, 1:])


def with_max_norm(hessians: Array, b: Array, penalties: Array, blurs: Array) -> Array:
    """The minimum of w'Hw / 2 - b'w + penalty * max(|w1|, |w2|), an L1 penalty on u."""
    return turned_back(with_l1(*turned(hessians, b), penalties, blurs))
