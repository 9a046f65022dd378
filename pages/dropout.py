"""Dropout: a network whose hidden units vanish at random, pass by pass."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from sim.dropout import Masks, participating_weights, sample_masks
from ui import player, stage
from ui.charts import dropout as charts
from ui.code import dropout as code
from ui.controls import Number, Seed, Switch
from ui.i18n import N_, _
from ui.scenes import Scene

N_INPUTS, N_OUTPUTS, N_PASSES = 4, 2, 60

CONTROLS = (
    Number(key="hidden_layers", label=N_("Hidden layers"), default=2, low=1, high=4),
    Number(key="hidden_units", label=N_("Units in each"), default=8, low=2, high=16),
    Number(
        key="p",
        label=N_("Dropout probability p"),
        default=0.5,
        low=0.0,
        high=0.9,
        step=0.05,
        help=N_("The probability that a hidden unit is dropped in one pass of one sample."),
    ),
    Number(key="samples", label=N_("Samples in the batch"), default=1, low=1, high=8),
    Switch(
        key="inference",
        label=N_("Inference"),
        help=N_("After training nothing is dropped: all units take part."),
    ),
    Seed(key="seed", label=N_("Seed"), default=1),
)

SCENES = (
    Scene(
        N_("A thinned network"),
        N_(
            "Each frame is one training pass. Every hidden unit is dropped with probability p, "
            "with all weights that touch it; input and output units never are."
        ),
    ),
    Scene(
        N_("Each sample its own"),
        N_(
            "Four samples of one batch in the same pass: the masks differ, the probability is the "
            "same."
        ),
        {"samples": 4},
    ),
    Scene(
        N_("p = 0"),
        N_("Nothing is dropped: every pass trains the whole network."),
        {"p": 0.0},
    ),
    Scene(
        N_("p = 0.9"),
        N_(
            "Nine in ten hidden units are gone, and those that are left count ten times: training "
            "becomes very noisy."
        ),
        {"p": 0.9, "hidden_units": 16},
    ),
    Scene(
        N_("Few units, small p"),
        N_(
            "A narrow layer has little to spare: at p = 0.1 most passes keep all four units, or "
            "lose one."
        ),
        {"hidden_layers": 1, "hidden_units": 4, "p": 0.1},
    ),
    Scene(
        N_("Inference uses all"),
        N_(
            "Outside training every unit takes part and nothing is scaled: kept units were scaled "
            "up in training, so the expectation is the same."
        ),
        {"inference": True},
    ),
)


def _superscript(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


@dataclass(frozen=True)
class Passes:
    """The masks of all passes, and what follows from them for hidden units and weights."""

    masks: Masks
    kept: np.ndarray
    factors: np.ndarray
    taking_part: np.ndarray


def layer_sizes(values: stage.Values) -> tuple[int, ...]:
    return (N_INPUTS, *[values["hidden_units"]] * values["hidden_layers"], N_OUTPUTS)


def passes(values: stage.Values) -> Passes:
    sizes = layer_sizes(values)
    masks = sample_masks(
        sizes,
        0.0 if values["inference"] else values["p"],
        values["samples"],
        1 if values["inference"] else N_PASSES,
        np.random.default_rng(values["seed"]),
    )
    hidden = range(1, len(sizes) - 1)
    gaps = [gap.reshape(*gap.shape[:2], -1) for gap in participating_weights(masks)]
    return Passes(
        masks,
        np.concatenate([masks.keep[layer] for layer in hidden], axis=-1),
        np.concatenate([masks.factors(layer) for layer in hidden], axis=-1),
        np.concatenate(gaps, axis=-1),
    )


def draw(values: stage.Values) -> None:
    seen = passes(values)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "network",
            charts.network(seen.masks, inference=values["inference"]),
            n_frames=len(seen.kept),
            description=charts.description(seen.masks, inference=values["inference"]),
            height=stage.figure_height(0.85, projector=0.68),
        )
    with readouts:
        stage.readouts(stage.Group(_numbers(seen)))


def _numbers(seen: Passes) -> list[stage.Readout]:
    p = seen.masks.rates[0]
    return [
        stage.Readout(
            "kept",
            _("Hidden units kept"),
            f"{seen.kept.mean():.1%}",
            _("Over all {n} masks shown here; expected: {expected:.0%}.").format(
                n=seen.kept.shape[0] * seen.kept.shape[1], expected=1 - p
            ),
        ),
        stage.Readout(
            "weights",
            _("Weights that take part"),
            f"{seen.taking_part.mean():.1%}",
            _("A weight takes part when both of its units are kept. The others get no gradient."),
        ),
        stage.Readout(
            "factor",
            _("Factor on a kept output"),
            f"× {1 / (1 - p):.3g}",
            _("1/(1−p) in training, 1 at inference: inverted dropout."),
        ),
        stage.Readout(
            "mean_factor",
            _("Mean factor, dropped as 0"),
            f"{seen.factors.mean():.3f}",
            _("Its expectation is 1, as at inference."),
        ),
        stage.Readout(
            "networks",
            _("Thinned networks possible"),
            f"2{_superscript(seen.kept.shape[-1])}" if p else "1",
        ),
    ]


def see() -> None:
    st.markdown(
        _(
            "- A dropped unit puts out 0, so nothing it feeds can use it, and its weights are not "
            "updated **in this pass**. In the next one it may be back.\n"
            "- No unit can rely on a certain other one being there: what is learned spreads out.\n"
            "- It is the unit's *output* that is set to zero, not the weights themselves.\n"
            "- Wide layers, which overfit more, take a larger p; narrow layers a small one or none."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"m_j \sim \mathrm{Bernoulli}(1-p), \qquad "
        r"\tilde h_j = \frac{m_j}{1-p}\, h_j, \qquad \mathbb{E}\,\tilde h_j = h_j"
    )
    st.markdown(
        _(
            "h is the output of a hidden unit, p the dropout probability, m the mask, drawn anew "
            "for every unit, sample and pass. A weight between two hidden layers takes part with "
            "probability (1−p)². Dividing by 1−p in training means that inference needs no change."
        )
    )


def data(values: stage.Values) -> stage.Table:
    kept = passes(values).kept
    numbers, samples, units = np.indices(kept.shape)
    frame = pd.DataFrame(
        {
            "pass": numbers.ravel() + 1,
            "sample": samples.ravel() + 1,
            "hidden layer": units.ravel() // values["hidden_units"] + 1,
            "unit": units.ravel() % values["hidden_units"] + 1,
            "kept": kept.ravel(),
        }
    )
    return stage.Table(frame, "dropout.csv")


def source(values: stage.Values) -> str:
    return code.source(
        layer_sizes=layer_sizes(values),
        p=values["p"],
        samples=values["samples"],
        seed=values["seed"],
    )


stage.screen(SCENES, CONTROLS, stage.View(draw=draw, see=see, maths=maths, code=source, data=data))
