"""Where must the optimum lie for a zero? The plane, coloured by which weights are exactly zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.constraints import Quadratic, zero_map
from ui import plane, stage
from ui.charts import constraints as charts
from ui.charts import constraints_zeros as maps_charts
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.views.constraints.common import LOSS, columns, fitting, norms, solve
from ui.views.constraints.controls import move

RESOLUTION = 200
ASIDE = (1e-6 * 2**0.5, 1e-6 * 3**0.5)
"""How far the places lie beside round numbers, which lines without width may pass through."""
BOTH = 3
"""The code of a place where both weights are zero; 1 and 2 are those of one."""


@st.cache_data(max_entries=512, show_spinner=False)
def computed(
    eccentricity: float, angle: float, order: float, budget: float
) -> tuple[list[dict[str, Any]], list[float]]:
    """The map's pictures, and the shares of its positions with no zero, w₁, w₂ and both."""
    loss = Quadratic.from_ellipse((0.0, 0.0), eccentricity, angle)
    edges = [side + step for step in ASIDE for side in (-charts.LIMIT, charts.LIMIT)]
    codes = zero_map(loss, order, budget, tuple(edges), RESOLUTION).codes
    counts = np.bincount(codes.ravel(), minlength=4) / codes.size
    return maps_charts.masks(codes, charts.LIMIT), counts.tolist()


def _maps(values: stage.Values) -> list[tuple[list[dict[str, Any]], list[float]]]:
    shape = values["eccentricity"], values["angle"]
    return [computed(*shape, norm.order, values["budget"]) for norm in norms(values)]


def draw(values: stage.Values) -> None:
    loss, solutions = solve(values | {"formulation": "constraint"})
    maps = _maps(values)
    figure, readouts = columns(len(solutions))
    with figure:
        panels = []
        for one, (masks, shares) in zip(solutions, maps, strict=True):
            title = _("{norm}: {share:.0%} of the square").format(
                norm=one.norm.name, share=1 - shares[0]
            )
            panel = charts.Panel(one.norm, title, one.weights, one.budget)
            panels.append(maps_charts.map_panel(panel, masks))
        plane.show(
            "zeros",
            charts.plane(
                loss,
                panels,
                [
                    {"mark": "patch", "role": "truth", "name": _("c here: w₁ = 0")},
                    {"mark": "patch", "role": "sound", "name": _("c here: w₂ = 0")},
                    {"mark": "cross", "role": "data", "name": _("c")},
                ],
            ),
            description=" ".join(panel["title"] + "." for panel in panels),
            height=stage.figure_height(0.88, projector=0.95),
            moved=move,
        )
    with readouts:
        stage.readouts(
            *(
                stage.Group(
                    fitting(
                        [
                            stage.Readout(
                                f"plane_{one.norm.key}",
                                _("With a zero"),
                                _percent(1 - shares[0]),
                                _(
                                    "The part of the square from −7 to 7 "
                                    "in which c leads to a zero."
                                ),
                            ),
                            *(
                                stage.Readout(
                                    f"plane_w{code}_{one.norm.key}",
                                    name,
                                    _percent(shares[code] + shares[BOTH]),
                                )
                                for code, name in ((1, "w₁ = 0"), (2, "w₂ = 0"))
                            ),
                            stage.Readout(f"zeros_{one.norm.key}", _("Zero for c"), one.zeros),
                        ],
                        "plane_w1",
                        "plane_w2",
                    ),
                    one.norm.name,
                    one.norm.role,
                )
                for one, (_masks, shares) in zip(solutions, maps, strict=True)
            )
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def see() -> None:
    st.markdown(
        _(
            "- Each place of the plane stands for a loss with its optimum c there. Its colour says "
            "which weight the best allowed weights then have at exactly zero.\n"
            "- For L1 two **bands** lead out from the corners of the diamond. **Drag the cross** "
            "into one and out of it.\n"
            "- For L2, with any budget above zero, the plane is empty: only on lines without width "
            "would a weight be zero.\n"
            "- Turn the **angle** of long contours: the bands lean. Below q = 1 they grow: the "
            "star lies inside the diamond and has its tips in common with it."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"w^*=(0,\ \pm t)\ \text{ for L1}\quad\Longleftrightarrow\quad "
        r"\pm f_2 \ge |f_1|, \qquad f = H\,(c - w^*)"
    )
    st.markdown(
        _(
            "f is the force −∇L at the corner (0, ±t), t the budget. At a corner of the diamond "
            "the force may lie anywhere in a right angle about the axis, so c may lie anywhere in "
            "a wedge: that angle, bent by H⁻¹. On the circle it must lie exactly on the axis. The "
            "map asks `sim` at {n} × {n} places."
        ).format(n=RESOLUTION)
    )


def data(values: stage.Values) -> stage.Table:
    rows = [
        {"norm": norm.name, "none": none, "w1 = 0": first, "w2 = 0": second, "both": both}
        for norm, (_masks, (none, first, second, both)) in zip(
            norms(values), _maps(values), strict=True
        )
    ]
    return stage.Table(pd.DataFrame(rows), "zeros.csv")


ZEROS = stage.View(
    name="zeros",
    title=N_("Where zeros are"),
    uses=LOSS | {"budget", "norm_order"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.zeros,
    data=data,
)
