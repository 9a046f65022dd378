"""The controls of the constraints screen. Budget and penalty are two handles of one thing.

One of the two leads, as `formulation` says, and the other follows: at every move of anything it is
set to the value that leads to the same weights, under the norm of `norm_order`. Moving a handle
makes it the one that leads. Only the leading one stands in the URL.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import streamlit as st

from sim.constraints import budget_of, penalty_of
from ui import controls, stage
from ui.controls import Control, Number, Seed, Strength
from ui.i18n import N_
from ui.named import Named
from ui.views.constraints.common import loss_of

LARGEST = 1e6
"""The penalty that stands for any larger one: no finite penalty holds weights at zero for q > 1."""
HANDLES = {"constraint": "budget", "penalty": "penalty"}
"""The handle that leads in each formulation."""
ECHO_SECONDS = 3.0
MOST = 6.0
"""The largest budget of the handle; a penalty near zero may lead to more."""


@dataclass(frozen=True, kw_only=True)
class Slider(Number):
    """A number that the handles follow."""

    def _labels(self) -> dict[str, Any]:
        return super()._labels() | {"on_change": follow}


@dataclass(frozen=True, kw_only=True)
class Pick(Named):
    """A choice that the handles follow."""

    def _labels(self) -> dict[str, Any]:
        return super()._labels() | {"on_change": follow}


def draw_alone(control: Control, draw: Callable[[], None]) -> None:
    """Draw a control as a fragment, for it moves when others are moved."""
    stage.part(fragment(control.key), draw)


def fragment(key: str) -> str:
    """The name of a control's fragment."""
    return f"control_{key}"


@dataclass(frozen=True, kw_only=True)
class Coordinate(Slider):
    """A coordinate of the unconstrained optimum, which can be moved in the figure, too."""

    def draw(self) -> None:
        draw_alone(self, super().draw)

    def _labels(self) -> dict[str, Any]:
        return super()._labels() | {"on_change": partial(slide, self.key)}


@dataclass(frozen=True, kw_only=True)
class Formulation(Pick):
    """Which of the handles leads."""

    def draw(self) -> None:
        draw_alone(self, super().draw)


@dataclass(frozen=True, kw_only=True)
class Budget(Number):
    """The handle on the budget."""

    bound: ClassVar[bool] = False

    def draw(self) -> None:
        draw_alone(self, lambda: _draw_handle(self, super(Budget, self).draw))

    def _labels(self) -> dict[str, Any]:
        lead = partial(follow, "constraint")
        return super()._labels() | {"bind": None, "on_change": lead}


@dataclass(frozen=True, kw_only=True)
class Penalty(Strength):
    """The handle on the penalty: ten values to a decade, and any between them when it follows."""

    bound: ClassVar[bool] = False

    def __post_init__(self) -> None:
        steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
        decades = [float(f"{m}e{k}") for k in range(self.low, self.high) for m in steps]
        object.__setattr__(self, "options", (0.0, *decades, float(f"1e{self.high}")))

    def draw(self) -> None:
        draw_alone(self, lambda: _draw_handle(self, self._widget))

    def _widget(self) -> None:
        lead = partial(follow, "penalty")
        st.select_slider(
            **super()._labels() | {"bind": None, "on_change": lead},
            options=sorted({*self.options, self.value()}),
            value=self.value(),  # also what a browser means by a value that is no option any more
            format_func=lambda value: f"{value:.4g}",
        )

    def parse(self, text: str) -> float:
        value = float(text)
        if not 0 <= value <= LARGEST:
            raise ValueError(text)
        return value

    def moved(self, text: str) -> str:
        return ""  # what lies between its steps is a step of its own

    def format(self, value: Any) -> str:
        return f"{value:.12g}"


