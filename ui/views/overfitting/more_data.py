"""More data: training and test error against the number of points."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from sim.overfitting import LearningCurve, learning_curve
from ui import stage
from ui.charts import overfitting_sizes as charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import NAMES, POINTS, ROLES, groups, only, rng

SIZES = (5, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40, 60, 80, 120, 200)
N_DATASETS = 20


@st.cache_data(max_entries=64, show_spinner=False)
def _curve(degree: int, values: dict[str, Any]) -> LearningCurve:
    n = values["n_points"]
    sizes = sorted({*SIZES, 100 if n in SIZES else n})  # always as many: one chart for every n
    return learning_curve(
        degree, values["penalty"], sizes, values["noise"], N_DATASETS, rng(values["seed"])
    )


def curves(values: stage.Values) -> list[LearningCurve]:
    """The learning curves of A and B."""
    return [_curve(values[f"degree_{name}"], only(values, "penalty", *POINTS)) for name in NAMES]


def draw(values: stage.Values) -> None:
    both, n = curves(values), values["n_points"]
    figure, readouts = stage.figure_and_readouts()
    with figure:
        for place, name, role, curve in zip(
            stage.columns("figure", (1, 1)), NAMES, ROLES, both, strict=True
        ):
            with place:
                stage.chart(
                    charts.learning(curve, n, values["noise"], name.upper(), role),
                    f"learning_{name}",
                    description=_(
                        "Training and test error of degree {d} against the number of training "
                        "points, on logarithmic scales."
                    ).format(d=values[f"degree_{name}"]),
                    height=stage.figure_height(0.9, projector=0.96),
                )
    with readouts:
        stage.readouts(
            *groups(values, *(_numbers(*pair, n) for pair in zip(NAMES, both, strict=True)))
        )
        stage.remark(_("In this view the penalty is L2.") if values["penalty_kind"] == "l1" else "")


def _numbers(name: str, curve: LearningCurve, n: int) -> list[stage.Readout]:
    here = curve.sizes.tolist().index(n)
    train, test = curve.train_mse[here], curve.test_mse[here]
    return [
        stage.Readout(
            f"train_mse_{name}",
            _("Training MSE"),
            stage.number(train),
        ),
        stage.Readout(
            f"test_mse_{name}",
            _("Test MSE"),
            stage.number(test),
            _("With n = {n} points, the median of {m} data sets.").format(n=n, m=N_DATASETS),
        ),
        stage.Readout(f"gap_{name}", _("Gap"), stage.number(test - train)),
    ]


def see() -> None:
    st.markdown(
        _(
            "- With λ = 0 and no more points than weights (degree + 1) a curve passes through all "
            "of them: the training error is 0. The **gap** between the curves is overfitting.\n"
            "- Many points leave no room for that: the gap closes, and if the degree is high "
            "enough, both curves come near σ².\n"
            "- A model that is too simple (degree 2 or less) stays high for ever: more data cure "
            "variance, not bias.\n"
            "- A penalty narrows a gap that is huge."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\mathrm{MSE}_\text{train}(n) \;\le\; \sigma^2 \;\le\; \mathrm{MSE}_\text{test}(n), "
        r"\qquad \text{gap} \approx \frac{2 (d+1)}{n}\,\sigma^2"
    )
    st.markdown(
        _(
            "For least squares (λ = 0) whose degree d is high enough, in expectation; the gap for "
            "n much larger than d. n is the number of training points, σ the noise. Each curve is "
            "the median over {n} data sets that grow point by point, the band their middle half; "
            "the test error is taken on [−1, 1] itself, plus σ². λ is that of "
            "(1/n)·Σ(y − f(x))² + λ·Σw², the intercept left out."
        ).format(n=N_DATASETS)
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(
            {
                "model": name.upper(),
                "n": curve.sizes,
                "training MSE": curve.train_mse,
                "test MSE": curve.test_mse,
                "test MSE, lower quartile": curve.test_quartiles[0],
                "test MSE, upper quartile": curve.test_quartiles[1],
            }
        )
        for name, curve in zip(NAMES, curves(values), strict=True)
    ]
    return stage.Table(pd.concat(frames), "more_data.csv")


MORE_DATA = stage.View(
    name="more_data",
    title=N_("More data"),
    uses=POINTS | {"degree_a", "degree_b", "penalty"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.more_data,
    data=data,
    previews=True,
)
