"""What can be set on the weight decay screen, and what its views say in the same way."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui import stage
from ui.controls import Choice, Number, Seed, Strength, Switch
from ui.i18n import N_

CONVENTIONS = ("λ‖w‖²", "½λ‖w‖²", "SGD weight_decay", "Ridge alpha")


@dataclass(frozen=True, kw_only=True)
class HalfDecades(Strength):
    """A strength in steps of half a power of ten: 1, 3, 10, 30."""

    def __post_init__(self) -> None:
        decades = [float(f"{m}e{k}") for k in range(self.low, self.high) for m in (1, 3)]
        object.__setattr__(self, "options", (0.0, *decades, float(f"1e{self.high}")))


@dataclass(frozen=True, kw_only=True)
class Rate(Number):
    """A learning rate: a number on a slider that shows all its digits."""

    def draw(self) -> None:
        st.slider(
            **self._labels(),
            min_value=self.low,
            max_value=self.high,
            value=self.default,
            step=self.step,
            format="%.3f",
        )


CONTROLS = (
    Rate(
        key="learning_rate",
        label=N_("Learning rate η in the canyons"),
        default=0.15,
        low=0.005,
        high=1.2,
        step=0.005,
        help=N_("Each step is x ← x − η·2a·x, that is x times 1 − 2ηa."),
    ),
    Number(
        key="a",
        label=N_("A canyon of your own: a"),
        default=6.0,
        low=0.5,
        high=60.0,
        step=0.5,
        help=N_("y = a·x²; its curvature is L = 2a."),
    ),
    Strength(
        key="penalty",
        label=N_("Strength λ of the three forms"),
        default=0.1,
        low=-3,
        high=1,
        help=N_("Counted as the convention below says, beside the mean squared error (no ½)."),
    ),
    Choice(
        key="convention",
        label=N_("Convention: what λ stands for"),
        default=CONVENTIONS[0],
        options=CONVENTIONS,
        help=N_("Books and libraries count the same decay differently: by ½, by 2, by n."),
    ),
    Rate(
        key="forms_learning_rate",
        label=N_("Learning rate η of the three forms"),
        default=0.05,
        low=0.01,
        high=0.6,
        step=0.01,
    ),
    Choice(
        key="dtype",
        label=N_("Precision"),
        default="float64",
        options=("float64", "float32"),
        help=N_("How many digits the computer keeps: about 16, or about 7."),
    ),
    HalfDecades(
        key="weight_decay",
        label=N_("Weight decay λ of the regression"),
        low=-4,
        high=3,
        help=N_(
            "As in torch.optim.SGD: each step multiplies the weights by 1 − ηλ, unless it is "
            "implicit. In the loss it would be ½λ‖w‖²."
        ),
    ),
    Rate(
        key="sgd_learning_rate",
        label=N_("Learning rate η of the regression"),
        default=0.003,
        low=0.001,
        high=0.04,
        step=0.001,
    ),
    Switch(
        key="decay_bias",
        label=N_("Decay the bias, too"),
        help=N_("By default only the 200 weights decay, not the bias."),
    ),
    Switch(
        key="implicit",
        label=N_("Implicit step: divide by 1 + ηλ"),
        help=N_(
            "w ← (w − η·grad) / (1 + ηλ) shrinks the weights for every λ above 0, where 1 − ηλ "
            "overshoots zero above ηλ = 1 and does not come down from ηλ = 2 on."
        ),
    ),
    Switch(
        key="compare",
        label=N_("Compare all λ"),
        help=N_("The losses after training against λ, from none to too much."),
    ),
    Strength(
        key="l1_penalty",
        label=N_("L1: λ₁"),
        default=0.5,
        low=-3,
        high=1,
        help=N_("Minimises mean squared error + λ₁·Σ|w|. No ½, no intercept."),
    ),
    Strength(
        key="l2_penalty",
        label=N_("L2: λ₂"),
        default=0.2,
        low=-3,
        high=1,
        help=N_(
            "Minimises mean squared error + λ₂·Σw². No ½, no intercept. Another scale than λ₁."
        ),
    ),
    Seed(key="seed", label=N_("Seed")),
)


def below(bound: float, rate: float) -> str:
    """A bound that `rate` is above, in two digits, or as many as it takes to be seen below it."""
    texts = (f"{bound:.{digits}g}" for digits in range(2, 18))
    return next((text for text in texts if float(text) < rate), f"{bound:.17g}")


def lost_words(text: str) -> None:
    """What went wrong with a run, and which learning rate would not; "" if nothing did."""
    stage.remark(text, warning=True)
