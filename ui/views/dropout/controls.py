"""The controls of the dropout screen."""

from __future__ import annotations

from ui.controls import Control, Number, Seed, Switch
from ui.i18n import N_
from ui.named import Named

CONTROLS: tuple[Control, ...] = (
    Number(
        key="p",
        label=N_("Dropout probability p"),
        default=0.5,
        low=0.0,
        high=0.9,
        step=0.05,
        help=N_(
            "The probability that a hidden unit (in the penalty's view: an input) is dropped in "
            "one pass of one sample; with p by width, that of the widest layer."
        ),
    ),
    Number(key="hidden_layers", label=N_("Hidden layers"), default=2, low=1, high=4),
    Number(key="hidden_units", label=N_("Units in each"), default=8, low=2, high=16),
    Switch(
        key="taper",
        label=N_("Each layer half as wide"),
        help=N_(
            "Every hidden layer has half the units of the one before, rounded down, at least 2."
        ),
    ),
    Switch(
        key="by_width",
        label=N_("p by width"),
        help=N_("The widest layer has p, a narrower one less in proportion."),
    ),
    Number(key="samples", label=N_("Samples in the batch"), default=1, low=1, high=8),
    Number(key="passes", label=N_("Passes side by side"), default=2, low=1, high=4),
    Switch(
        key="inverted_scaling",
        label=N_("Inverted scaling"),
        default=True,
        help=N_("Divide kept outputs by 1 − p in training."),
    ),
    Named(
        key="corruption",
        label=N_("What blurs the inputs"),
        default="dropout",
        names={"dropout": N_("dropout"), "noise": N_("Gaussian noise")},
    ),
    Number(
        key="input_noise",
        label=N_("Input noise σ"),
        default=0.5,
        low=0.0,
        high=2.0,
        step=0.05,
        help=N_("Standard deviation of the noise added to every input, where noise is chosen."),
    ),
    Number(key="n_masks", label=N_("Masks drawn"), default=1000, low=100, high=5000, step=100),
    Switch(
        key="inference",
        label=N_("Inference"),
        help=N_("After training nothing is dropped: all units take part."),
    ),
    Seed(key="seed", label=N_("Seed"), default=1),
)
