"""The figure: contours meet the balls, with the forces there; the optimum can be moved."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from sim.constraints import ConstrainedMinimum, Contact, Quadratic, contact
from ui import plane, stage
from ui.charts import constraints as charts
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.views.constraints.common import LOSS, Solution, columns, fitting, solve
from ui.views.constraints.controls import move


def draw(values: stage.Values) -> None:
    loss, solutions = solve(values)
    contacts = [chosen(loss, solution, values["contour_size"]) for solution in solutions]
    figure, readouts = columns(len(solutions))
    with figure:
        plane.show(
            "figure",
            charts.plane(
                loss,
                [_panel(loss, *pair) for pair in zip(solutions, contacts, strict=True)],
                legend(solutions),
            ),
            description=" ".join(map(_sentence, solutions, contacts)),
            height=stage.figure_height(0.88, projector=0.95),
            moved=move,
        )
    with readouts:
        shared = values["formulation"]
        stage.readouts(*(_numbers(solution, shared) for solution in solutions))


def chosen(loss: Quadratic, solution: Solution, size: float) -> tuple[float, Contact] | None:
    """The chosen contour's level, and how it lies; None if the budget does not bind."""
    if solution.loss == 0:
        return None
    level = solution.loss if size == 1 else size**2 * solution.loss
    return level, contact(loss, solution.norm.order, solution.budget, level)


def _panel(
    loss: Quadratic, solution: Solution, meeting: tuple[float, Contact] | None
) -> dict[str, Any]:
    level, how = meeting or (0.0, None)
    norm = solution.norm
    title = f"{norm.name} · {_words(meeting)}"
    one = charts.Panel(norm, title, solution.weights, solution.budget)
    return charts.panel(loss, one, level=level, contact=how, forces=solution.kkt)


def _words(meeting: tuple[float, Contact] | None) -> str:
    if meeting is None:
        return _("does not bind")
    kind, points = meeting[1].kind, len(meeting[1].points)
    if kind == "crossing":
        return _("crossing at {n}").format(n=points)
    return {
        "none": _("no contact"),
        "touching": _("touching"),
        "inside": _("contour inside"),
        "around": _("contour around"),
    }[kind]


def legend(solutions: list[Solution]) -> list[dict[str, Any]]:
    """The marks and their names."""
    return [
        {"mark": "line", "role": "data", "name": _("chosen contour")},
        *({"mark": "area", "role": one.norm.role, "name": _ball_name(one)} for one in solutions),
        {"mark": "cross", "role": "data", "name": _("c: best of all")},
        {"mark": "arrow", "role": "data", "name": _("−∇L at w*")},
        {"mark": "patch", "role": solutions[1].norm.role, "name": _("penalty's gradients")},
    ]


def _ball_name(solution: Solution) -> str:
    if solution.norm.order < 1:
        return _("{norm} ball, not convex").format(norm=solution.norm.name)
    return _("{norm} ball").format(norm=solution.norm.name)


def _sentence(solution: Solution, meeting: tuple[float, Contact] | None) -> str:
    return _(
        "Contours of the loss and the {norm} ball of budget {budget}: the best weights are "
        "({w1}, {w2}); chosen contour: {words}."
    ).format(
        norm=solution.norm.name,
        budget=stage.number(solution.budget),
        w1=stage.number(solution.weights[0]),
        w2=stage.number(solution.weights[1]),
        words=_words(meeting),
    )


def _numbers(solution: Solution, shared: str) -> stage.Group:
    key, weights = solution.norm.key, solution.weights
    other = (
        stage.Readout(
            f"multiplier_{key}",
            "λ*",
            multiplier(solution),
            _multiplier(solution),
        )
        if shared == "constraint"
        else stage.Readout(
            f"budget_{key}",
            _("Budget"),
            stage.number(solution.budget),
            _("The budget that leads to the same weights: their norm."),
        )
    )
    return stage.Group(
        fitting(
            [
                stage.Readout(f"w1_{key}", "w₁", stage.number(weights[0])),
                stage.Readout(f"w2_{key}", "w₂", stage.number(weights[1])),
                stage.Readout(f"zeros_{key}", _("Exactly zero"), solution.zeros),
                stage.Readout(f"loss_{key}", _("Loss"), stage.number(solution.loss)),
                other,
            ],
            "loss",
        ),
        solution.norm.name,
        solution.norm.role,
    )


