"""The sweep: the test loss of a real fit over λ and the learning rate, or the loss's scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.optimizers import Sweep, sweep
from ui import shell, stage
from ui.charts import optimizers_sweep as charts
from ui.charts.optimizers import names
from ui.code import optimizers_sweep as code
from ui.i18n import N_, _

RATES = {"digits": np.logspace(-2.5, -1, 7), "diabetes": np.logspace(-2.5, -0.5, 9)}
SCALES = np.logspace(-1, 1, 9)
RATE = 0.03  # where the loss scale varies
DECAYS = {
    ("digits", "adam"): np.logspace(-4, 1, 16),
    ("digits", "adamw"): np.logspace(-2.5, 1.25, 16),
    ("digits", "per_step"): np.logspace(-3.5, -0.5, 13),
    ("digits", "loss_scale"): np.logspace(-4, 1, 21),
    ("diabetes", "adam"): np.logspace(-3, 0.75, 16),
    ("diabetes", "adamw"): np.logspace(-3, 0.75, 16),
    ("diabetes", "per_step"): np.logspace(-4, -0.25, 16),
    ("diabetes", "loss_scale"): np.logspace(-3, 2, 21),
}


def grids(fit: str, axis: str, decay_per_step: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows of the heat maps, and the weight decays of each rule."""
    if axis == "loss_scale":
        return SCALES, dict.fromkeys(("adam", "adamw"), DECAYS[fit, "loss_scale"])
    counted = "per_step" if decay_per_step else "adamw"
    return RATES[fit], {"adam": DECAYS[fit, "adam"], "adamw": DECAYS[fit, counted]}


@st.cache_data(max_entries=64, show_spinner=False)
def _table(kind: str, fit: str, axis: str, decay_per_step: bool, seed: int) -> Sweep:
    rows, decays = grids(fit, axis, decay_per_step)
    by_rate = axis == "learning_rate"
    return sweep(
        kind,
        rows if by_rate else RATE,
        decays[kind],
        1.0 if by_rate else rows,
        fit=fit,
        decay_per_step=decay_per_step,
        rng=np.random.default_rng(seed),
    )


def tables(values: stage.Values) -> dict[str, Sweep]:
    """The sweep of Adam and that of AdamW. Only the latter knows a decay per step."""
    fit, axis, seed = values["fit"], values["axis"], values["seed"]
    per_step = values["decay_per_step"] and axis == "learning_rate"
    return {
        "adam": _table("adam", fit, axis, False, seed),
        "adamw": _table("adamw", fit, axis, per_step, seed),
    }


