"""Constraints: where the contours of a loss meet the L2 circle and the L1 diamond."""

import numpy as np
import pandas as pd
import streamlit as st

from sim.constraints import ConstrainedMinimum, Quadratic, constrained_minimum
from ui import stage
from ui.charts import constraints as charts
from ui.code import constraints as code
from ui.controls import Number
from ui.i18n import N_, _
from ui.scenes import Scene

NORMS = (2, 1)

CONTROLS = (
    Number(
        key="center_x",
        label=N_("Unconstrained optimum, w₁"),
        default=1.5,
        low=-4.0,
        high=4.0,
        step=0.1,
    ),
    Number(
        key="center_y",
        label=N_("Unconstrained optimum, w₂"),
        default=3.0,
        low=-4.0,
        high=4.0,
        step=0.1,
    ),
    Number(
        key="eccentricity",
        label=N_("Eccentricity of the contours"),
        default=3.0,
        low=1.0,
        high=20.0,
        step=0.5,
        help=N_("The ratio of the two curvatures of the loss: 1 means round contours."),
    ),
    Number(
        key="angle",
        label=N_("Angle of the long axis, degrees"),
        default=30.0,
        low=-90.0,
        high=90.0,
        step=1.0,
    ),
    Number(
        key="budget",
        label=N_("Budget"),
        default=1.5,
        low=0.0,
        high=6.0,
        step=0.1,
        help=N_("How large the weights may be: ‖w‖₂ ≤ budget, or ‖w‖₁ ≤ budget."),
    ),
)

SCENES = (
    Scene(
        N_("A corner"),
        N_(
            "The same loss, the same budget: the contours meet the diamond in a corner, where w₁ "
            "is exactly zero, and the circle where both weights remain."
        ),
    ),
    Scene(
        N_("Round contours"),
        N_(
            "Not every L1 solution is sparse: with round contours around (3, 2) the diamond is met "
            "on an edge, at (1.25, 0.25). The circle is met on the straight line to the optimum."
        ),
        {"center_x": 3.0, "center_y": 2.0, "eccentricity": 1.0, "angle": 0.0},
    ),
    Scene(
        N_("Long contours"),
        N_(
            "The loss cares little about one direction and much about the other; both optima slide "
            "along the valley, and L1 ends in a corner."
        ),
        {"center_x": 2.0, "center_y": 2.5, "eccentricity": 20.0, "angle": -30.0},
    ),
    Scene(
        N_("A tight budget"),
        N_("The smaller the budget, the closer to zero: the price is a larger loss, for both."),
        {"budget": 0.5},
    ),
    Scene(
        N_("No regularization"),
        N_(
            "The unconstrained optimum lies inside both shapes: the budget does not bind, and both "
            "solutions are the unconstrained one."
        ),
        {"budget": 6.0},
    ),
)


def solve(values: stage.Values) -> tuple[Quadratic, dict[int, ConstrainedMinimum]]:
    """The loss, and its minimum within the budget for each norm."""
    loss = Quadratic.from_ellipse(
        (values["center_x"], values["center_y"]), values["eccentricity"], values["angle"]
    )
    return loss, {order: constrained_minimum(loss, order, values["budget"]) for order in NORMS}


def draw(values: stage.Values) -> None:
    loss, solutions = solve(values)
    budget = values["budget"]
    figure, readouts = stage.figure_and_readouts()
    with figure:
        for column, order in zip(st.columns(2), NORMS, strict=True):
            with column:
                stage.chart(
                    charts.figure(loss, order, budget, solutions[order]),
                    f"figure_l{order}",
                    description=charts.description(order, budget, solutions[order]),
                    height=stage.figure_height(0.9),
                )
        st.caption(_("c: the best weights of all. w*: the best weights within the budget."))
    with readouts:
        stage.readouts(*(_numbers(loss, order, solutions[order].weights) for order in NORMS))


def _numbers(loss: Quadratic, order: int, weights: np.ndarray) -> stage.Group:
    zeros = [name for name, w in zip(("w₁", "w₂"), weights, strict=True) if w == 0]
    return stage.Group(
        [
            stage.Readout(f"w1_l{order}", "w₁", stage.number(weights[0])),
            stage.Readout(f"w2_l{order}", "w₂", stage.number(weights[1])),
            stage.Readout(
                f"zeros_l{order}", _("Exactly zero"), ", ".join(zeros) if zeros else _("none")
            ),
            stage.Readout(f"loss_l{order}", _("Loss"), stage.number(float(loss.value(weights)))),
        ],
        f"L{order}",
        f"l{order}",
    )


def see() -> None:
    st.markdown(
        _(
            "- Every point on one ellipse has the same loss; the cross is the best there is.\n"
            "- The weights must stay inside the coloured shape. The best allowed point is where "
            "the smallest ellipse that reaches the shape touches it.\n"
            "- The diamond has corners on the axes, and corners are easy to hit first: there one "
            "weight is exactly zero. The circle has no corners.\n"
            "- Sparsity is what L1 is *for*: it picks out the weights that matter."
        )
    )


def maths(values: stage.Values) -> None:
    _loss, solutions = solve(values)
    st.latex(
        r"\min_w\; \tfrac12 (w-c)^\top H\,(w-c) \quad\text{so that}\quad "
        r"\lVert w\rVert_q \le \text{budget}, \qquad q = 1, 2"
    )
    st.latex(
        r"-\nabla L(w) = \lambda\,\partial\Omega(w), \qquad "
        r"\Omega(w) = \textstyle\sum_i |w_i| \;\text{ or }\; \sum_i w_i^2"
    )
    st.markdown(
        _(
            "c is the unconstrained optimum; H has the curvatures √e across the long axis and 1/√e "
            "along it, with e the eccentricity. A budget and a penalty are two forms of one thing: "
            "at the solution the multiplier λ is the penalty that leads to the same weights, here "
            "{l2} for L2 and {l1} for L1."
        ).format(**{f"l{order}": stage.number(solutions[order].multiplier) for order in NORMS})
    )


def data(values: stage.Values) -> stage.Table:
    loss, solutions = solve(values)
    rows = [
        {
            "norm": f"L{order}",
            "w1": solution.weights[0],
            "w2": solution.weights[1],
            "loss": float(loss.value(solution.weights)),
            "multiplier": solution.multiplier,
            "budget binds": solution.active,
        }
        for order, solution in solutions.items()
    ]
    return stage.Table(pd.DataFrame(rows), "constraints.csv")


def source(values: stage.Values) -> str:
    return code.source(**values)


stage.screen(SCENES, CONTROLS, stage.View(draw=draw, see=see, maths=maths, code=source, data=data))
