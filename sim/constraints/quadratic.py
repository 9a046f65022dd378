"""A quadratic loss over two weights, and its contours."""

import math
from dataclasses import dataclass
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
        cos, sin = cos_sin(angle)
        across = math.sqrt(eccentricity)
        along = 1 / across
        gap = across - along  # zero for circles, which then are exact at any angle
        off_diagonal = 0.0 - gap * cos * sin
        hessian = [
            [along + gap * sin**2, off_diagonal],
            [off_diagonal, along + gap * cos**2],
        ]
        return cls(np.asarray(center, dtype=np.float64), np.array(hessian))

    def value(self, w: npt.ArrayLike) -> Array:
        """The loss at `w` of shape (..., 2); the result has shape (...)."""
        step = np.asarray(w, dtype=np.float64) - self.center
        return np.asarray(0.5 * ((step @ self.hessian) * step).sum(axis=-1))

    def gradient(self, w: npt.ArrayLike) -> Array:
        """hessian (w - center) at `w` of shape (..., 2); the result has the same shape."""
        return np.asarray((np.asarray(w, dtype=np.float64) - self.center) @ self.hessian)


def cos_sin(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle in degrees, to rounding, and without it where that matters.

    They are 0 and 1 at right angles and equal at 45 degrees, and mirrored angles have mirrored
    values. (The cosine of pi / 2, as far as a float holds it, is 6e-17.)
    """
    quarter, rest = divmod(angle, 90.0)
    if rest == 45:
        near = far = math.sqrt(0.5)
    elif rest < 45:
        near, far = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    else:
        near, far = math.sin(math.radians(90 - rest)), math.cos(math.radians(90 - rest))
    cos, sin = ((near, far), (-far, near), (-near, -far), (far, -near))[int(quarter % 4)]
    return cos + 0.0, sin + 0.0  # no minus zero


def ellipse(loss: Quadratic, level: float, n: int = 181) -> Array:
    """The contour {loss = level} as a closed curve: shape (n, 2), last point equal to the first.

    Level 0 gives the centre, repeated. Raises ValueError when the level is negative or not finite,
    or when n < 5.
    """
    if not (math.isfinite(level) and level >= 0):
        raise ValueError(f"level must be a finite number that is zero or more, not {level}.")
    if n < 5:
        raise ValueError(f"n must be at least 5 points for a closed curve, not {n}.")
    curvatures, axes = np.linalg.eigh(loss.hessian)
    angles = np.linspace(0, 2 * np.pi, n)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    circle[-1] = circle[0]
    return np.asarray(loss.center + (circle * np.sqrt(2 * level / curvatures)) @ axes.T)
