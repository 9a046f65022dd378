"""Scaling: what one unit is fed under many masks, and at inference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import dropout as sim
from ui import stage
from ui.charts import dropout_formulas as charts
from ui.code import dropout as code
from ui.i18n import N_, _
from ui.views.dropout.common import N_INPUTS, NET, layer_sizes, rates

N_CANDIDATES = 64


def fed(values: stage.Values) -> sim.UnitInput:
    """The input of the unit behind the first hidden layer, and of the sample, that get the most."""
    start, inputs, masks = np.random.default_rng(values["seed"]).spawn(3)
    network = sim.init_network(layer_sizes(values), start)
    outputs = sim.forward(network, inputs.standard_normal((N_CANDIDATES, N_INPUTS)))[1]
    sums = np.abs(outputs @ network.weights[1].T)
    sample, unit = np.unravel_index(sums.argmax(), sums.shape)
    return sim.unit_input(
        outputs[sample],
        network.weights[1][unit],
        float(network.biases[1][unit]),
        rates(values)[0],
        values["n_masks"],
        masks,
        inverted=values["inverted_scaling"],
    )


def draw(values: stage.Values) -> None:
    seen = fed(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        stage.chart(
            charts.scaling(seen),
            "figure",
            description=charts.scaling_description(seen, inverted=values["inverted_scaling"]),
            height=stage.figure_height(0.85, projector=0.95),
        )
    error = seen.deviation / np.sqrt(len(seen.values))
    miss = abs(seen.values.mean() - seen.inference)
    with readouts:
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "inference_input", _("Input at inference"), stage.number(seen.inference)
                    ),
                    stage.Readout(
                        "mean_input",
                        _("Mean over the masks"),
                        stage.number(float(seen.values.mean())),
                        _("Expected by formula: {value}").format(
                            value=stage.number(seen.expectation)
                        ),
                    ),
                    stage.Readout(
                        "ratio",
                        _("Mean : inference"),
                        f"{seen.values.mean() / seen.inference:.3f}",
                        _("Expected: 1 with inverted scaling, 1 − p without it."),
                    ),
                    stage.Readout(
                        "misses",
                        _("Off by, in standard errors"),
                        f"{miss / error:.1f}" if error else "0",
                        _("Within about 2 it is chance; far more is a real difference."),
                    ),
                ]
            )
        )


def see() -> None:
    st.markdown(
        _(
            "- The bars show what one unit is fed under many masks, the green line what it is fed "
            "at inference, with all units.\n"
            "- With inverted scaling the mean of the bars meets the green line, up to chance. "
            "Without, it meets 1 − p of it: a network trained so would be fed 1/(1 − p) times as "
            "much at inference.\n"
            "- With it the mean is right, single masks are not: a larger p spreads the bars, "
            "as √(p/(1 − p))."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"z = \sum_j w_j \frac{m_j}{1-p} h_j, \qquad \mathbb{E}\,z = \sum_j w_j h_j, \qquad "
        r"\operatorname{Var} z = \frac{p}{1-p} \sum_j w_j^2 h_j^2"
    )
    st.latex(r"\text{unscaled:}\qquad \mathbb{E}\sum_j w_j m_j h_j = (1-p)\sum_j w_j h_j")
    st.markdown(
        _(
            "h are the outputs of the first hidden layer, w the weights to one unit behind it, m "
            "the mask. Of that layer's units and {n} random samples, the pair with the largest "
            "input, up to its sign, is shown. The other convention leaves training as it is and "
            "multiplies by 1 − p at inference."
        ).format(n=N_CANDIDATES)
    )


def data(values: stage.Values) -> stage.Table:
    seen = fed(values)
    frame = pd.DataFrame({"mask": np.arange(len(seen.values)) + 1, "input": seen.values})
    return stage.Table(frame.assign(inference=seen.inference), "dropout_scaling.csv")


def source(values: stage.Values) -> str:
    return code.scaling(
        layer_sizes=layer_sizes(values),
        p=rates(values)[0],
        n_candidates=N_CANDIDATES,
        n_masks=values["n_masks"],
        inverted=values["inverted_scaling"],
        seed=values["seed"],
    )


SCALING = stage.View(
    name="scaling",
    title=N_("Scaling"),
    uses=NET | {"inverted_scaling", "n_masks"},
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
