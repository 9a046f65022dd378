"""The sweep: the test loss of a real fit over λ and the learning rate, or the loss's scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.optimizers import Sweep, sweep
from ui import shell, stage
from ui.charts import optimizers as charts
from ui.code import optimizers as code
from ui.i18n import N_, _

RATES = np.logspace(-2.5, -0.5, 9)
SCALES = np.logspace(-1, 1, 9)


def grids(axis: str, decay_per_step: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows of the heat maps, and the weight decays of each rule."""
    if axis == "loss_scale":
        decays = np.logspace(-3, 1.5, 19)
        return SCALES, {"adam": decays, "adamw": decays}
    decays = np.logspace(-3, 0.75, 16)
    per_step = np.logspace(-4, -0.25, 16)
    return RATES, {"adam": decays, "adamw": per_step if decay_per_step else decays}


@st.cache_data(max_entries=16, show_spinner=False)
def _tables(axis: str, decay_per_step: bool, seed: int) -> dict[str, Sweep]:
    rows, decays = grids(axis, decay_per_step)
    by_rate = axis == "learning_rate"
    return {
        kind: sweep(
            kind,
            rows if by_rate else 0.03,
            decays[kind],
            1.0 if by_rate else rows,
            decay_per_step=decay_per_step and by_rate and kind == "adamw",
            rng=np.random.default_rng(seed),
        )
        for kind in ("adam", "adamw")
    }


def tables(values: stage.Values) -> dict[str, Sweep]:
    """The sweep of Adam and that of AdamW."""
    return _tables(values["axis"], values["decay_per_step"], values["seed"])


def draw(values: stage.Values) -> None:
    found, called = tables(values), charts.names()
    shell.freeze("optimizers_sweep")  # scikit-learn has been imported by now
    figure, readouts = stage.figure_and_readouts()
    with figure:
        for column, (kind, table) in zip(st.columns(2), found.items(), strict=True):
            with column:
                st.markdown(f"**{called[kind]}**")
                stage.chart(
                    charts.heat_map(table, values["axis"]),
                    f"heat_{kind}",
                    description=charts.describe_heat_map(kind, table),
                    height=stage.figure_height(0.85, projector=0.8),
                )
    with readouts:
        stage.readouts(
            *(
                stage.Group(_numbers(kind, table, values["axis"]), called[kind], role)
                for (kind, table), role in zip(found.items(), ("overfit", "sound"), strict=True)
            )
        )


def _numbers(kind: str, table: Sweep, axis: str) -> list[stage.Readout]:
    return [
        stage.Readout(
            f"drift_{kind}",
            _("Best λ drifts"),
            f"{table.drift(f'{axis}s') + 0.0:.2f}",
            _(
                "The slope of log(best λ) over the rows that train: 1, it moves in proportion; "
                "0, it stays."
            ),
        ),
        stage.Readout(f"best_{kind}", _("Least test loss"), f"{table.test_loss.min():.3f}"),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Each cell is one linear fit to real data: scikit-learn's diabetes patients, 100 to "
            "train on, the others to test.\n"
            "- Over the **loss scale** Adam divides the factor out of the loss's gradient, not "
            "out of λw beside it: the best λ must be multiplied by the same factor. AdamW never "
            "sees the factor.\n"
            "- Over the **learning rate** the best λ stays nearly in place for both. The paper on "
            "AdamW (Loshchilov and Hutter, 2019) found it coupled for Adam + L2 in deep networks "
            "that are not trained to their end; this small convex fit does not show that.\n"
            "- PyTorch multiplies AdamW's λ by the learning rate, the paper does not: with "
            "**λ of AdamW per step** the best λ moves with the learning rate."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\text{Adam: } \frac{c\,g + \lambda w}{\sqrt{\hat v(c\,g + \lambda w)}} = "
        r"\frac{g + (\lambda/c)\, w}{\sqrt{\hat v(g + (\lambda/c)\, w)}} \qquad "
        r"\text{AdamW: } \frac{c\,g}{\sqrt{\hat v(c\,g)}} + \lambda w = "
        r"\frac{g}{\sqrt{\hat v(g)}} + \lambda w"
    )
    st.markdown(
        _(
            "c is the loss scale, λ the weight decay. Up to ε, Adam with c and λ is Adam with 1 "
            "and λ/c: the two settings are coupled. In AdamW c cancels: they are separable. λ has "
            "½ in Adam's penalty (λ/2)·Σw²; all 65 weights are penalised, there is no intercept."
        )
    )


def data(values: stage.Values) -> stage.Table:
    frames = []
    for kind, table in tables(values).items():
        rate, decay = np.meshgrid(table.learning_rates, table.weight_decays, indexing="ij")
        frames.append(
            pd.DataFrame(
                {
                    "rule": kind,
                    "learning rate": rate.ravel(),
                    "loss scale": np.repeat(table.loss_scales, table.weight_decays.size),
                    "weight decay": decay.ravel(),
                    "test loss": table.test_loss.ravel(),
                }
            )
        )
    return stage.Table(pd.concat(frames), "optimizers_sweep.csv")


def source(values: stage.Values) -> str:
    rows, decays = grids(values["axis"], values["decay_per_step"])
    return code.sweep(values, rows, {"Adam": decays["adam"], "AdamW": decays["adamw"]})


SWEEP = stage.View(
    name="sweep",
    title=N_("λ and learning rate"),
    uses=frozenset({"axis", "decay_per_step", "seed"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