def draw(values: stage.Values) -> None:
    found, called = tables(values), names()
    figure, readouts = stage.figure_and_readouts()
    with figure:
        for column, (kind, table) in zip(st.columns(2), found.items(), strict=True):
            with column:
                st.markdown(f"**{called[kind]}**")
                stage.chart(
                    charts.heat_map(table, values["axis"], values["fit"]),
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
    along, hint = (
        f"{axis}s",
        _(
            "By the slope of its log over the rows: 1, in proportion; 0, stays. Rows where it is "
            "at the table's edge do not count; a dash: too few are left."
        ),
    )
    numbers = [
        stage.Readout(
            f"drift_{kind}",
            _("Best λ drifts"),
            _slope(table.drift(along, "best", 0.15)),
            hint,
        ),
        stage.Readout(
            f"edge_{kind}",
            _("λ within +10% drifts"),
            _slope(table.drift(along, "strongest", 0.15)),
            _(
                "The same of the strongest λ whose test loss is within 10% of the least of its row "
                "in the table."
            ),
        ),
        stage.Readout(
            f"cost_{kind}",
            _("Keeping λ costs"),
            _cost(table),
            _(
                "What the best λ of the lowest row that trains adds to the least loss of the top "
                "row. At least that (≥) or a dash, where one of the two is at the table's edge."
            ),
        ),
        stage.Readout(f"best_{kind}", _("Least test loss"), f"{table.test_loss.min():.3f}"),
    ]
    return numbers[1:3] if shell.presenting() else numbers  # a projector has place for two


def _slope(value: float) -> str:
    if np.isnan(value):
        return "—"
    return f"{round(value, 2) + 0.0:.2f}"  # no minus before a zero


def _cost(table: Sweep) -> str:
    cost = table.cost_of_keeping()
    if np.isnan(cost):
        return "—"
    if np.isinf(cost):
        return _("diverges")
    least_known = table.bracketed()[np.flatnonzero(table.trained())[-1]]
    return f"+{cost:.0%}" if least_known else f"≥ +{cost:.0%}"


def see() -> None:
    st.markdown(
        _(
            "- Each cell is one fit to real data. A dot marks the best λ of a row, its bar leads "
            "to the strongest λ that costs at most 10% more test loss.\n"
            "- **Digits**: by theory Adam + L2 needs λ to fall as one over the square of the "
            "learning rate, and with AdamW, counted per step, one λ serves all: λ and learning "
            "rate can be tuned apart (Loshchilov and Hutter, 2019). **λ within +10% drifts** says "
            "what these runs show.\n"
            "- PyTorch multiplies AdamW's λ by the learning rate, the paper does not: switch **λ "
            "of AdamW per step** off, and what was one λ falls as one over the learning rate.\n"
            "- **Diabetes**: a fit that is trained to its end does not show it. **Best λ drifts** "
            "says how little λ as PyTorch counts it moves there, for both.\n"
            "- Over the **loss scale** Adam divides the factor out of the loss's gradient, not out "
            "of λw beside it: λ must be multiplied by the same factor. AdamW never sees it."
        )
    )


def maths(values: stage.Values) -> None:
    if values["axis"] == "learning_rate" and values["fit"] == "digits":
        _maths_of_directions()
        return
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
            "½ in Adam's penalty (λ/2)·Σw²; all weights are penalised, there is no intercept."
        )
    )


def _maths_of_directions() -> None:
    st.latex(
        r"\lVert\Delta w\rVert \approx \alpha\sqrt d,\qquad "
        r"\text{AdamW: } 2\lambda r^2 = \alpha^2 d \;\Rightarrow\; "
        r"\frac{\lVert\Delta w\rVert}{r} = \sqrt{2\lambda}"
    )
    st.latex(
        r"\text{Adam + L2: } 2\alpha\lambda\,\frac{r^3\sqrt d}{G} = \alpha^2 d"
        r"\;\Rightarrow\; \frac{\lVert\Delta w\rVert}{r} \propto (\alpha^2\lambda)^{1/3}"
    )
    st.markdown(
        _(
            "The logit of a class is 10 times the cosine between image and weights: only the "
            "direction of w counts, and what trains it is the angle of a step, ‖Δw‖/r with r = "
            "‖w‖. Adam's step is about α√d long, α the learning rate; steps lengthen w, decay "
            "shortens it, until they balance. AdamW with λ per step ends at an angle in which α "
            "does not appear. Adam divides λw by √v̂, of the size of the loss's gradient, G/r over "
            "√d: its angle depends on α²λ, so λ must fall as 1/α². λ has ½ in Adam's penalty, "
            "(λ/2)·Σw²; there is no intercept."
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
    per_step = values["decay_per_step"] and values["axis"] == "learning_rate"
    rows, decays = grids(values["fit"], values["axis"], per_step)
    return code.sweep(
        values["fit"],
        along_rates=values["axis"] == "learning_rate",
        per_step=per_step,
        rows=rows,
        decays={"Adam": decays["adam"], "AdamW": decays["adamw"]},
        seed=values["seed"],
    )


SWEEP = stage.View(
    name="sweep",
    title=N_("λ and learning rate"),
    uses=frozenset({"fit", "axis", "decay_per_step", "seed"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
