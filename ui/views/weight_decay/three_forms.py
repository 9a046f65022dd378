"""Three forms of one step: the same weights, at a different cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from sim import weight_decay as sim
from ui import controls, stage
from ui.charts import weight_decay_forms as charts
from ui.code import weight_decay as code
from ui.i18n import N_, _
from ui.measure import Measurement
from ui.views.weight_decay.controls import CONTROLS, CONVENTIONS, below, lost_words

N_TRAIN, BATCH_SIZE, FORM_STEPS = 20, 5, 100
SIZES = {10_000: 100, 100_000: 60, 1_000_000: 20, 10_000_000: 6}  # weights: timed so often


def penalty(values: stage.Values) -> float:
    """λ of λ‖w‖² for what the slider says in the chosen convention."""
    share = dict(zip(CONVENTIONS, (1, 1 / 2, 1 / 2, 1 / N_TRAIN), strict=True))
    return float(values["penalty"] * share[values["convention"]])


@st.cache_data(max_entries=64, show_spinner=False)
def trained_forms(penalty: float, learning_rate: float, dtype: str, seed: int) -> sim.Forms:
    return sim.three_forms(
        penalty,
        learning_rate,
        FORM_STEPS,
        n_train=N_TRAIN,
        batch_size=BATCH_SIZE,
        dtype="float32" if dtype == "float32" else "float64",
        rng=np.random.default_rng(seed),
    )


def three(values: stage.Values) -> sim.Forms:
    return trained_forms(
        penalty(values), values["forms_learning_rate"], values["dtype"], values["seed"]
    )


def draw(values: stage.Values) -> None:
    run = three(values)
    figure, readouts = st.columns([4.1, 2.9], gap="medium")
    with figure:
        stage.chart(
            charts.forms(run),
            "figure",
            description=charts.forms_description(run),
            height=stage.figure_height(0.88, projector=0.9),
        )
    with readouts, st.container(key="readouts", gap="small"):
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "difference",
                        _("Largest gap"),
                        stage.number(run.difference.max()),
                        _("Between any two forms, in any weight, at any step."),
                    )
                ]
            ),
            stage.Group(
                [
                    stage.Readout(
                        "norm",
                        _("‖w‖ at the end"),
                        "–" if run.diverged_at else stage.number(norm(run)),
                    )
                ]
            ),
        )
        st.markdown(four_strengths(values))
        if run.diverged_at:
            lost_words(
                _(
                    "Diverged at step {step}. η = {rate:g} is above 2/(L + 2λ) = {bound}, up to "
                    "which every step is stable; L is the largest curvature of a mini-batch."
                ).format(
                    step=run.diverged_at,
                    rate=values["forms_learning_rate"],
                    bound=below(run.safe_learning_rate, values["forms_learning_rate"]),
                )
            )


def four_strengths(values: stage.Values) -> str:
    """The λ of each convention that trains the model shown; the chosen one stands out."""
    same = sim.conventions(penalty(values), values["forms_learning_rate"], N_TRAIN)
    strengths = (same.penalty, same.half_penalty, same.weight_decay, same.ridge_alpha)
    lines = [_("One model, four λ:")]
    for name, strength in zip(CONVENTIONS, strengths, strict=True):
        mark = "**" if name == values["convention"] else ""
        lines.append(f"{mark}{name} : {strength:.4g}{mark}")
    lines.append(_("each step: w × {factor:.4g}").format(factor=same.decay_factor))
    return "  \n".join(lines)


def norm(run: sim.Forms) -> float:
    return float(np.linalg.norm(run.in_update[-1].astype(np.float64)))


def measure() -> None:
    st.session_state["_cost"] = Measurement("sim.weight_decay.cost:FormsDemo", tuple(SIZES.items()))


def draw_beside_the_cost() -> None:
    """The three forms beside what each costs; the measurement is looked at while it runs."""
    left, right = st.columns([7, 3.6], gap="medium")
    with left:
        stage.part("answer", lambda: draw(controls.read(CONTROLS)))
    cost: Measurement | None = st.session_state.get("_cost")
    measuring = cost is not None and not cost.ended

    def look() -> None:
        if cost is not None:
            cost.tick()
        draw_cost(cost)
        if measuring and cost is not None and cost.ended:
            st.rerun()  # a fragment keeps the pace it was made with

    with right:
        stage.part("cost", look, run_every=0.5 if measuring else None)


def draw_cost(cost: Measurement | None) -> None:
    with st.container(key="measuring", horizontal=True, vertical_alignment="center"):
        if st.button(
            _("Measure"),
            key="measure",
            icon=":material/timer:",
            type="primary",
            on_click=measure,
            disabled=cost is not None and not cost.ended,
        ):
            st.rerun()  # all of it: the fragment that looks needs a pace
        with st.container(key="cost_status"):
            st.markdown(cost_words(cost))
    costs = cost.answers if cost else []
    stage.chart(
        charts.cost(costs, tuple(SIZES)),
        "cost_figure",
        description=charts.cost_description(costs),
        height=stage.figure_height(0.76, projector=0.75),
    )


def cost_words(cost: Measurement | None) -> str:
    if cost is None:
        return _("What does each form cost on this machine?")
    if cost.lost:
        return _("The training process was lost. Press Measure to try again.")
    if cost.waiting:
        return cost.waiting
    if not cost.ended:
        return _("Timing a model of {n} weights…").format(n=f"{list(SIZES)[len(cost.answers)]:,}")
    return measured_words(cost.answers)


def measured_words(answers: Sequence[sim.StepCost]) -> str:
    """What the measurement says of the form with the sum: a clock may say something else."""
    low, high = (f(answer.ratios["in_loss"] for answer in answers) for f in (min, max))
    slowest = sum(
        answer.ratios["in_loss"] == max(answer.ratios[form] for form in sim.FORMS)
        for answer in answers
    )
    words = _("The sum in the loss: {low:.2f} to {high:.2f} times the cheapest form.").format(
        low=low, high=high
    )
    return f"{words} " + _("The slowest of the three at {k} of {n} sizes.").format(
        k=slowest, n=len(answers)
    )


def see() -> None:
    st.markdown(
        _(
            "- λ‖w‖² in the loss, `grad += 2λw` or `w ← (1 − 2ηλ)w − η·grad`: one step, written in "
            "three places. What differs is rounding: in a step about 1e-16 of a weight in float64, "
            "1e-7 in float32. Where a run diverges, the gap grows with it.\n"
            "- They are **not** the same work: the sum over all weights has to be computed, "
            "remembered and differentiated, only to arrive at 2λw.\n"
            "- Change the **convention** with λ as it is: λ then means another strength (½λ‖w‖² "
            "and SGD count alike). The read-outs say which λ of each trains the same model.\n"
            "- The forms are equal for plain gradient descent. With momentum or Adam the third is "
            "another step than the first two, where λ is above 0."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"w \leftarrow w - \eta\,\nabla\bigl(\ell + \lambda\lVert w\rVert^2\bigr)"
        r" = w - \eta\,(\nabla\ell + 2\lambda w) = (1-2\eta\lambda)\,w - \eta\,\nabla\ell"
    )
    st.latex(
        r"\lambda\lVert w\rVert^2 = \tfrac12\,(2\lambda)\lVert w\rVert^2,\qquad "
        r"\texttt{weight\_decay} = 2\lambda,\qquad \texttt{alpha} = n\lambda"
    )
    st.markdown(
        _(
            "ℓ is the mean squared error of the mini-batch, η the learning rate. λ is the slider "
            "read in the convention chosen: here λ = {penalty:g} of λ‖w‖². `torch.optim.SGD` adds "
            "`weight_decay`·w to the gradient, so it counts 2λ; `Ridge` adds up the squared errors "
            "of all n = {n} samples instead of averaging, so its `alpha` counts n·λ."
        ).format(penalty=penalty(values), n=N_TRAIN)
    )


def source(values: stage.Values) -> str:
    return code.forms(
        penalty=penalty(values),
        learning_rate=values["forms_learning_rate"],
        dtype=values["dtype"],
        seed=values["seed"],
        n_train=N_TRAIN,
        batch_size=BATCH_SIZE,
    )


def data(values: stage.Values) -> stage.Table:
    run = three(values)
    frame = pd.DataFrame({"step": range(len(run.difference)), "difference": run.difference})
    for form in sim.FORMS:
        for k, path in enumerate(getattr(run, form).T, start=1):
            frame[f"{form} w{k}"] = path
    return stage.Table(frame, "three_forms.csv")


THREE_FORMS = stage.View(
    name="three_forms",
    title=N_("Three forms"),
    uses=frozenset({"penalty", "convention", "forms_learning_rate", "dtype", "seed"}),
    draw=draw,
    whole=draw_beside_the_cost,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
