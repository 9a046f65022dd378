"""The path: the best weights from a budget of zero to the unconstrained optimum."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.constraints import (
    Quadratic,
    elastic_net_kinks,
    elastic_net_path,
    norm,
    regularization_path,
)
from ui import plane, stage
from ui.charts import constraints as charts
from ui.charts import constraints_path as paths_charts
from ui.charts.constraints_path import Track
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.views.constraints.common import LOSS, fitting, loss_of, norms, solve
from ui.views.constraints.controls import move

POINTS = 61
BESIDE = 1e-9
"""How far beside a kink, as a share, a point is sure to be on one side of it."""


def tracks(values: stage.Values) -> list[Track]:
    """The path under each norm, and that of the elastic net."""
    loss, found = loss_of(values), []
    for one in norms(values):
        kinks = np.empty((0, 2))
        longest = float(norm(loss.center, one.order))
        budgets = np.linspace(0.0, longest, POINTS)
        if one.order == 1:
            knots = regularization_path(loss, 1)
            kinks = knots.weights[1:-1]
            budgets = np.union1d(budgets, knots.budgets[1:-1])
        path = regularization_path(loss, one.order, budgets)
        share = path.budgets / (longest or 1.0)
        found.append(Track(one.key, one.name, one.role, share, path, kinks))
    return [*found, _elastic_net(loss, values["l1_ratio"])]


def _elastic_net(loss: Quadratic, l1_ratio: float) -> Track:
    path = elastic_net_path(loss, l1_ratio, POINTS)
    # With the places where a weight enters, seen from either side.
    kinks = elastic_net_kinks(loss, l1_ratio)
    if kinks.size:
        penalties = np.concatenate([path.penalties, kinks * (1 + BESIDE), kinks * (1 - BESIDE)])
        path = elastic_net_path(loss, l1_ratio, np.sort(penalties)[::-1])
    sizes = np.abs(path.weights).sum(axis=1)
    share = sizes / (sizes[-1] or 1.0)
    return Track("net", _("elastic net"), "sound", share, path, np.empty((0, 2)))


def draw(values: stage.Values) -> None:
    loss, solutions = solve(values | {"formulation": "constraint"})
    paths = tracks(values)
    left, middle, right = st.columns([4.1, 3.6, 1.9], gap="small")
    with left:
        here = [charts.Panel(one.norm, "", one.weights, one.budget) for one in solutions]
        plane.show(
            "path",
            charts.plane(
                loss,
                [paths_charts.path_panel(_("From 0 to c"), paths, here)],
                [
                    *(
                        {
                            "mark": "line",
                            "role": track.role,
                            "name": track.name,
                            "dash": "9 5" if track.role == "sound" else "",
                        }
                        for track in paths
                    ),
                    {"mark": "ring", "role": "l1", "name": _("kink")},
                    {"mark": "dot", "role": "l1", "name": _("at the budget")},
                ],
            ),
            description=_(
                "The paths of the best weights from zero to c. Straight pieces of that of L1: {n}."
            ).format(n=_pieces(paths)),
            height=stage.figure_height(0.88, projector=0.95),
            moved=move,
        )
    with middle:
        for axis, name in enumerate(("w₁", "w₂")):
            stage.chart(
                paths_charts.profile(paths, axis),
                f"profile_{axis + 1}",
                description=_("{name} along each path, over the budget.").format(name=name),
                height=stage.figure_height(0.43, projector=0.47),
            )
    with right.container(key="readouts", gap="small"):
        stage.readouts(stage.Group(fitting(_numbers(paths), "second")))


def _pieces(paths: list[Track]) -> int:
    """Of L1's path; none where c is zero, and so is every weight."""
    lasso = paths[1]
    return len(lasso.kinks) + 1 if lasso.path.weights[-1].any() else 0


def _numbers(paths: list[Track]) -> list[stage.Readout]:
    lasso, net = paths[1], paths[-1]
    return [
        stage.Readout(
            "pieces",
            _("Straight pieces of L1"),
            f"{_pieces(paths)}",
            _("Between two kinks the path of L1 is a straight line, at constant speed."),
        ),
        stage.Readout(
            "second_enters",
            _("Second weight enters at"),
            _enters(lasso),
            _(
                "Up to this budget L1 keeps one weight at exactly zero. It is 0 where both are "
                "pulled equally hard, and there is none where a weight stays zero to the end."
            ),
        ),
        stage.Readout("zero_share_l1", _("L1 holds a zero for"), _held(lasso)),
        stage.Readout("zero_share_net", _("Elastic net holds it for"), _held(net)),
        stage.Readout("zero_share_l2", _("L2 holds it for"), _held(paths[0])),
    ]


def _enters(lasso: Track) -> str:
    """The budget from which on both weights differ from zero: that of the first kink."""
    if len(lasso.kinks):
        budget = float(np.abs(lasso.kinks[0]).sum())
    elif (lasso.path.weights[-1] != 0).all():
        budget = 0.0
    else:
        return _("never")
    return _("budget {budget}").format(budget=stage.number(budget))


def held(track: Track) -> float:
    """For which part of the way exactly one weight is zero."""
    zero = track.path.weights == 0
    stays = (zero[1:] & zero[:-1]).any(axis=1)
    moves = (~zero[1:] | ~zero[:-1]).any(axis=1)
    return float(np.diff(track.share)[stays & moves].sum())


def _held(track: Track) -> str:
    return f"{100 * held(track):.0f} %" if track.path.weights[-1].any() else "—"


def see() -> None:
    st.markdown(
        _(
            "- With a budget of zero all weights are zero; with a large one they are c. The way "
            "between is the **path**, here in the plane and weight by weight.\n"
            "- L1 walks in straight lines with **kinks**. Unless the loss pulls both weights "
            "equally hard, it starts along an axis, with one weight alone; where the other enters "
            "there is a kink. That is a choice of variables.\n"
            "- L2 has no kinks: both weights leave zero at once, save one that is zero in c of a "
            "loss that is not tilted.\n"
            "- The elastic net is a blend: from 0 (L2) to 1 (L1) its path goes from the one to the "
            "other, and it holds a zero for no longer than L1."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"w(t)=\arg\min_{\lVert w\rVert_q\le t} \tfrac12 (w-c)^\top H\,(w-c),\qquad "
        r"0\le t\le\lVert c\rVert_q"
    )
    st.latex(
        r"\text{elastic net:}\quad \tfrac12 (w-c)^\top H\,(w-c) + "
        r"\lambda\Bigl(\rho\textstyle\sum_i|w_i| + \tfrac{1-\rho}{2}\sum_i w_i^2\Bigr)"
    )
    st.markdown(
        _(
            "t is the budget and ρ the share of L1. While the signs of the weights stay, L1's "
            "conditions are linear: w = c − λH⁻¹s, so the path is piecewise linear and its kinks "
            "can be computed exactly (least angle regression). The elastic net has ½ before its "
            "squares, as scikit-learn's `ElasticNet` does; its profile is drawn over Σ|w|."
        )
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(
            {
                "path": track.name,
                "budget": track.path.budgets,
                "share": track.share,
                "w1": track.path.weights[:, 0],
                "w2": track.path.weights[:, 1],
                "penalty": track.path.penalties,
                "loss": track.path.losses,
            }
        )
        for track in tracks(values)
    ]
    return stage.Table(pd.concat(frames), "path.csv")


PATH = stage.View(
    name="path",
    title=N_("Path"),
    uses=LOSS | {"budget", "norm_order", "l1_ratio"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.path,
    data=data,
)
