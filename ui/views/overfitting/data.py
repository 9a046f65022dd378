"""What several views share: the points, both fits, and the words for them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.overfitting import Polynomial, Sample, edit, fit_polynomial, noisy_sine
from ui import points, stage
from ui.i18n import _

N_TEST = 1000
NAMES = ("a", "b")
ROLES = ("sound", "overfit")
POINTS = frozenset({"n_points", "noise", "seed"})  # the controls that draw the points
FITS = POINTS | {"degree_a", "degree_b", "penalty", "penalty_kind"}


def drawn(values: stage.Values) -> tuple[Sample, Sample]:
    """Training and test points as they are drawn, from streams of their own."""
    return _drawn(values["n_points"], values["noise"], values["seed"])


@lru_cache(maxsize=128)  # most moves of a slider draw no new points
def _drawn(n_points: int, noise: float, seed: int) -> tuple[Sample, Sample]:
    train, test = np.random.default_rng(seed).spawn(2)
    samples = noisy_sine(n_points, noise, train), noisy_sine(N_TEST, noise, test)
    for array in (*samples[0], *samples[1]):
        array.flags.writeable = False  # all visitors share them
    return samples


def samples(values: stage.Values) -> tuple[Sample, Sample]:
    """Training points as a hand has left them, and test points."""
    train, test = drawn(values)
    edits = points.read(values, values["n_points"])
    return edit(train, edits.moved, edits.removed, edits.added), test


def rng(seed: int) -> np.random.Generator:
    """The stream of the training points: what draws from it has their positions."""
    return np.random.default_rng(seed).spawn(2)[0]


def fits(values: stage.Values, train: Sample) -> list[Polynomial]:
    """Polynomials A and B."""
    return [
        fit_polynomial(*train, values[key], values["penalty"], values["penalty_kind"])
        for key in ("degree_a", "degree_b")
    ]


def title(name: str, values: stage.Values) -> str:
    """The name of A or B, with its degree."""
    return f"{name.upper()} · " + _("degree {d}").format(d=values[f"degree_{name}"])


def groups(values: stage.Values, *readouts: list[stage.Readout]) -> list[stage.Group]:
    """Two groups of read-outs, under the names of A and B."""
    return [
        stage.Group(
            numbers,
            title(name, values).replace(" ", "\N{NO-BREAK SPACE}"),  # for equal heights
            role,
        )
        for name, role, numbers in zip(NAMES, ROLES, readouts, strict=True)
    ]


def only(values: stage.Values, *keys: str) -> stage.Values:
    """The part of `values` that a cached function depends on: it shall not run for another's sake.

    With "points" among the keys, those that say which points there are.
    """
    if "points" in keys:
        keys = (*keys, *POINTS, "moved", "removed", "added")
    return {key: values[key] for key in sorted({*keys} - {"points"})}
