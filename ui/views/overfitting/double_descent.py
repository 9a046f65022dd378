"""Double descent: degrees far past the number of points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import DoubleDescent, double_descent
from ui import stage
from ui.charts import overfitting_sizes as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import POINTS, only, rng

MOST_POINTS = 40
N_DATASETS = 20
FAR = np.geomspace(27, 400, 12).astype(int).tolist()


def n_points(values: stage.Values) -> int:
    """How many points this view uses."""
    return int(min(values["n_points"], MOST_POINTS))


def degrees(n: int) -> list[int]:
    """The degrees that are fitted: all near the peak, few beyond. Always as many."""
    near = {*range(25), *FAR}
    return sorted({*near, 350 if n - 1 in near else n - 1})


@st.cache_data(max_entries=64, show_spinner=False)
def _curve(values: dict[str, Any]) -> DoubleDescent:
    n = n_points(values)
    return double_descent(n, values["noise"], degrees(n), rng(values["seed"]), N_DATASETS)


def curve(values: stage.Values) -> DoubleDescent:
    return _curve(only(values, *POINTS))


def draw(values: stage.Values) -> None:
    errors = curve(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.descent(errors, values["noise"]),
            "figure",
            description=_(
                "Test error against degrees from 0 to 400: it falls, soars near degree {peak}, "
                "where the curve passes through every point, and falls again. With tuned λ there "
                "is no second peak."
            ).format(peak=errors.threshold),
            height=stage.figure_height(0.9, projector=0.96),
        )
    with readouts:
        stage.readouts(*_numbers(errors))
        remark = _("This view uses {n} points at most.").format(n=MOST_POINTS)
        stage.remark(remark if values["n_points"] > MOST_POINTS else "")


def _numbers(errors: DoubleDescent) -> list[stage.Group]:
    small = errors.degrees < errors.threshold
    least = int(np.argmin(np.where(small, errors.test_mse, np.inf))) if small.any() else 0
    peak = int(np.argmax(errors.test_mse))
    last = errors.degrees[-1]
    return [
        stage.Group(
            [
                stage.Readout(
                    "small_mse",
                    _("Degree {d}, best").format(d=errors.degrees[least]),
                    stage.number(errors.test_mse[least]),
                    _("The best small model. Test MSE, the mean of {n} data sets.").format(
                        n=N_DATASETS
                    ),
                ),
                stage.Readout(
                    "peak_mse",
                    _("Degree {d}, peak").format(d=errors.degrees[peak]),
                    stage.number(errors.test_mse[peak]),
                    _("The curve passes through all points, and has only one way to do so."),
                ),
                stage.Readout(
                    "large_mse",
                    _("Degree {d}").format(d=last),
                    stage.number(errors.test_mse[-1]),
                    _("Of all curves through the points, the one of least norm."),
                ),
            ],
            _("λ = 0"),
            "overfit",
        ),
        stage.Group(
            [
                stage.Readout(
                    "tuned_peak_mse",
                    _("Worst, ≥ 3"),
                    stage.number(errors.tuned_test_mse[errors.degrees >= 3].max()),
                    _("The largest test MSE from degree 3 on."),
                ),
                stage.Readout(
                    "tuned_large_mse",
                    _("Degree {d}").format(d=last),
                    stage.number(errors.tuned_test_mse[-1]),
                ),
                stage.Readout(
                    "tuned_penalty",
                    _("λ there"),
                    stage.number(errors.tuned_penalty[-1]),
                    _("The median over the data sets; by leave-one-out, from training points."),
                ),
            ],
            _("λ tuned"),
            "sound",
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Up to degree n − 1 this is the classical U. There the curve can just pass through "
            "all points, in one way only, however wild: the **peak**.\n"
            "- Beyond, there are many ways through all points, and the fit takes the smallest. "
            "More degrees give it better choices: the test error comes down **again**.\n"
            "- The training error is zero all the way: it says nothing of this.\n"
            "- With **tuned λ** there is no peak at all. The remedy for overfitting is a large "
            "model with regularization, not a small model."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"f(x) = \sum_{k=0}^{d} c_k \sqrt{2k+1}\,P_k(x), \qquad "
        r"\min_c\; \frac1n\sum_i\bigl(y_i-f(x_i)\bigr)^2 + \lambda\sum_k \bigl((k+1)\,c_k\bigr)^2"
    )
    st.markdown(
        _(
            "P_k are the Legendre polynomials: powers of x would drown in rounding long before "
            "degree 400. d is the degree, n the number of points (at most 40). λ = 0 stands for "
            "its limit: of all curves through the points, the one with the smallest norm. Tuned λ "
            "is chosen by leave-one-out for each data set. The test error is exact, the mean over "
            "20 data sets with the same positions. The λ of the other views belongs to powers of x "
            "and is not used here. Belkin et al., PNAS 2019; Nakkiran et al., ICLR 2021."
        )
    )


def data(values: stage.Values) -> stage.Table:
    errors = curve(values)
    frame = pd.DataFrame(
        {
            "degree": errors.degrees,
            "training MSE": errors.train_mse,
            "test MSE": errors.test_mse,
            "training MSE, tuned": errors.tuned_train_mse,
            "test MSE, tuned": errors.tuned_test_mse,
            "tuned penalty": errors.tuned_penalty,
        }
    )
    return stage.Table(frame, "double_descent.csv")


def source(values: stage.Values) -> str:
    return code.double_descent(n_points(values), values["noise"], values["seed"], N_DATASETS)


DOUBLE_DESCENT = stage.View(
    name="double_descent",
    title=N_("Double descent"),
    uses=POINTS,
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