CONTROLS: tuple[Control, ...] = (
    Coordinate(
        key="center_x",
        label=N_("Unconstrained optimum, w₁"),
        default=1.5,
        low=-4.0,
        high=4.0,
        step=0.05,
    ),
    Coordinate(
        key="center_y",
        label=N_("Unconstrained optimum, w₂"),
        default=3.0,
        low=-4.0,
        high=4.0,
        step=0.05,
    ),
    Slider(
        key="eccentricity",
        label=N_("Eccentricity of the contours"),
        default=3.0,
        low=1.0,
        high=20.0,
        step=0.5,
        help=N_("The ratio of the two curvatures of the loss: 1 means round contours."),
    ),
    Slider(
        key="angle",
        label=N_("Angle of the long axis, degrees"),
        default=30.0,
        low=-90.0,
        high=90.0,
        step=1.0,
    ),
    Budget(
        key="budget",
        label=N_("Budget"),
        default=1.5,
        low=0.0,
        high=MOST,
        step=0.05,
        help=N_(
            "How large the weights may be: ‖w‖ ≤ budget. The penalty follows: for q ≥ 1 it is "
            "the one that leads to the same weights under the norm order q."
        ),
    ),
    Penalty(
        key="penalty",
        label=N_("Penalty λ"),
        default=1.0,
        low=-2,
        high=3,
        help=N_(
            "λ·Σ|w|^q is added to the loss, without ½ (λ·max|w| for q = ∞). The budget follows: "
            "it is the norm of the best weights with this penalty, under the norm order q, as far "
            "as its slider goes."
        ),
    ),
    Formulation(
        key="formulation",
        label=N_("What all norms share"),
        default="constraint",
        names={"constraint": N_("The budget"), "penalty": N_("The penalty λ")},
        help=N_("The same budget, each norm with its λ; or the same λ, each with its budget."),
    ),
    Pick(
        key="norm_order",
        label=N_("Norm order q"),
        default="1",
        names={
            "0.5": "0.5",
            "1": "1",
            "1.5": "1.5",
            "2": "2",
            "4": "4",
            "inf": N_("∞: the larger weight"),
        },
        help=N_(
            "The norm in which budget and penalty are one. Other than 1 and 2 it is shown beside "
            "them; ∞ is the max-norm, the larger of the weights."
        ),
    ),
    Number(
        key="contour_size",
        label=N_("Chosen contour, × the touching one"),
        default=1.0,
        low=0.2,
        high=2.0,
        step=0.05,
        help=N_("Its size, in units of the smallest contour that reaches the ball: 1 touches."),
    ),
    Number(
        key="l1_ratio",
        label=N_("Share of L1 in the elastic net"),
        default=0.5,
        low=0.0,
        high=1.0,
        step=0.05,
    ),
    Number(
        key="learning_rate",
        label=N_("Learning rate"),
        default=0.15,
        low=0.01,
        high=1.5,
        step=0.01,
    ),
    Named(
        key="shape",
        label=N_("Contours of the random losses"),
        default="symmetric",
        names={
            "symmetric": N_("Round"),
            "general": N_("General"),
            "axis_aligned": N_("Axis-aligned"),
        },
        help=N_("Round; any ellipse; or long ones along an axis, as when one weight is useless."),
    ),
    Seed(key="seed", label=N_("Seed")),
)
BY_KEY = {control.key: control for control in CONTROLS}
ALONE = tuple(
    fragment(control.key)
    for control in CONTROLS
    if isinstance(control, Coordinate | Formulation | Budget | Penalty)
)


def move(x: float, y: float) -> None:
    """The unconstrained optimum was moved in the figure: take it over, as far as it may go."""
    for key, value in (("center_x", x), ("center_y", y)):
        _give(key, min(4.0, max(-4.0, round(value, 6))))
    follow()


def slide(key: str) -> None:
    """The slider of a coordinate was moved, or says once more what the figure gave it."""
    if _echo(key):
        st.session_state[key] = _given(key)[-1]
    follow()


def follow(lead: str | None = None) -> None:
    """Something was moved: set the handle that follows, and draw what answers.

    `lead` is the formulation whose handle it was, if it was one.
    """
    if lead is not None and not _echo(HANDLES[lead]):
        st.session_state["formulation"] = lead
    _lead_the_other()
    controls.answer(*ALONE)


def _lead_the_other() -> None:
    _give(*_follower())


def _give(key: str, value: float) -> None:
    """Set a control that nobody moved, and keep in mind for a moment that it was given this."""
    st.session_state[key] = value
    now = time.monotonic()
    given = [one for one in st.session_state.get("_given", []) if now - one[0] < ECHO_SECONDS]
    st.session_state["_given"] = [*given, (now, key, value)]


def _given(key: str) -> list[float]:
    """What a control was given in the last moments, the newest last."""
    now = time.monotonic()
    return [
        value
        for then, name, value in st.session_state.get("_given", [])
        if name == key and now - then < ECHO_SECONDS
    ]


def _echo(key: str) -> bool:
    """Whether nobody moved this control: while another moves fast, the browser still sends the
    values that this one was given a moment ago.
    """
    return st.session_state[key] in _given(key)


def _follower() -> tuple[str, float]:
    """The handle that follows, and its value."""
    values = {key: _present(control) for key, control in BY_KEY.items()}
    loss, order = loss_of(values), float(values["norm_order"])
    if values["formulation"] == "constraint":
        return "penalty", min(penalty_of(loss, order, values["budget"]), LARGEST)
    return "budget", min(budget_of(loss, order, values["penalty"]), MOST)


def _present(control: Control) -> Any:
    """The value of a control, also before it is drawn for the first time."""
    if control.key in st.session_state:
        return control.value()
    text = st.query_params.get(control.key)
    return control.default if text is None else control.parse(text)


def _draw_handle(handle: Control, draw: Callable[[], None]) -> None:
    """Draw one of the two handles, and write it into the URL while it leads.

    By hand: a bound widget would put the one that follows there, too.
    """
    leads = HANDLES[_present(BY_KEY["formulation"])] == handle.key
    if leads:
        st.session_state[handle.key] = _present(handle)
    else:
        _lead_the_other()
    draw()
    text = handle.format(handle.value())
    if not leads or handle.value() == handle.default:
        if handle.key in st.query_params:
            del st.query_params[handle.key]
    elif st.query_params.get(handle.key) != text:
        st.query_params[handle.key] = text
