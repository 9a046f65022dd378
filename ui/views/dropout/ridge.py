"""Dropout is a penalty: the mean loss over the masks, and ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sim import dropout as sim
from ui import shell, stage
from ui.charts import dropout_formulas as charts
from ui.code import dropout as code
from ui.i18n import N_, _

TRUE_WEIGHTS = (2.0, -1.5, 1.0, -0.8, 0.5, 0.0)
COLUMN_SCALES = (1.0, 1.0, 0.5, 1.5, 0.5, 1.0)
N_ROWS, ROW_NOISE = 30, 1.0


@dataclass(frozen=True)
class Linear:
    """A linear problem, its weights by least squares, and what corrupting the inputs does."""

    X: np.ndarray
    y: np.ndarray
    plain: np.ndarray
    cost: np.ndarray
    copies: np.ndarray


def linear(values: stage.Values) -> Linear:
    rng = np.random.default_rng(values["seed"])
    X = rng.standard_normal((N_ROWS, len(TRUE_WEIGHTS))) * COLUMN_SCALES
    y = X @ np.array(TRUE_WEIGHTS) + ROW_NOISE * rng.standard_normal(N_ROWS)
    if values["corruption"] == "dropout":
        cost, corrupted = sim.dropout_cost(X, values["p"]), sim.dropped(X, values["p"])
    else:
        sigma = values["input_noise"]
        cost, corrupted = sim.noise_cost(X, sigma), sim.noised(X, sigma)
    plain = sim.penalised_weights(X, y, np.zeros(len(TRUE_WEIGHTS)))
    return Linear(X, y, plain, cost, corrupted(values["n_masks"], rng))


def draw(values: stage.Values) -> None:
    problem = linear(values)
    losses = sim.corrupted_losses(problem.copies, problem.y, problem.plain)
    formula = sim.penalised_loss(problem.X, problem.y, problem.plain, problem.cost)
    by_formula = sim.penalised_weights(problem.X, problem.y, problem.cost)
    by_masks = sim.weights_over_copies(problem.copies, problem.y)
    figure, readouts = stage.figure_and_readouts()
    height = stage.figure_height(0.85, projector=0.95)
    with figure:
        left, right = stage.columns("both", (1, 1))
        with left:
            stage.chart(
                charts.penalty(losses, formula),
                "figure",
                description=charts.penalty_description(losses, formula),
                height=height,
            )
        with right:
            stage.chart(
                charts.ridge(problem.plain, by_masks, by_formula, TRUE_WEIGHTS),
                "figure_weights",
                description=charts.ridge_description(by_masks, by_formula),
                height=height,
            )
    numbers = _numbers(problem, losses, formula, by_formula, by_masks)
    with readouts:
        stage.readouts(stage.Group(numbers[:4] if shell.presenting() else numbers))


def _numbers(
    problem: Linear,
    losses: np.ndarray,
    formula: float,
    by_formula: np.ndarray,
    by_masks: np.ndarray,
) -> list[stage.Readout]:
    return [
        stage.Readout(
            "formula",
            _("Loss by the formula"),
            stage.number(formula),
            _("Of the least-squares weights: squared error plus penalty."),
        ),
        stage.Readout(
            "by_masks",
            _("Mean over the masks"),
            stage.number(float(losses.mean())),
            _("± {error}, one standard error").format(
                error=stage.number(
                    charts.without_dust(losses.std() / np.sqrt(len(losses)), formula)
                )
            ),
        ),
        stage.Readout(
            "penalty",
            _("Of it the penalty"),
            stage.number(float(problem.cost @ problem.plain**2)),
        ),
        stage.Readout(
            "weights_differ",
            _("Largest difference of weights"),
            stage.number(
                charts.without_dust(np.abs(by_masks - by_formula).max(), np.abs(by_formula).max())
            ),
            _("Between ridge by the formula and the best weights under the masks."),
        ),
        stage.Readout(
            "shrunk",
            _("‖w‖ ridge : least squares"),
            f"{np.linalg.norm(by_formula) / np.linalg.norm(problem.plain):.2f}",
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Left: the mean loss of one linear model while ever more masks are drawn. In the "
            "long run it meets the formula; the band is two standard errors wide to either side.\n"
            "- Right: the weights that are best under all these masks. In the long run they meet "
            "those of ridge regression, which never cost more penalty than those of least "
            "squares.\n"
            "- Dropout penalises a weight more the larger its input is: λⱼ grows with ‖xⱼ‖².\n"
            "- Choose **Gaussian noise**: noise on the inputs is a penalty, too, the same for "
            "every weight."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\mathbb{E}\,\lVert y-\tilde Xw\rVert^2 = \lVert y-Xw\rVert^2 + "
        r"\frac{p}{1-p}\sum_j \lVert x_j\rVert^2\, w_j^2"
    )
    st.latex(
        r"\tilde X = X + \sigma E:\qquad \mathbb{E}\,\lVert y-\tilde Xw\rVert^2 = "
        r"\lVert y-Xw\rVert^2 + n\sigma^2\,\lVert w\rVert^2"
    )
    st.markdown(
        _(
            "X has n = {n} rows; xⱼ is its column j, X̃ is X with entries dropped and the others "
            "divided by 1−p, or with noise σ added. So λⱼ = p/(1−p)·‖xⱼ‖², or λ = nσ² for all: no "
            "½, no 1/n, no intercept."
        ).format(n=N_ROWS)
    )


def data(values: stage.Values) -> stage.Table:
    problem = linear(values)
    frame = pd.DataFrame(
        {
            "weight": np.arange(len(TRUE_WEIGHTS)) + 1,
            "truth": TRUE_WEIGHTS,
            "least_squares": problem.plain,
            "lambda": problem.cost,
            "ridge": sim.penalised_weights(problem.X, problem.y, problem.cost),
            "under_masks": sim.weights_over_copies(problem.copies, problem.y),
        }
    )
    return stage.Table(frame, "dropout_ridge.csv")


def source(values: stage.Values) -> str:
    return code.ridge(
        corruption=values["corruption"],
        p=values["p"],
        input_noise=values["input_noise"],
        n_masks=values["n_masks"],
        seed=values["seed"],
        n_rows=N_ROWS,
        weights=TRUE_WEIGHTS,
        scales=COLUMN_SCALES,
        row_noise=ROW_NOISE,
    )


RIDGE = stage.View(
    name="ridge",
    title=N_("A penalty"),
    uses=frozenset({"p", "corruption", "input_noise", "n_masks", "seed"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
