"""The regression with 200 weights and 20 samples, which memorises without decay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import weight_decay as sim
from ui import player, stage
from ui.charts import weight_decay_regression as charts
from ui.charts.weight_decay_regression import shown
from ui.code import weight_decay as code
from ui.i18n import N_, _
from ui.views.weight_decay.controls import CONTROLS, below, lost_words

EPOCHS, STEPS, UNSEEN = 100, 400, 180


@st.cache_data(max_entries=64, show_spinner=False)
def trained(
    weight_decays: tuple[float, ...],
    decay_bias: bool | tuple[bool, ...],
    learning_rate: float,
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
    settings = ("decay_bias", "sgd_learning_rate", "implicit", "seed")
    return trained(weight_decays, *(values[key] for key in settings))


def the_run_and_its_twins(values: stage.Values) -> tuple[sim.Regression, ...]:
    """The run shown; without decay; and with the bias decayed if it was not, free if it was."""
    decay, bias = values["weight_decay"], values["decay_bias"]
    settings = ("sgd_learning_rate", "implicit", "seed")
    return trained((decay, 0.0, decay), (bias, bias, not bias), *(values[key] for key in settings))


def all_decays() -> tuple[float, ...]:
    (control,) = (control for control in CONTROLS if control.key == "weight_decay")
    return control.options


def draw(values: stage.Values) -> None:
    decay, rate = values["weight_decay"], values["sgd_learning_rate"]
    run, without, other = the_run_and_its_twins(values)
    every = runs(values, *all_decays()) if values["compare"] else ()
    figure, readouts = stage.figure_and_readouts()
    with figure:
        if values["compare"]:
            bound = np.inf if values["implicit"] else 2 / rate
            stage.chart(
                charts.sweep(every, decay, bound),
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
        if run.diverged_at is not None:
            lost_words(why_lost(run, rate, values["implicit"]))
        else:
            stage.remark(charts.sweep_words(every) if every else bias_words(run, other))


def numbers(values: stage.Values, run: sim.Regression) -> tuple[stage.Group, stage.Group]:
    if run.diverged_at is not None:
        return (
            stage.Group([stage.Readout("train_loss", _("Training loss"), "–")]),
            stage.Group([stage.Readout("test_loss", _("Test loss"), "–")]),
        )
    shrink = values["sgd_learning_rate"] * values["weight_decay"]
    left = (1 / (1 + shrink)) if values["implicit"] else abs(1 - shrink)

    return (
        stage.Group(
            [
                stage.Readout("train_loss", _("Training loss"), shown(float(run.train_loss[-1]))),
                stage.Readout(
                    "norm",
                    "‖w‖₂",
                    shown(float(run.norms[-1])),
                    _("It was {start} at the start.").format(start=shown(float(run.norms[0]))),
                ),
                stage.Readout(
                    "unseen",
                    _("… unseen, in theory"),
                    shown(np.sqrt(UNSEEN) * left**STEPS),
                    _(
                        "√{unseen} times the factor of decay to the power of {steps}: what is left "
                        "of w in the {unseen} directions that no sample has. It starts near "
                        "√{unseen}; what the samples teach comes on top."
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
        "Diverged in epoch {epoch}: η = {rate:g} is above {formula} = {bound}, up to which every "
        "step is stable. L is the largest curvature of a mini-batch."
    ).format(
        epoch=run.diverged_at,
        rate=rate,
        formula="2/L" if implicit else "2/(L + λ)",
        bound=below(run.safe_learning_rate, rate),
    )


def bias_words(run: sim.Regression, other: sim.Regression) -> str:
    """What the other choice for the bias would make of the test loss; `run` has come down."""
    if run.weight_decay == 0:
        return _("At λ = 0 nothing decays: the bias makes no difference.")
    if other.diverged_at is not None:
        return ""
    now, then = float(run.test_loss[-1]), float(other.test_loss[-1])
    words = (
        _("With the bias free the test loss would be {loss}: {change}.")
        if run.decay_bias
        else _("With the bias decayed, too, the test loss would be {loss}: {change}.")
    )
    change = then / now - 1
    said = _("less than 0.1% apart") if abs(change) < 1e-3 else f"{change:+.1%}"
    return words.format(loss=stage.number(then), change=said.replace("-", "−"))


def see() -> None:
    st.markdown(
        _(
            "- 200 weights and 20 samples: any start can be led to training loss 0. Without decay, "
            "whatever the start had in the 180 directions that no sample has stays, and it is "
            "nearly all of the test loss.\n"
            "- Weight decay multiplies these parts by the same factor in every step, and nothing "
            "else touches them: the theory beside **‖w‖**.\n"
            "- **Compare all λ**: usual choices are 1e-4 to 1e-1, for models that train much "
            "longer. Here there are 400 steps: at η = 0.003, 1e-1 leaves 89% of these parts.\n"
            "- Too much λ (with the implicit step, which bears it) leaves one number for all "
            "samples: the *training* loss rises to about that of a constant. What the test loss "
            "does stands beside **Compare all λ**.\n"
            "- The bias moves the whole prediction and cannot make it wiggle: it is commonly left "
            "out of the decay. What it would change here stands beside the figure."
        )
    )


def step(of: str, implicit: bool) -> str:
    """The step of the weights, or of a bias that decays like them, in LaTeX."""
    along = r"\nabla" if of == "w" else r"\partial_b"
    if implicit:
        return rf"{of} \leftarrow \frac{{{of} - \eta\,{along}\ell}}{{1+\eta\lambda}}"
    return rf"{of} \leftarrow (1-\eta\lambda)\,{of} - \eta\,{along}\ell"


def maths(values: stage.Values) -> None:
    free = r"b \leftarrow b - \eta\,\partial_b\ell"
    st.latex(
        r"y = 0.05 + \sum_{i=1}^{200} 0.01\,x_i + \varepsilon,\quad "
        rf"\varepsilon \sim \mathcal N(0, 0.01^2),\qquad {step('w', values['implicit'])},\qquad "
        rf"{step('b', values['implicit']) if values['decay_bias'] else free}"
    )
    factor = r"(1+\eta\lambda)^{-400}" if values["implicit"] else r"(1-\eta\lambda)^{400}"
    st.latex(
        rf"\lVert w_\perp\rVert = {factor}\,\lVert w_{{\perp}}^{{(0)}}\rVert "
        rf"\approx {factor}\sqrt{{180}}"
    )
    st.markdown(
        _(
            "n = 20 samples, d = 200 features, batches of 5, 100 epochs: 400 steps. η is the "
            "learning rate, λ the `weight_decay` of `torch.optim.SGD`, that is ½λ‖w‖² in the loss; "
            "ℓ is the mean squared error. The gradient lies in the span of the samples, so it "
            "leaves w⊥, the part of w across it, alone. The example is that of *Dive into Deep "
            "Learning*, section 3.7."
        )
    )


def source(values: stage.Values) -> str:
    named = charts.named(runs(values, *all_decays())) if values["compare"] else {}
    return code.regression(
        weight_decays=[*named, values["weight_decay"]],
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
    every = runs(values, *all_decays())
    frame = pd.DataFrame({"weight_decay": [run.weight_decay for run in every]})
    frame["diverged_at"] = pd.array([run.diverged_at for run in every], dtype="Int64")
    fields = {"train_loss": "train_loss", "test_loss": "test_loss", "norm": "norms"}
    for name, field in fields.items():
        frame[name] = [
            np.nan if run.diverged_at is not None else getattr(run, field)[-1] for run in every
        ]
    return stage.Table(frame, "weight_decays.csv")


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
