"""The controls of the optimizers screen."""

from __future__ import annotations

from dataclasses import dataclass

from ui.controls import Control, Number, Seed, Strength, Switch
from ui.i18n import N_, _
from ui.named import Named

MOST_STEPS = 300


@dataclass(frozen=True, kw_only=True)
class Finer(Strength):
    """A strength with five values to a decade instead of three; without its zero if `positive`."""

    positive: bool = False

    def __post_init__(self) -> None:
        decades = [float(f"{m}e{k}") for k in range(self.low, self.high) for m in (1, 2, 3, 5, 7)]
        zero = [] if self.positive else [0.0]
        object.__setattr__(self, "options", (*zero, *decades, float(f"1e{self.high}")))

    def parse(self, text: str) -> float:
        value = super().parse(text)
        if self.positive and float(text) < self.options[0]:
            raise ValueError(text)
        return value

    def expected(self) -> str:
        if self.positive:
            return _("a number from {low:g} to {high:g}").format(
                low=self.options[0], high=self.options[-1]
            )
        return super().expected()


CONTROLS: tuple[Control, ...] = (
    Named(
        key="loss",
        label=N_("Loss"),
        default="rotated",
        names={
            "bowl": N_("round bowl"),
            "ill_scaled": N_("ill-scaled bowl"),
            "rotated": N_("ill-scaled bowl, rotated"),
            "narrow_valley": N_("narrow valley"),
            "rosenbrock": N_("Rosenbrock's valley"),
        },
    ),
    Finer(
        key="weight_decay",
        label=N_("Weight decay λ"),
        default=0.3,
        low=-3,
        high=1,
        help=N_(
            "SGD, momentum and Adam add λw to the gradient: a penalty (λ/2)·Σw² in the loss, with "
            "½. AdamW takes (learning rate)·λ·w off the weights. Two different scales of λ."
        ),
    ),
    Finer(
        key="learning_rate",
        label=N_("Learning rate of SGD and momentum"),
        default=0.02,
        low=-4,
        high=0,
        positive=True,
    ),
    Finer(
        key="adam_learning_rate",
        label=N_("Learning rate α of Adam and AdamW"),
        default=0.05,
        low=-4,
        high=0,
        positive=True,
    ),
    Number(key="n_steps", label=N_("Steps"), default=MOST_STEPS, low=10, high=MOST_STEPS, step=10),
    Number(key="t", label=N_("Step t"), default=1, low=1, high=MOST_STEPS),
    Number(key="momentum", label=N_("Momentum μ"), default=0.8, low=0.0, high=0.99, step=0.01),
    Number(key="beta1", label="β₁", default=0.9, low=0.0, high=0.99, step=0.01, more=True),
    Number(
        key="beta2",
        label="β₂",
        default=0.95,
        low=0.0,
        high=0.999,
        step=0.001,
        more=True,
        help=N_(
            "How long Adam remembers squared gradients. With PyTorch's default 0.999 AdamW, at "
            "λ = 0.3, needs thousands of steps to get near its end."
        ),
    ),
    Named(
        key="standardise",
        label=N_("Standardise"),
        default="nothing",
        names={
            "nothing": N_("nothing"),
            "input": N_("the areas"),
            "both": N_("areas and prices"),
        },
        help=N_("What is brought to mean 0 and deviation 1: nothing, the areas, or prices too."),
    ),
    Finer(
        key="house_weight_decay",
        label=N_("Weight decay λ of the line"),
        default=0.1,
        low=-3,
        high=1,
        help=N_("AdamW takes (learning rate)·λ·w off slope and intercept in every step."),
    ),
    Finer(
        key="house_learning_rate",
        label=N_("Learning rate of the line"),
        default=0.01,
        low=-4,
        high=0,
        positive=True,
    ),
    Number(
        key="house_steps",
        label=N_("Steps of the line"),
        default=1000,
        low=100,
        high=10_000,
        step=100,
    ),
    Named(
        key="fit",
        label=N_("Fit"),
        default="digits",
        names={
            "digits": N_("digits, normalised weights"),
            "diabetes": N_("diabetes, a linear model"),
        },
        help=N_(
            "Digits: a classifier in which only the direction of the weights counts, as before a "
            "batch norm. Diabetes: a linear fit that is trained to its end."
        ),
    ),
    Named(
        key="axis",
        label=N_("Heat map over λ and"),
        default="learning_rate",
        names={"learning_rate": N_("learning rate"), "loss_scale": N_("loss scale")},
        help=N_("The loss scale is a factor on the loss, as when a mean is replaced by a sum."),
    ),
    Switch(
        key="decay_per_step",
        label=N_("λ of AdamW per step"),
        default=True,
        help=N_(
            "Counts AdamW's λ as its paper does, not multiplied by the learning rate. Over the "
            "learning rate only."
        ),
    ),
    Seed(key="seed", label=N_("Seed")),
)
