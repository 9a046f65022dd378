"""Bias and variance: many training sets, many curves, and what their error is made of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sim.overfitting import (
    BiasVariance,
    BiasVarianceCurve,
    bias_variance,
    bias_variance_by_degree,
    bias_variance_by_penalty,
    unbiased_parts,
)
from ui import points, stage
from ui.charts import overfitting as charts
from ui.charts import overfitting_parts as parts_charts
from ui.code import overfitting as code
from ui.i18n import N_, _
from ui.views.overfitting.data import NAMES, POINTS, groups, only, rng

DEGREES = range(26)
PENALTIES = tuple(np.logspace(-9, 2, 23).tolist())


def _common(values: stage.Values) -> tuple[Any, ...]:
    keys = ("n_points", "noise", "n_datasets")
    return (*(values[key] for key in keys), rng(values["seed"]))


@st.cache_data(max_entries=64, show_spinner=False)
def _sweep(values: dict[str, Any]) -> BiasVarianceCurve:
    if "degree_b" in values:
        return bias_variance_by_penalty(values["degree_b"], PENALTIES, *_common(values))
    return bias_variance_by_degree(DEGREES, values["penalty"], *_common(values))


def sweep(values: stage.Values) -> BiasVarianceCurve:
    """Along the degrees with the penalty that is set, or along the penalties with degree B."""
    other = "penalty" if values["against"] == "degree" else "degree_b"
    return _sweep(only(values, other, "n_datasets", *POINTS))


def parts(values: stage.Values) -> list[BiasVariance]:
    """The error of A and of B, taken apart."""
    given = ("penalty", "n_points", "noise", "n_datasets", "seed")
    return [_parts(values[f"degree_{name}"], *(values[key] for key in given)) for name in NAMES]


@lru_cache(maxsize=32)  # while A moves, B stays
def _parts(
    degree: int, penalty: float, n_points: int, noise: float, n_datasets: int, seed: int
) -> BiasVariance:
    return bias_variance(degree, penalty, n_points, noise, n_datasets, rng(seed))


def draw(values: stage.Values) -> None:
    both, curve = parts(values), sweep(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        # A projector is wide and low: side by side.
        above, below = stage.columns("both", (1.6, 1), projector_only=True)
    with figure, above:
        points.show(
            "figure",
            charts.clouds(both, (values["degree_a"], values["degree_b"])),
            description=_(
                "The curves of {n} training sets that differ in their noise alone: degree {a} on "
                "one side, degree {b} on the other, with their mean and the true sine."
            ).format(
                n=min(values["n_datasets"], charts.CLOUD),
                a=values["degree_a"],
                b=values["degree_b"],
            ),
            height=stage.figure_height(0.5, projector=0.96),
        )
    with figure, below:
        stage.chart(
            parts_charts.parts(curve, values["n_datasets"], values["against"], _chosen(values)),
            "parts",
            description=_(
                "Bias squared, variance and noise, stacked, against {what}; crosses show the "
                "measured test error, which is their sum but for the chance in {n} training sets."
            ).format(
                what=_("the degree") if values["against"] == "degree" else "λ",
                n=values["n_datasets"],
            ),
            height=stage.figure_height(0.48, projector=0.96),
        )
    with readouts:
        stage.readouts(
            *groups(
                values,
                *(
                    _numbers(name, part, values["n_datasets"])
                    for name, part in zip(NAMES, both, strict=True)
                ),
            )
        )
        stage.remark(" ".join(filter(None, map(bias_sentence, NAMES, both))))
        stage.remark(_("In this view the penalty is L2.") if values["penalty_kind"] == "l1" else "")


def _chosen(values: stage.Values) -> dict[str, float]:
    if values["against"] == "degree":
        return {"sound": values["degree_a"], "overfit": values["degree_b"]}
    return {"overfit": max(values["penalty"], PENALTIES[0])}


def bias_sentence(name: str, part: BiasVariance) -> str:
    """Where chance makes more of what the mean curve misses than bias does: why Bias² is less."""
    chance = part.variance / (len(part.fits) - 1)
    if chance <= part.bias_squared - chance:
        return ""
    return _(
        "The mean curve of {name} misses the sine by {missed}, squared; chance in {n} training "
        "sets alone makes about {chance}. Bias² is the rest, or 0."
    ).format(
        name=name.upper(),
        missed=stage.number(part.bias_squared),
        n=len(part.fits),
        chance=stage.number(chance),
    )


def _numbers(name: str, part: BiasVariance, n_datasets: int) -> list[stage.Readout]:
    bias_squared, variance = unbiased_parts(part.bias_squared, part.variance, n_datasets)
    total = bias_squared + variance + part.noise
    return [
        stage.Readout(
            f"bias_squared_{name}",
            _("Bias²"),
            stage.number(float(bias_squared)),
            _(
                "How far the mean of the curves is from the sine, squared, less what the mean "
                "itself varies by."
            ),
        ),
        stage.Readout(
            f"variance_{name}",
            _("Variance"),
            stage.number(float(variance)),
            _("How far the curves are from their mean, squared."),
        ),
        stage.Readout(f"sum_{name}", _("Sum with σ²"), stage.number(float(total))),
        stage.Readout(
            f"expected_error_{name}",
            _("Measured ± {error}").format(error=f"{part.standard_error:.2g}"),
            stage.number(part.expected_error),
            _(
                "Test MSE on fresh noisy points, with the standard error that Monte Carlo leaves "
                "in its difference to the sum."
            ),
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Every thin curve is the fit to another training set: the same positions, fresh "
            "noise.\n"
            "- **Another data set**: how far a curve moves with the noise is its variance. Compare "
            "A and B.\n"
            "- **Bias** is what is wrong with the mean of the curves, **variance** how far the "
            "curves are from their mean. With λ = 0 every further degree adds variance, up to "
            "degree n − 1; a low degree has bias instead.\n"
            "- The crosses are the test error, measured on fresh points: but for the chance in R "
            "training sets it *is* bias² + variance + noise.\n"
            "- Against **λ**: a larger penalty always leaves less variance. What it costs in bias, "
            "the figure shows."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\underbrace{\mathbb{E}\bigl(y-\hat f(x)\bigr)^2}_{\text{expected test MSE}} = "
        r"\underbrace{\bigl(\mathbb{E}\hat f(x)-\sin(\pi x)\bigr)^2}_{\text{bias}^2} + "
        r"\underbrace{\mathbb{E}\bigl(\hat f(x)-\mathbb{E}\hat f(x)\bigr)^2}_{\text{variance}} + "
        r"\underbrace{\sigma^2}_{\text{noise}}"
    )
    st.markdown(
        _(
            "The expectation runs over training sets with the same n positions and fresh noise σ, "
            "and every term is averaged over x on [−1, 1]. On screen the mean of the R data sets "
            "stands for it, hence the Monte-Carlo error; the 1/R of the variance that the mean "
            "still has is counted with the variance. λ is that of "
            "(1/n)·Σ(y − f(x))² + λ·Σw², the intercept left out. The sweep against λ uses the "
            "degree of B."
        )
    )


def data(values: stage.Values) -> stage.Table:
    curve = sweep(values)
    bias_squared, variance = unbiased_parts(
        curve.bias_squared, curve.variance, values["n_datasets"]
    )
    frame = pd.DataFrame(
        {
            values["against"]: curve.values,
            "bias squared": bias_squared,
            "variance": variance,
            "noise": curve.noise,
            "sum": bias_squared + variance + curve.noise,
            "measured test MSE": curve.expected_error,
            "standard error": curve.standard_error,
            "exact bias squared": curve.exact_bias_squared,
            "exact variance": curve.exact_variance,
        }
    )
    return stage.Table(frame, "bias_variance.csv")


BIAS_VARIANCE = stage.View(
    name="bias_variance",
    title=N_("Bias and variance"),
    uses=POINTS | {"degree_a", "degree_b", "penalty", "n_datasets", "against"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.bias_variance,
    data=data,
    previews=True,
)
