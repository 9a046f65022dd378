"""Coefficients: the size of every weight of both fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import Polynomial, mean_squared_error
from ui import stage
from ui.charts import overfitting_parts as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import FITS, NAMES, fits, groups, samples


def draw(values: stage.Values) -> None:
    train, test = samples(values)
    models = fits(values, train)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.coefficients(*models),
            "figure",
            description=_(
                "The coefficient of every power of x, on a scale that is logarithmic on both sides "
                "of zero. The largest of A is {a} in size, the largest of B {b}."
            ).format(
                a=stage.number(models[0].largest_coefficient),
                b=stage.number(models[1].largest_coefficient),
            ),
            height=stage.figure_height(0.9, projector=0.96),
        )
    with readouts:
        stage.readouts(
            *groups(
                values,
                *(
                    [
                        *_numbers(name, model),
                        stage.Readout(
                            f"test_mse_{name}",
                            _("Test MSE"),
                            stage.number(mean_squared_error(model, test)),
                        ),
                    ]
                    for name, model in zip(NAMES, models, strict=True)
                ),
            )
        )


def _numbers(name: str, model: Polynomial) -> list[stage.Readout]:
    weights = model.coefficients[1:]
    return [
        stage.Readout(
            f"largest_coefficient_{name}",
            _("Largest |w|"),
            stage.number(model.largest_coefficient),
        ),
        stage.Readout(f"sum_{name}", "Σ|w|", stage.number(float(np.abs(weights).sum()))),
        stage.Readout(
            f"zeros_{name}",
            _("Zeros"),
            _("{zeros} of {n}").format(zeros=np.count_nonzero(weights == 0), n=weights.size),
            _("Weights that are 0 to the last digit; the intercept is not counted."),
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Without a penalty, and with about as many weights as points (a dozen or more), the "
            "weights are huge, of both signs, and cancel each other: that is what a wild curve is "
            "made of.\n"
            "- Raise **λ** with **L2**: Σw² shrinks, but no weight is set to zero.\n"
            "- Switch to **L1**: weights are *exactly* zero, in the end all of them, and what is "
            "left on the way there is a short formula.\n"
            "- The steps of the axis are factors: from 100 to 10,000 is one step."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\text{L2: } \frac1n\sum_i\bigl(y_i-f(x_i)\bigr)^2 + \lambda\sum_{k\ge1} w_k^2 \qquad "
        r"\text{L1: } \frac1n\sum_i\bigl(y_i-f(x_i)\bigr)^2 + \lambda\sum_{k\ge1} |w_k|"
    )
    st.markdown(
        _(
            "w_k is the coefficient of xᵏ, k from 1 to the degree; the intercept w₀ is neither "
            "penalised nor shown. The slope of λw² vanishes at w = 0, so L2 never pushes a weight "
            "all the way; that of λ|w| stays λ, so L1 can. The same λ means something else to "
            "each of them."
        )
    )


def data(values: stage.Values) -> stage.Table:
    train, _test = samples(values)
    models = fits(values, train)
    frame = pd.DataFrame({"power": np.arange(1 + max(model.degree for model in models))})
    for letter, model in zip("AB", models, strict=True):
        frame[f"w of {letter}"] = pd.Series(model.coefficients)
    return stage.Table(frame, "coefficients.csv")


COEFFICIENTS = stage.View(
    name="coefficients",
    title=N_("Coefficients"),
    uses=FITS,
    draw=draw,
    see=see,
    maths=maths,
    code=code.coefficients,
    data=data,
    previews=True,
)
