"""Complexity: training and test error against the degree."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from sim.overfitting import ErrorCurve, error_curve
from ui import stage
from ui.charts import overfitting_errors as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import FITS, groups, only, samples


@st.cache_data(max_entries=64, show_spinner=False)
def _curve(values: dict[str, Any]) -> ErrorCurve:
    return error_curve(
        *samples(values), penalty=values["penalty"], penalty_kind=values["penalty_kind"]
    )


def curve(values: stage.Values) -> ErrorCurve:
    return _curve(only(values, "points", "penalty", "penalty_kind"))


def draw(values: stage.Values) -> None:
    errors = curve(values)
    chosen = (values["degree_a"], values["degree_b"])
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.complexity(errors, *chosen, values["noise"]),
            "figure",
            description=_(
                "Training and test error against the degree from 0 to 25, on a logarithmic scale. "
                "The test error is least at degree {best}; A is at degree {a}, B at {b}."
            ).format(best=errors.best_degree, a=chosen[0], b=chosen[1]),
            height=stage.figure_height(0.9, projector=0.96),
        )
    with readouts:
        stage.readouts(
            *groups(
                values,
                *(
                    [
                        stage.Readout(
                            f"train_mse_{name}",
                            _("Training MSE"),
                            stage.number(errors.train_mse[degree]),
                        ),
                        stage.Readout(
                            f"test_mse_{name}", _("Test MSE"), stage.number(errors.test_mse[degree])
                        ),
                    ]
                    for name, degree in zip("ab", chosen, strict=True)
                ),
            )
        )
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "best_mse",
                        _("Test MSE"),
                        stage.number(errors.test_mse.min()),
                        _("The degree with the least test error on the 1,000 test points."),
                    )
                ],
                _("Best · {d}").format(d=errors.best_degree),
                "validation",
            ),
            stage.Group(
                [stage.Readout("noise", _("Noise floor σ²"), stage.number(values["noise"] ** 2))],
                "σ²",
                "muted",
            ),
        )


def see() -> None:
    st.markdown(
        _(
            "- With λ = 0 no further degree fits the **training** points worse; once the curve "
            "passes through all of them, their error is 0.\n"
            "- The **test** error falls while the curve learns to bend as the sine does. Where it "
            "rises again, the curve bends to what is chance in the training points. Both together "
            "make a U.\n"
            "- In the long run nothing gets below σ²: that is the noise of the test points "
            "themselves. On 1,000 of them, chance is a few per cent of it.\n"
            "- Raise **λ**: where the right arm of the U soars, it comes down. A penalty makes a "
            "high degree harmless."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\mathrm{MSE}_\text{train} = \frac1n\sum_{i=1}^{n}\bigl(y_i-\hat f_d(x_i)\bigr)^2, \qquad "
        r"\mathbb{E}\,\mathrm{MSE}_\text{test} = \sigma^2 + "
        r"\mathbb{E}_x\bigl(\hat f_d(x)-\sin(\pi x)\bigr)^2"
    )
    st.markdown(
        _(
            "d runs over the degrees; f̂ is fitted to the n training points with the λ of the "
            "control (no ½, the intercept left out). The polynomials of degree d contain those of "
            "degree d − 1, so with λ = 0 the training error cannot rise; with λ > 0 "
            "it can. The test error is that on "
            "1,000 other points; σ² is the part of it that no model can take away."
        )
    )


def data(values: stage.Values) -> stage.Table:
    errors = curve(values)
    frame = pd.DataFrame(
        {
            "degree": errors.degrees,
            "training MSE": errors.train_mse,
            "test MSE": errors.test_mse,
        }
    )
    return stage.Table(frame, "complexity.csv")


COMPLEXITY = stage.View(
    name="complexity",
    title=N_("Complexity"),
    uses=FITS,
    draw=draw,
    see=see,
    maths=maths,
    code=code.complexity,
    data=data,
    previews=True,
)
