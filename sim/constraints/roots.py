"""Roots of one function of one variable, many at once."""

from collections.abc import Callable

import numpy as np

from sim.constraints.quadratic import Array


def root(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where f, taken at n points at once, turns from negative at `low` to positive at `high`.

    Ridders' method: each round at least halves the bracket, also where f jumps, and stops at
    rounding (Press and others, Numerical Recipes, section 9.2).
    """
    at_low, at_high = f(low), f(high)
    last = low
    for _ in range(100):
        middle = (low + high) / 2
        at_middle = f(middle)
        scale = np.maximum(np.abs(at_middle), np.maximum(np.abs(at_low), np.abs(at_high)))
        scale = np.where(scale > 0, scale, 1.0)
        a, m, b = at_low / scale, at_middle / scale, at_high / scale
        bend = np.sqrt(np.maximum(m * m - a * b, 0.0))
        guess = middle - (middle - low) * m / np.where(bend > 0, bend, 1.0)
        at_guess = f(guess)
        for z, at_z in ((middle, at_middle), (guess, at_guess)):
            inside = (z > low) & (z < high)
            up, down = inside & (at_z >= 0), inside & (at_z < 0)
            low, at_low = np.where(down, z, low), np.where(down, at_z, at_low)
            high, at_high = np.where(up, z, high), np.where(up, at_z, at_high)
        rounding = 4e-16 * np.maximum(1.0, np.abs(guess))
        if ((np.abs(guess - last) <= rounding) | (high - low <= rounding)).all():
            return guess
        last = guess
    return (low + high) / 2
