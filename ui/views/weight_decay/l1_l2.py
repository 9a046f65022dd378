"""L1 against L2 on the same data: the one cuts weights to zero, the other shrinks them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import weight_decay as sim
from ui import stage
from ui.charts import weight_decay_l1_l2 as charts
from ui.code import weight_decay as code
from ui.i18n import N_, _


@st.cache_data(max_entries=64, show_spinner=False)
def sparse(l1_penalty: float, l2_penalty: float, seed: int) -> sim.SparseRegression:
    return sim.sparse_regression(l1_penalty, l2_penalty, rng=np.random.default_rng(seed))


def both(values: stage.Values) -> sim.SparseRegression:
    return sparse(values["l1_penalty"], values["l2_penalty"], values["seed"])


def draw(values: stage.Values) -> None:
    fit = both(values)
    figure, readouts = stage.figure_and_readouts()
    height = stage.figure_height(0.88, projector=0.95)
    with figure:
        step, weights = stage.columns("both", (3, 5))
        with step:
            stage.chart(
                charts.penalty_steps(fit),
                "step_figure",
                description=charts.steps_description(fit),
                height=height,
            )
        with weights:
            stage.chart(
                charts.sparse_weights(fit),
                "figure",
                description=charts.sparse_description(fit),
                height=height,
            )
    with readouts:
        stage.readouts(
            *(
                stage.Group(
                    [
                        stage.Readout(
                            f"zeros_{order}",
                            _("Exactly 0"),
                            f"{run.n_zeros} / {len(run.weights)}",
                            _("After 300 steps, compared with 0 itself, not with a small number."),
                        ),
                        stage.Readout(
                            f"train_{order}",
                            _("Training MSE"),
                            stage.number(float(run.train_loss[-1])),
                        ),
                        stage.Readout(
                            f"test_{order}", _("Test MSE"), stage.number(float(run.test_loss[-1]))
                        ),
                        stage.Readout(
                            f"largest_{order}",
                            _("Largest |w|"),
                            stage.number(float(np.abs(run.weights).max())),
                        ),
                    ],
                    order.upper(),
                    order,
                )
                for order, run in (("l1", fit.l1), ("l2", fit.l2))
            )
        )


def see() -> None:
    st.markdown(
        _(
            "- Left: what one step of the penalty alone does. L1 takes **the same amount** off "
            "every weight and stops at 0; L2 takes **the same share**, so it never gets there.\n"
            "- Right: the weights after training. A ring is a weight that is exactly 0: the "
            "feature is out of the model. That is what L1 is for.\n"
            "- L1 takes its amount off the five weights that matter, too: the larger λ₁, the "
            "larger the training error, until all weights are 0.\n"
            "- λ₁ and λ₂ are different scales: the same number does not mean the same strength."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\min_w\; \tfrac1n\lVert Xw-y\rVert^2 + \lambda_1\textstyle\sum|w_i|: \quad "
        r"w_i \leftarrow \operatorname{sign}(v_i)\,\max(|v_i| - \eta\lambda_1,\, 0)"
    )
    st.latex(
        r"\min_w\; \tfrac1n\lVert Xw-y\rVert^2 + \lambda_2\textstyle\sum w_i^2: \quad "
        r"w_i \leftarrow \frac{v_i}{1 + 2\eta\lambda_2}"
    )
    st.markdown(
        _(
            "v is w after the step of the data alone, v = w − η∇ℓ, with η = 1/L. λ₁ and λ₂ are the "
            "sliders; no ½, no intercept. Followed to the end these are scikit-learn's `Lasso` "
            "with `alpha` = λ₁/2 and `Ridge` with `alpha` = n·λ₂."
        )
    )


def source(values: stage.Values) -> str:
    return code.sparse(
        l1_penalty=values["l1_penalty"], l2_penalty=values["l2_penalty"], seed=values["seed"]
    )


def data(values: stage.Values) -> stage.Table:
    fit = both(values)
    frame = pd.DataFrame({"truth": fit.truth, "L1": fit.l1.weights, "L2": fit.l2.weights})
    return stage.Table(frame.rename_axis("weight").reset_index(), "l1_l2.csv")


L1_L2 = stage.View(
    name="l1_l2",
    title=N_("L1 against L2"),
    uses=frozenset({"l1_penalty", "l2_penalty", "seed"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
