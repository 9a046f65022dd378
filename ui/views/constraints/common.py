"""What the views of the constraints screen share: the loss, the norms, and their solutions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sim.constraints import (
    Array,
    ConstrainedMinimum,
    Kkt,
    PenalizedMinimum,
    Quadratic,
    constrained_minimum,
    kkt,
    penalized_minimum,
)
from ui import shell, stage
from ui.charts.constraints import Norm
from ui.i18n import _

LOSS = frozenset({"center_x", "center_y", "eccentricity", "angle"})
"""The controls of the loss."""


@dataclass(frozen=True)
class Solution:
    """The best weights under one norm: within its budget, or with its penalty."""

    norm: Norm
    found: ConstrainedMinimum | PenalizedMinimum
    budget: float
    penalty: float
    loss: float
    kkt: Kkt

    @property
    def weights(self) -> Array:
        """Where they are."""
        return self.found.weights

    @property
    def zeros(self) -> str:
        """The names of the weights that are exactly zero."""
        return zeros(self.weights)


def loss_of(values: stage.Values) -> Quadratic:
    """The loss that the controls describe."""
    return Quadratic.from_ellipse(
        (values["center_x"], values["center_y"]), values["eccentricity"], values["angle"]
    )


def norms(values: stage.Values) -> list[Norm]:
    """L2 and L1, and the norm order of the control where it is neither."""
    order = float(values["norm_order"])
    pair = [Norm("l2", 2.0, "L2", "l2"), Norm("l1", 1.0, "L1", "l1")]
    if order in (1, 2):
        return pair
    name = "L∞" if order == math.inf else f"L{order:g}"
    return [*pair, Norm("lq", order, name, "validation")]


def solve(values: stage.Values) -> tuple[Quadratic, list[Solution]]:
    """The loss, and the best weights under each norm."""
    loss = loss_of(values)
    return loss, [_solution(loss, norm, values) for norm in norms(values)]


def _solution(loss: Quadratic, norm: Norm, values: stage.Values) -> Solution:
    found: ConstrainedMinimum | PenalizedMinimum
    if values["formulation"] == "penalty":
        found = penalized_minimum(loss, norm.order, values["penalty"])
        budget, penalty = found.budget, found.penalty
    else:
        found = constrained_minimum(loss, norm.order, values["budget"])
        budget, penalty = values["budget"], found.multiplier
    value = float(loss.value(found.weights))
    return Solution(norm, found, budget, penalty, value, kkt(loss, norm.order, found))


def zeros(weights: Array) -> str:
    """The names of the weights that are exactly zero."""
    names = [name for name, w in zip(("w₁", "w₂"), weights, strict=True) if w == 0]
    return ", ".join(names) if names else _("none")


def fitting(readouts: list[stage.Readout], *spare: str) -> list[stage.Readout]:
    """The read-outs; on a projector, which has room for fewer, without those named in `spare`."""
    if not shell.presenting():
        return readouts
    return [one for one in readouts if one.key.rsplit("_", 1)[0] not in spare]


def columns(n: int, width: float = 4.2) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for the figure and for the numbers of `n` groups; for three the second is `width`."""
    left, right = st.columns([7, 2.4 if n < 3 else width], gap="medium")
    return left, right.container(key="readouts", gap="small")
