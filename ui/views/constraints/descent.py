"""Descent on the penalised loss: proximal steps, subgradient steps, and L2, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.constraints import Array, Descent, descend, penalized_minimum
from ui import player, stage
from ui.charts import constraints_played as charts
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.numbers import power
from ui.views.constraints.common import LOSS, columns, fitting, loss_of, zeros

START = (-3.0, 3.0)
N_STEPS = 100
STILL = 1e-3
"""The step of a run that has come to rest is smaller,"""
NEAR = 0.02
"""and this is how near it is to its minimum."""


def runs(values: stage.Values) -> dict[str, Descent]:
    """The three descents, by the key of their read-outs."""
    rest = (START, values["learning_rate"], N_STEPS)
    loss, penalty = loss_of(values), values["penalty"]
    return {
        "proximal": descend(loss, 1, penalty, *rest, "proximal"),
        "subgradient": descend(loss, 1, penalty, *rest, "subgradient"),
        "l2": descend(loss, 2, penalty, *rest, "gradient"),
    }


def _names() -> dict[str, tuple[str, str, str]]:
    return {
        "proximal": ("l1", _("L1 proximal"), "circle"),
        "subgradient": ("l1", _("L1 subgradient"), "diamond"),
        "l2": ("l2", _("L2 gradient"), "square"),
    }


def draw(values: stage.Values) -> None:
    loss, found, names = loss_of(values), runs(values), _names()
    rate = values["learning_rate"]
    figure, readouts = columns(3, 5.2)
    with figure:
        ends = {f"l{q}": penalized_minimum(loss, q, values["penalty"]).weights for q in (1, 2)}
        rings = [(weights, name.upper(), name) for name, weights in ends.items()]
        player.show(
            "descent_player",
            "paths",
            charts.descents(
                loss,
                [(*names[key], run) for key, run in found.items()],
                [(loss.center, "c", "data"), *rings],
                _("Step {i} of {n}"),
            ),
            n_frames=N_STEPS + 1,
            description=_says(found, rate),
            height=stage.figure_height(0.66, projector=0.66),
        )
        st.caption(_says(found, rate))
    with readouts:
        stage.readouts(
            *(
                _numbers(key, names[key], run, _end(run, rate, ends[names[key][0]]))
                for key, run in found.items()
            )
        )


def _says(found: dict[str, Descent], rate: float) -> str:
    names = _names()
    lost = [
        (
            _("{name} diverges: its learning rate must be below {bound}.")
            if rate > run.safe_learning_rate
            else _("{name} leaves the square from minus to plus 1e6.")
        ).format(name=names[key][1], bound=stage.number(run.safe_learning_rate))
        for key, run in found.items()
        if run.diverged
    ]
    higher = [names[key][1] for key, run in found.items() if run.objectives[-1] > run.objectives[0]]
    if not lost and higher:
        lost = [_("Higher at the end than at the start: {names}.").format(names=", ".join(higher))]
    return " ".join(lost) or _(
        "None ends higher than it began; rings mark the optimum c and the minima with the penalty."
    )


def _end(run: Descent, rate: float, minimum: Array) -> str:
    """What a run is doing when it ends."""
    if run.diverged:
        return _("diverges") if rate > run.safe_learning_rate else _("is cut")
    still = np.ptp(run.weights[-2:], axis=0).max() < STILL
    return _("rests") if still and np.abs(run.weights[-1] - minimum).max() < NEAR else _("goes on")


def _numbers(key: str, name: tuple[str, str, str], run: Descent, end: str) -> stage.Group:
    role, title, _shape = name
    w1, w2 = run.weights[-1]
    number = power if run.diverged else stage.number
    return stage.Group(
        fitting(
            [
                stage.Readout(f"w1_{key}", "w₁", number(w1)),
                stage.Readout(f"w2_{key}", "w₂", number(w2)),
                stage.Readout(f"zeros_{key}", _("Exactly zero"), zeros(run.weights[-1])),
                stage.Readout(
                    f"bound_{key}",
                    _("Bound on the rate"),
                    stage.number(run.safe_learning_rate),
                    _("2 / (largest curvature): from there on gradient descent can diverge."),
                ),
                stage.Readout(
                    f"end_{key}",
                    _("At the end it"),
                    end,
                    _(
                        "It rests where it stands still at its minimum. A run is cut where a "
                        "weight would leave the square from minus to plus 1e6."
                    ),
                ),
            ],
            "w2",
            "bound",
        ),
        title,
        role,
    )


def see() -> None:
    st.markdown(
        _(
            "- All three start at (−3, 3) with the same learning rate and the same λ.\n"
            "- A **proximal** step goes down the loss and then takes λ·rate off each weight, but "
            "never through zero: a weight that L1 wants at zero arrives, and stays.\n"
            "- A **subgradient** step adds λ·sign(w) to the gradient. Near zero the sign flips "
            "again and again: such a weight hovers about zero, and is exactly there by accident "
            "only.\n"
            "- L2's pull fades with the weight: it becomes small, and zero by accident only.\n"
            "- Raise the **learning rate** beyond the bound and descent can diverge. L2's bound is "
            "the lowest, for its penalty adds to the curvature."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\text{proximal:}\quad u = w - \eta\nabla L(w), \quad "
        r"w_i \leftarrow \operatorname{sign}(u_i)\,\max(|u_i| - \eta\lambda,\ 0)"
    )
    st.latex(
        r"\text{subgradient:}\quad w \leftarrow w - \eta\,(\nabla L(w) + "
        r"\lambda\operatorname{sign}(w)), \qquad \text{L2:}\quad "
        r"w \leftarrow w - \eta\,(\nabla L(w) + 2\lambda w)"
    )
    st.markdown(
        _(
            "η is the learning rate, λ the penalty on Σ|w| or Σw², without ½. The soft threshold "
            "is the exact minimum of the penalty beside the step (Beck and Teboulle, ISTA). "
            "sign(0) is any number from −1 to 1; the code takes 0. Steps are safe below η = 2/h, "
            "with h the largest curvature: √e for L1, √e + 2λ for L2."
        )
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(
            {
                "run": key,
                "step": range(len(run.weights)),
                "w1": run.weights[:, 0],
                "w2": run.weights[:, 1],
                "objective": run.objectives,
            }
        )
        for key, run in runs(values).items()
    ]
    return stage.Table(pd.concat(frames), "descent.csv")


def source(values: stage.Values) -> str:
    return code.descent(values, START, N_STEPS)


DESCENT = stage.View(
    name="descent",
    title=N_("Descent"),
    uses=LOSS | {"penalty", "learning_rate"},
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
