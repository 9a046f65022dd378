"""What rounding leaves undecided counts as equal.

Ties are no accident here: on round numbers a path enters two weights at once, a budget ends exactly
at a corner, a weight is exactly zero. In floating point the two sides then differ in their last
digits. So a difference counts as zero when it is within a few units in the last place of the terms
that it was made of; numbers with up to a dozen digits that truly differ, differ by far more.
"""

import numpy as np

from sim.constraints.quadratic import Array

ROUNDING = 2.0**-48
"""Sixteen units in the last place, as a share of the terms."""


def blur(hessians: Array, centers: Array) -> Array:
    """How far off the pull hessian @ center may be: shapes (n, 2, 2) and (n, 2) to (n,)."""
    terms = np.abs(hessians).sum(axis=-2) * np.abs(centers)
    return np.asarray(ROUNDING * (terms[..., 0] + terms[..., 1]))


def settled(values: Array, *terms: Array) -> Array:
    """The values, exactly zero where they are no more than rounding left of the terms."""
    size = sum(np.abs(term) for term in terms)
    return np.where(np.abs(values) <= ROUNDING * size, 0.0, values)