def _any_penalty(solution: Solution) -> bool:
    """Whether a budget of 0 binds where Σ|w|^q has a cusp: 0 is a local optimum with any λ > 0."""
    bound = isinstance(solution.found, ConstrainedMinimum) and solution.found.active
    return solution.norm.order < 1 and bound and solution.budget == 0


def multiplier(solution: Solution) -> str:
    """λ* in a few characters; a dash where there is no one number."""
    return "—" if _any_penalty(solution) else stage.number(solution.penalty)


def _multiplier(solution: Solution) -> str:
    if _any_penalty(solution):
        return _(
            "No one λ: for q < 1 zero weights are a local optimum with any λ above 0, and the best "
            "of all with any that is large enough."
        )
    if solution.norm.order < 1:
        return _(
            "The multiplier of the budget. With it as the penalty λ these weights are stationary, "
            "but for q < 1 others may be better."
        )
    return _("The penalty λ that leads to the same weights: the multiplier of the budget.")


def see() -> None:
    st.markdown(
        _(
            "- Every point on one ellipse has the same loss; the cross is the best there is. "
            "**Drag the cross**, or move it with the arrow keys.\n"
            "- The weights must stay inside the coloured ball. With c outside, make the "
            "**chosen contour** smaller and it misses the ball; larger, and it cuts through or "
            "goes around. Where it just touches, there are the best allowed weights w*.\n"
            "- The dark arrow −∇L is where the loss pulls. At w* it points the way the ball "
            "holds: along the one gradient where the ball is smooth, and within a whole **cone** "
            "at a corner. A cone is easy to hit, so corners are: at those of the diamond one "
            "weight is exactly zero.\n"
            "- Move **budget** and see **λ** follow, and the other way round: two handles of one "
            "thing, for a norm order q of 1 or more.\n"
            "- Sparsity is what L1 is *for*: it leaves weights out."
        )
    )


def maths(values: stage.Values) -> None:
    _loss, solutions = solve(values)
    st.latex(
        r"\min_w\; \tfrac12 (w-c)^\top H\,(w-c) \quad\text{so that}\quad "
        r"\lVert w\rVert_q \le \text{budget}"
        r"\qquad\Longleftrightarrow\qquad "
        r"\min_w\; \tfrac12 (w-c)^\top H\,(w-c) + \lambda\,\Omega(w)"
    )
    st.latex(
        r"-\nabla L(w^*) \in \lambda^*\,\partial\Omega(w^*), \quad "
        r"\lambda^*\,(\lVert w^*\rVert_q-\text{budget})=0, \qquad "
        r"\Omega(w) = \textstyle\sum_i |w_i|^q \;\text{ or }\; \max_i |w_i|"
    )
    st.markdown(
        _(
            "c is the unconstrained optimum; H has the curvatures √e across the long axis and 1/√e "
            "along it, with e the eccentricity. For q ≥ 1 a budget and a penalty are two forms of "
            "one thing: the multiplier λ* at the solution is the penalty that leads to the same "
            "weights. Here λ* is {multipliers}. Ω has no ½ and no 1/n in front, and there is no "
            "intercept. For q < 1 the ball is not convex: w* is the best of all local optima, and "
            "some budgets belong to no penalty."
        ).format(multipliers=", ".join(f"{multiplier(one)} ({one.norm.name})" for one in solutions))
    )


def data(values: stage.Values) -> stage.Table:
    loss, solutions = solve(values)
    rows = []
    for one in solutions:
        meeting = chosen(loss, one, values["contour_size"])
        rows.append(
            {
                "norm": one.norm.name,
                "budget": one.budget,
                "multiplier": None if _any_penalty(one) else one.penalty,
                "w1": one.weights[0],
                "w2": one.weights[1],
                "loss": one.loss,
                "minus gradient 1": one.kkt.force[0],
                "minus gradient 2": one.kkt.force[1],
                "kkt residual": one.kkt.residual,
                "chosen level": meeting[0] if meeting else None,
                "chosen contour": meeting[1].kind if meeting else "none",
                "common points": len(meeting[1].points) if meeting else 0,
            }
        )
    return stage.Table(pd.DataFrame(rows), "constraints.csv")


FIGURE = stage.View(
    name="figure",
    title=N_("Figure"),
    uses=LOSS | {"budget", "penalty", "formulation", "norm_order", "contour_size"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.figure,
    data=data,
)
