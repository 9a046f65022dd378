"""Data points: the noisy sine, and points that a hand has moved, removed or added."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """Data points: `x` and `y`, both float64 of shape (n,)."""

    x: Array
    y: Array


def truth(x: npt.ArrayLike) -> Array:
    """The function behind the data, sin(pi x): one full period on [-1, 1]."""
    return np.asarray(np.sin(np.pi * np.asarray(x, dtype=np.float64)))


def noisy_sine(n_points: int, noise: float, rng: np.random.Generator) -> Sample:
    """Draw `n_points` positions uniformly on [-1, 1], unsorted, with y = truth(x) + Gaussian noise.

    `noise` is the standard deviation in the units of y. Positions and deviations come from two
    child streams of `rng`: under one seed a larger `n_points` keeps the first points as they are,
    and another `noise` rescales the same deviations.

    Raises ValueError when n_points < 1, or when noise is negative or not finite.
    """
    check_draw(n_points, noise)
    positions, deviations = rng.spawn(2)
    x = positions.uniform(-1.0, 1.0, n_points)
    return Sample(x, truth(x) + noise * deviations.standard_normal(n_points))


def edit(
    sample: Sample,
    moved: Mapping[int, tuple[float, float]] | None = None,
    removed: Collection[int] = (),
    added: Sequence[tuple[float, float]] = (),
) -> Sample:
    """The sample with some points moved, some removed and others added; the given one is kept.

    Every index counts in `sample` as it is given, from 0: removing point 2 does not renumber the
    point that `moved` calls 5. `moved` maps an index to its new (x, y). What stays keeps its
    order, and the points of `added` follow at the end in theirs.

    Raises ValueError for an index outside the sample, a point both moved and removed, coordinates
    that are not finite, and when no point would be left.
    """
    moved, removed = moved or {}, set(removed)
    n = sample.x.size
    for index in (*moved, *removed):
        if not 0 <= index < n:
            raise ValueError(f"point {index} does not exist: the {n} points count from 0.")
    if both := sorted(removed & moved.keys()):
        raise ValueError(f"point {both[0]} is both moved and removed; ask for one of the two.")
    points = np.stack([sample.x, sample.y], axis=1)
    for index, point in moved.items():
        points[index] = point
    kept = [index for index in range(n) if index not in removed]
    points = np.concatenate([points[kept], np.reshape(np.asarray(added, float), (-1, 2))])
    if not points.size:
        raise ValueError("at least one point must be left.")
    if not np.isfinite(points).all():
        raise ValueError("the coordinates of a point must be finite numbers.")
    return Sample(points[:, 0].copy(), points[:, 1].copy())


def check_draw(n_points: int, noise: float) -> None:
    """Raise ValueError when n_points < 1, or when noise is negative or not finite."""
    if n_points < 1:
        raise ValueError(f"n_points must be at least 1, not {n_points}.")
    if not (np.isfinite(noise) and noise >= 0):
        raise ValueError(f"noise must be a finite number that is zero or more, not {noise}.")
