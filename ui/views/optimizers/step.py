"""One step: every number of a step of Adam and of AdamW, opened."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sim.optimizers import LOSSES, State, Step, trajectory
from ui import stage
from ui.charts import optimizers_step as charts
from ui.code import optimizers as code
from ui.i18n import N_, _
from ui.views.optimizers.common import ADAMS, rule
from ui.views.optimizers.controls import MOST_STEPS


def opened(values: stage.Values) -> tuple[tuple[Step, Step], tuple[State, State]]:
    """Step t of Adam and of AdamW, and what they remembered before it."""
    loss = LOSSES[values["loss"]]
    adam, adamw = (
        trajectory(rule(kind, values), loss.gradient, loss.start, values["t"])
        for kind in ("adam", "adamw")
    )
    last = min(values["t"], len(adam.gradients), len(adamw.gradients))
    return (adam.open(last), adamw.open(last)), (adam.states[last - 1], adamw.states[last - 1])


def _move(by: int) -> None:
    st.session_state["t"] = min(MOST_STEPS, max(1, st.session_state.get("t", 1) + by))
    st.rerun()


def draw(values: stage.Values) -> None:
    with st.container(key="stepper", horizontal=True, vertical_alignment="center"):
        for key, label, icon, by in (
            ("step_back", _("Step back"), "arrow_back", -1),
            ("step_forward", _("Step forward"), "arrow_forward", 1),
        ):
            st.button(
                label,
                key=key,
                icon=f":material/{icon}:",
                disabled=not 1 <= values["t"] + by <= MOST_STEPS,
                on_click=_move,
                args=(by,),
            )
    st.html(charts.table(rule("adam", values), rule("adamw", values), *opened(values)))


def see() -> None:
    st.markdown(
        _(
            "- At **t = 1** the correction divides by exactly what the averages lack: 1 − β₁ and "
            "1 − β₂. As t grows it comes to 1 and is felt no more.\n"
            "- Without the correction the first step would be (1 − β₁)/√(1 − β₂) times as long.\n"
            "- The coloured term is the decay. Adam has it inside the gradient, so it enters m and "
            "v and is divided by √v̂; AdamW subtracts it at the end.\n"
            "- In the ill-scaled bowl w₂ has 25 times the curvature: at t = 1 Adam's pull on it is "
            "weak; AdamW's always depends on the weight alone."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1-\beta_2) "
        r"g_t^2, \quad \hat m_t = \frac{m_t}{1-\beta_1^t}, \quad \hat v_t = "
        r"\frac{v_t}{1-\beta_2^t}"
    )
    st.markdown(
        _(
            "t is the step, α the learning rate, λ the weight decay, β₁ and β₂ how long gradients "
            "and their squares are remembered. m and v start at zero; after t steps their weights "
            "sum to 1 − βᵗ only, and the correction divides by that. In Adam g is the gradient of "
            "loss + (λ/2)·Σw², in AdamW of the loss alone."
        )
    )


def data(values: stage.Values) -> stage.Table:
    rows = [
        {
            "rule": name,
            "t": step.step,
            "weight": f"w{i + 1}",
            "before": step.before[i],
            "g": step.total_gradient[i],
            "m": step.m[i],
            "v": step.v[i],
            "m_hat": step.m_hat[i],
            "v_hat": step.v_hat[i],
            "decay": step.decay[i],
            "after": step.after[i],
        }
        for name, step in zip(("Adam", "AdamW"), opened(values)[0], strict=True)
        for i in range(2)
    ]
    return stage.Table(pd.DataFrame(rows), "optimizers_step.csv")


STEP = stage.View(
    name="step",
    title=N_("One step"),
    uses=ADAMS | {"t"},
    draw=draw,
    see=see,
    maths=maths,
    code=code.step,
    data=data,
)
