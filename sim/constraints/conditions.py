"""Where contour and ball meet: the forces there, and how many points they share."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.constraints.ball import boundary, boundary_angle, check_norm_order
from sim.constraints.minimum import ConstrainedMinimum, PenalizedMinimum, constrained_minimum
from sim.constraints.quadratic import Array, Quadratic
from sim.constraints.roots import root


@dataclass(frozen=True, slots=True, eq=False)
class Kkt:
    """The forces at a minimum: the loss pulls, the ball (or the penalty) holds.

    `force` (2,) is minus the gradient of the loss at `weights` (2,). `rays` (k, 2) is what the ball
    can hold with: at a smooth point the one gradient of sum |w_i|^q (max |w_i| for q = inf), at a
    corner the two extreme rays of the cone between which the force lies (for q < 1 the cone is a
    half plane and the rays are its edge), at the origin four. For q >= 1 they are the extreme
    points of the penalty's subdifferential, and `residual` is the distance of the force from
    `multiplier` times it: zero at a minimum. For q < 1 only the weights that are not zero count.
    """

    weights: Array
    force: Array
    rays: Array
    multiplier: float
    residual: float


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """How a contour of the loss lies to the ball, and the points (k, 2) of the boundary on it.

    - none: the whole contour is outside, and the loss is higher everywhere in the ball (k = 0);
    - touching: it meets the ball in the constrained minimum alone (k = 1);
    - crossing: it cuts through the boundary, mostly twice, at higher levels sometimes more often;
    - inside: the whole contour is in the ball (k = 0);
    - around: the ball is inside the contour (k = 0).
    """

    kind: Literal["none", "touching", "crossing", "inside", "around"]
    points: Array
    touching_level: float


def kkt(
    loss: Quadratic, norm_order: float, at: float | ConstrainedMinimum | PenalizedMinimum
) -> Kkt:
    """The optimality conditions of Karush, Kuhn and Tucker at a minimum, or at that of a budget.

    Raises ValueError as `constrained_minimum` does.
    """
    check_norm_order(norm_order)
    if isinstance(at, PenalizedMinimum):
        w, multiplier, only_the_origin = at.weights, at.penalty, False
    else:
        found = at
        if not isinstance(found, ConstrainedMinimum):
            found = constrained_minimum(loss, norm_order, found)
        w, multiplier = found.weights, found.multiplier
        only_the_origin = found.active and not w.any()  # it holds against any force
    force = -loss.gradient(w)
    rays = _rays(norm_order, w)
    if only_the_origin or (norm_order < 1 and not w.any()):
        residual = 0.0
    elif norm_order < 1 and (w == 0).any():
        i = int(np.abs(w).argmax())
        slope = norm_order * abs(w[i]) ** (norm_order - 1) * np.sign(w[i])
        residual = abs(float(force[i] - multiplier * slope))
    else:
        residual = _distance(force, multiplier * rays)
    return Kkt(w, force, rays, multiplier, residual)


def contact(loss: Quadratic, norm_order: float, budget: float, level: float) -> Contact:
    """Whether the contour {loss = level} misses the ball, touches it or crosses its boundary.

    A level within 1e-9, relatively, of the least one with a contact counts as touching.
    Raises ValueError as `constrained_minimum` does, and for a level that is negative or not finite.
    """
    if not (math.isfinite(level) and level >= 0):
        raise ValueError(f"level must be a finite number that is zero or more, not {level}.")
    found = constrained_minimum(loss, norm_order, budget)
    touching = float(loss.value(found.weights))
    if found.active and abs(level - touching) <= 1e-9 * touching:
        return Contact("touching", found.weights[None], touching)
    nothing = np.empty((0, 2))
    if found.active and level < touching:
        return Contact("none", nothing, touching)
    if budget == 0:
        return Contact("around" if level > touching else "touching", nothing, touching)

    # With the minimum among the nodes, the two crossings on either side of it are told apart.
    angles = np.linspace(-math.pi, math.pi, 721)
    if found.active:
        angles = np.sort(np.append(angles, boundary_angle(norm_order, found.weights)))

    def above(angle: Array) -> Array:
        return loss.value(budget * boundary(norm_order, angle)) - level

    # Where it only grazes the boundary, from outside or from inside, it does not cross it.
    graze = 1e-12 * level
    high = above(angles) > (graze if found.active else -graze)
    change = (high[1:] != high[:-1]).nonzero()[0]
    if not change.size:
        return Contact("inside" if high.all() else "around", nothing, touching)
    sign = np.where(high[change], -1.0, 1.0)
    crossings = root(lambda angle: sign * above(angle), angles[change], angles[change + 1])
    return Contact("crossing", budget * boundary(norm_order, crossings), touching)


def _rays(norm_order: float, w: Array) -> Array:
    signs = np.sign(w)
    axes = np.eye(2)
    if not w.any():
        if norm_order == 1:
            return np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
        return np.array([axes[0], axes[1], -axes[0], -axes[1]])
    if norm_order == 1:
        free = axes[int(w[0] != 0)]
        return np.array([signs + free, signs - free]) if (w == 0).any() else signs[None]
    if norm_order == math.inf:
        largest = np.abs(w) == np.abs(w).max()
        return np.asarray((signs * axes)[largest])
    if norm_order < 1 and (w == 0).any():
        free = axes[int(w[0] != 0)]
        return np.array([free, -free])
    return np.asarray((norm_order * np.abs(w) ** (norm_order - 1) * signs)[None])


def _distance(point: Array, corners: Array) -> float:
    """How far `point` is from the convex hull of 1, 2 or 4 corners, given in order."""
    if len(corners) == 1:
        return float(np.hypot(*(point - corners[0])))
    sides = np.roll(corners, -1, axis=0) - corners
    gaps = point - corners
    turns = sides[:, 0] * gaps[:, 1] - sides[:, 1] * gaps[:, 0]
    if len(corners) > 2 and (turns >= 0).all():
        return 0.0
    lengths = np.maximum((sides**2).sum(axis=1), np.finfo(np.float64).tiny)
    share = np.clip((gaps * sides).sum(axis=1) / lengths, 0.0, 1.0)
    return float(np.linalg.norm(gaps - share[:, None] * sides, axis=1).min())
