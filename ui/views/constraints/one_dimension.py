"""One weight alone with its penalty: |θ| pushes to zero and holds, θ² only comes closer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sim.constraints import Roll, one_dimensional_descent
from ui import player, stage
from ui.charts import constraints_played as charts
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.views.constraints.common import columns

START = 2.0
N_STEPS = 40
REACH = 3.0


def rolls(values: stage.Values) -> dict[str, Roll]:
    """The three balls, by the key of their read-outs."""
    rest = START, values["penalty"], values["learning_rate"], N_STEPS
    return {
        "l1": one_dimensional_descent("l1", *rest, "proximal"),
        "sign": one_dimensional_descent("l1", *rest, "subgradient"),
        "l2": one_dimensional_descent("l2", *rest, "gradient"),
    }


def draw(values: stage.Values) -> None:
    found, penalty = rolls(values), values["penalty"]
    figure, readouts = columns(3, 4.8)
    with figure:
        player.show(
            "rolls_player",
            "rolls",
            charts.rolls(
                [
                    charts.roll_panel(
                        "λ|θ|",
                        "l1",
                        penalty,
                        1,
                        [
                            (_("proximal step"), False, found["l1"]),
                            (_("sign step"), True, found["sign"]),
                        ],
                    ),
                    charts.roll_panel(
                        "λθ²", "l2", penalty, 2, [(_("gradient step"), False, found["l2"])]
                    ),
                ],
                REACH,
                _("Step {i} of {n}"),
            ),
            n_frames=N_STEPS + 1,
            description=_says(found),
            height=stage.figure_height(0.66, projector=0.62),
        )
        st.caption(_says(found))
    with readouts:
        stage.readouts(
            _numbers("l1", _("proximal"), "l1", found["l1"]),
            _numbers("sign", _("sign step"), "l1", found["sign"]),
            _numbers("l2", "θ²", "l2", found["l2"]),
        )


def _says(found: dict[str, Roll]) -> str:
    if found["l1"].pushes[0] == 0:
        return _("λ is 0: nothing pushes, and every ball stays where it is.")
    ways = found["l2"].positions
    if len(ways) == 1 or abs(ways[1]) > abs(ways[0]):
        return _("On θ² the ball diverges: λ times the learning rate must be below 1.")
    if found["l1"].reached_zero_at is None:
        return _("After {n} steps no ball has arrived yet.").format(n=N_STEPS)
    if found["l2"].reached_zero_at is not None:
        return _("λ times the learning rate is 1/2: θ² happens to arrive in one step.")
    if abs(ways[1]) == abs(ways[0]):
        return _("λ times the learning rate is 1: on θ² the ball jumps to and fro for ever.")
    return _(
        "On |θ| the proximal ball arrives at step {i} and stays; on θ² the ball comes closer and "
        "never arrives."
    ).format(i=found["l1"].reached_zero_at)


def _numbers(key: str, title: str, role: str, roll: Roll) -> stage.Group:
    return stage.Group(
        [
            stage.Readout(f"theta_{key}", _("θ at the end"), _short(roll.positions[-1])),
            stage.Readout(f"arrives_{key}", _("Zero at step"), _arrives(key, roll)),
            stage.Readout(f"first_push_{key}", _("First push"), _short(roll.pushes[0])),
            stage.Readout(f"last_push_{key}", _("Last push"), _short(roll.pushes[-1])),
        ],
        title,
        role,
    )


def _arrives(key: str, roll: Roll) -> str:
    if roll.reached_zero_at is not None:
        return str(roll.reached_zero_at)
    on_its_way = 0 < roll.positions.min() < START
    if key == "l2" or not on_its_way:
        return _("never")
    # A proximal step will stop at zero; whether a sign step ends right there is not seen yet.
    return _("after {n}").format(n=N_STEPS) if key == "l1" else "—"


def _short(value: float) -> str:
    """A number of which, when tiny, only the size matters."""
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return stage.number(value)
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def see() -> None:
    st.markdown(
        _(
            "- |θ| pushes with the **same force** however small θ is: proximal steps (the full "
            "ball) reach zero after a fixed number of steps, and are held there.\n"
            "- θ² pushes **in proportion** to θ: every step leaves the same share of θ, "
            "1 − 2·λ·rate, so something is always left, unless that share is zero.\n"
            "- Below, the push itself. That of |θ| is a sign: it jumps at zero, where it has no "
            "value. A plain sign step (the hollow ball) therefore jumps to and fro across zero, "
            "unless one happens to end right there; a proximal step stops there.\n"
            "- Make λ times the learning rate larger than 1 and θ² throws the ball out."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"\frac{d}{d\theta}\,\lambda|\theta| = \lambda\operatorname{sign}(\theta)\ (\theta\ne0), "
        r"\qquad \partial\,\lambda|\theta|\,\big|_{\theta=0} = [-\lambda,\ \lambda], \qquad "
        r"\frac{d}{d\theta}\,\lambda\theta^2 = 2\lambda\theta"
    )
    st.latex(r"\theta_k = (1-2\eta\lambda)^k\,\theta_0 \quad\text{on } \lambda\theta^2")
    st.markdown(
        _(
            "λ is the penalty, without ½, and η the learning rate; the start is θ₀ = {start:g}. On "
            "|θ| proximal steps arrive after θ₀/(ηλ) of them, rounded up. On θ² each step "
            "multiplies θ by 1 − 2ηλ, which diverges when ηλ > 1."
        ).format(start=START)
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(
            {
                "ball": key,
                "step": range(len(roll.positions)),
                "theta": roll.positions,
                "penalty": roll.heights,
                "push": roll.pushes,
            }
        )
        for key, roll in rolls(values).items()
    ]
    return stage.Table(pd.concat(frames), "one_dimension.csv")


def source(values: stage.Values) -> str:
    return code.one_dimension(values, START, N_STEPS)


ONE_DIMENSION = stage.View(
    name="one_dimension",
    title=N_("One weight"),
    uses=frozenset({"penalty", "learning_rate"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
)
