"""The regression with 200 weights and 20 samples, which memorises without decay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import weight_decay as sim
from ui import player, stage
from ui.charts import weight_decay_regression as charts
from ui.code import weight_decay as code
from ui.i18n import N_, _
from ui.views.weight_decay.controls import CONTROLS, lost_words

EPOCHS, STEPS, UNSEEN = 100, 400, 180
NAMED = (0.0, 0.01, 10.0, 300.0)  # none, small, a fit, too much


@st.cache_data(max_entries=64, show_spinner=False)
def trained(
    weight_decays: tuple[float, ...],
    learning_rate: float,
    decay_bias: bool,
    implicit: bool,
    seed: int,
) -> tuple[sim.Regression, ...]:
    return sim.compare_weight_decays(
        weight_decays,
        decay_bias=decay_bias,
        implicit=implicit,
        learning_rate=learning_rate,
        epochs=EPOCHS,
        rng=np.random.default_rng(seed),
    )


def runs(values: stage.Values, *weight_decays: float) -> tuple[sim.Regression, ...]:
    settings = ("sgd_learning_rate", "decay_bias", "implicit", "seed")
    return trained(weight_decays, *(values[key] for key in settings))


def all_decays() -> tuple[float, ...]:
    (control,) = (control for control in CONTROLS if control.key == "weight_decay")
    return control.options


def draw(values: stage.Values) -> None:
    decay, rate = values["weight_decay"], values["sgd_learning_rate"]
    without, run = runs(values, 0.0, decay)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        if values["compare"]:
            every = runs(values, *all_decays())
            bound = np.inf if values["implicit"] else 2 / rate
            stage.chart(
                charts.sweep(every, NAMED, decay, bound),
                "figure",
                description=charts.sweep_description(every),
                height=stage.figure_height(0.88, projector=0.95),
            )
        else:
            player.show(
                "player",
                "losses",
                charts.regression(run, without, EPOCHS),
                n_frames=EPOCHS + 1,
                description=charts.regression_description(run),
                height=stage.figure_height(0.74, projector=0.7),
            )
    with readouts:
        stage.readouts(*numbers(values, run))
        lost = run.diverged_at is not None
        lost_words(why_lost(run, rate, values["implicit"]) if lost else "")


def numbers(values: stage.Values, run: sim.Regression) -> tuple[stage.Group, stage.Group]:
    if run.diverged_at is not None:
        return (
            stage.Group([stage.Readout("train_loss", _("Training loss"), "–")]),
            stage.Group([stage.Readout("test_loss", _("Test loss"), "–")]),
        )
    shrink = values["sgd_learning_rate"] * values["weight_decay"]
    left = (1 / (1 + shrink)) if values["implicit"] else abs(1 - shrink)

    def shown(value: float) -> str:
        if abs(value) < 1e-3:
            return f"{value:.1e}" if abs(value) > 1e-30 else "≈ 0"
        return stage.number(value).removesuffix(".")

    return (
        stage.Group(
            [
                stage.Readout("train_loss", _("Training loss"), shown(float(run.train_loss[-1]))),
                stage.Readout(
                    "norm",
                    "‖w‖₂",
                    shown(float(run.norms[-1])),
                    _("It was √200 = 14.1 at the start, in the mean over seeds."),
                ),
                stage.Readout(
                    "unseen",
                    _("… in theory"),
                    shown(np.sqrt(UNSEEN) * left**STEPS),
                    _(
                        "√{unseen} times the factor of decay to the power of {steps}: the part of "
                        "w in the {unseen} directions that no sample has."
                    ).format(unseen=UNSEEN, steps=STEPS),
                ),
            ]
        ),
        stage.Group(
            [
                stage.Readout("test_loss", _("Test loss"), shown(float(run.test_loss[-1]))),
                stage.Readout("bias", _("Bias"), shown(run.bias), _("The truth is 0.05.")),
                stage.Readout(
                    "constant_loss",
                    _("Best constant"),
                    stage.number(run.constant_loss),
                    _("The training loss of the best constant: the variance of y."),
                ),
            ]
        ),
    )


def why_lost(run: sim.Regression, rate: float, implicit: bool) -> str:
    shrink = rate * run.weight_decay
    if not implicit and shrink >= 2:
        return _(
            "Diverged in epoch {epoch}: every step multiplies the weights by 1 − ηλ = {factor:.3g}."
            " It is stable only for λ < 2/η = {bound:.4g}."
        ).format(epoch=run.diverged_at, factor=1 - shrink, bound=2 / rate)
    return _(
        "Diverged in epoch {epoch}: η = {rate:g} is above {formula} = {bound:.2g}, up to which "
        "every step is stable. L is the largest curvature of a mini-batch."
    ).format(
        epoch=run.diverged_at,
        rate=rate,
        formula="2/L" if implicit else "2/(L + λ)",
        bound=run.safe_learning_rate,
    )


def see() -> None:
    st.markdown(
        _(
            "- 200 weights and 20 samples: any start can be led to training loss 0, and whatever "
            "the start had in the directions that no sample has stays. That is the test loss.\n"
            "- Weight decay takes these parts away, step by step: **‖w‖** follows the theory.\n"
            "- **Compare all λ**: usual choices are 1e-4 to 1e-1, for models that train much "
            "longer. Here, in 400 steps, 1e-1 takes little more than a tenth off ‖w‖.\n"
            "- Too much λ shows in the *training* loss, which rises to that of a constant. The "
            "test loss hardly rises: 20 samples cannot teach 200 weights much more.\n"
            "- The bias moves the whole prediction and cannot make it wiggle: it is commonly left "
            "out of the decay. Here it makes next to no difference."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"y = 0.05 + \sum_{i=1}^{200} 0.01\,x_i + \varepsilon,\quad "
        r"\varepsilon \sim \mathcal N(0, 0.01^2),\qquad w \leftarrow (1-\eta\lambda)\,w - "
        r"\eta\,\nabla\ell,\qquad b \leftarrow b - \eta\,\partial_b\ell"
    )
    st.latex(
        r"\lVert w_\perp\rVert = (1-\eta\lambda)^{400}\,\lVert w_{\perp}^{(0)}\rVert "
        r"\approx (1-\eta\lambda)^{400}\sqrt{180}"
    )
    st.markdown(
        _(
            "n = 20 samples, d = 200 features, batches of 5, 100 epochs: 400 steps. η is the "
            "learning rate, λ the `weight_decay` of `torch.optim.SGD`, that is ½λ‖w‖² in the loss; "
            "ℓ is the mean squared error. The gradient lies in the span of the samples, so w⊥, the "
            "part of w across it, only decays. The implicit step's factor is 1/(1 + ηλ). The "
            "example is that of *Dive into Deep Learning*, section 3.7."
        )
    )


def source(values: stage.Values) -> str:
    return code.regression(
        weight_decays=[*(NAMED if values["compare"] else ()), values["weight_decay"]],
        learning_rate=values["sgd_learning_rate"],
        decay_bias=values["decay_bias"],
        implicit=values["implicit"],
        seed=values["seed"],
    )


def data(values: stage.Values) -> stage.Table:
    if not values["compare"]:
        (run,) = runs(values, values["weight_decay"])
        columns = {"train_loss": run.train_loss, "test_loss": run.test_loss, "norm": run.norms}
        frame = pd.DataFrame({"epoch": range(len(run.norms))} | columns)
        return stage.Table(frame, "weight_decay.csv")
    rows = [
        (run.weight_decay, run.diverged_at, run.train_loss[-1], run.test_loss[-1], run.norms[-1])
        for run in runs(values, *all_decays())
    ]
    names = ["weight_decay", "diverged_at", "train_loss", "test_loss", "norm"]
    return stage.Table(pd.DataFrame(rows, columns=names), "weight_decays.csv")


REGRESSION = stage.View(
    name="regression",
    title=N_("200 weights, 20 samples"),
    uses=frozenset(
        {"weight_decay", "sgd_learning_rate", "decay_bias", "implicit", "compare", "seed"}
    ),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
