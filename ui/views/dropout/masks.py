"""Masks: one training pass after another, each with its own thinned network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from sim import dropout as sim
from ui import player, stage
from ui.charts import dropout as charts
from ui.code import dropout as code
from ui.i18n import N_, _
from ui.views.dropout.common import (
    DASH,
    N_INPUTS,
    N_OUTPUTS,
    N_PASSES,
    NET,
    layer_sizes,
    mask_table,
    rates,
    sampled,
)


@dataclass(frozen=True)
class Seen:
    """The masks of all passes, what ran through them, and what follows for the hidden units."""

    masks: sim.Masks
    passes: sim.Passes
    kept: np.ndarray
    factors: np.ndarray


def look(values: stage.Values) -> Seen:
    n_samples = values["samples"]
    masks = sampled(values, n_samples, 1 if values["inference"] else N_PASSES)
    start, inputs, targets = np.random.default_rng(values["seed"]).spawn(3)
    passes = sim.train_passes(
        sim.init_network(masks.layer_sizes, start),
        inputs.standard_normal((n_samples, N_INPUTS)),
        np.sin(targets.standard_normal((n_samples, N_OUTPUTS))),
        masks,
    )
    hidden = range(1, len(masks.layer_sizes) - 1)
    return Seen(
        masks,
        passes,
        np.concatenate([masks.keep[layer] for layer in hidden], axis=-1),
        np.concatenate([masks.factors(layer) for layer in hidden], axis=-1),
    )


def draw(values: stage.Values) -> None:
    seen, inference = look(values), values["inference"]
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "network",
            charts.network(seen.masks, seen.passes, inference=inference),
            n_frames=len(seen.kept),
            description=charts.description(seen.masks, inference=inference),
            height=stage.figure_height(0.8, projector=0.76),
        )
    with readouts:
        stage.readouts(stage.Group(_numbers(seen)))


def _numbers(seen: Seen) -> list[stage.Readout]:
    expected = 1 - np.repeat(seen.masks.rates, seen.masks.layer_sizes[1:-1]).mean()
    factors = sorted({f"{1 / (1 - rate):.3g}" for rate in seen.masks.rates}, key=float)
    n = seen.kept.shape[0] * seen.kept.shape[1]
    return [
        stage.Readout(
            "kept",
            _("Hidden units kept"),
            f"{seen.kept.mean():.1%}",
            _("Over all {n} masks shown here; expected: {expected:.1%}.").format(
                n=n, expected=expected
            ),
        ),
        stage.Readout(
            "updated",
            _("Updates per weight"),
            DASH
            if len(seen.kept) == 1
            else _("{n:.0f} of {passes}").format(n=_updates(seen).mean(), passes=len(seen.kept)),
            _(
                "The mean over all weights. A pass updates a weight that, in a sample, something "
                "ran through forward and back: both of its units were kept, and a way on to an "
                "output that still errs. The others get no gradient."
            ),
        ),
        stage.Readout(
            "factor",
            _("Factor on a kept output"),
            "× " + " – ".join(dict.fromkeys((factors[0], factors[-1]))),
            _("1/(1−p) in training, 1 at inference: inverted dropout."),
        ),
        stage.Readout(
            "mean_factor",
            _("Mean factor, dropped as 0"),
            f"{seen.factors.mean():.3f}",
            _("Its expectation is 1, as at inference."),
        ),
    ]


def _updates(seen: Seen) -> np.ndarray:
    """In how many passes each weight was updated."""
    return np.concatenate([gap.sum(axis=0).ravel() for gap in seen.passes.updated])


def see() -> None:
    st.markdown(
        _(
            "- A dropped unit puts out 0, so nothing it feeds can use it, and this sample does not "
            "move its weights **in this pass**. In the next one it may be back.\n"
            "- In training, point at a weight: below the figure stands in how many passes it was "
            "updated.\n"
            "- The masks seen pile up; how many units they keep follows the binomial distribution "
            "(with *p by width*, the sum of one for each layer).\n"
            "- It is the unit's *output* that is set to zero, not the weights themselves.\n"
            "- Many units, large p; few units, small p: switch on *p by width*."
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
            "probability (1−p)²; with *p by width* every layer has its own p. Dividing by 1−p in "
            "training means that inference needs no change. The network drawn (tanh units, squared "
            "error) really trains: each pass is one step, its gradient cut to length {length:g} "
            "where it is longer."
        ).format(length=sim.MAX_STEP)
    )


def data(values: stage.Values) -> stage.Table:
    masks = sampled(values, values["samples"], 1 if values["inference"] else N_PASSES)
    return stage.Table(mask_table(masks), "dropout.csv")


def source(values: stage.Values) -> str:
    return code.masks(
        layer_sizes=layer_sizes(values),
        rates=rates(values),
        samples=values["samples"],
        seed=values["seed"],
    )


MASKS = stage.View(
    name="masks",
    title=N_("Masks"),
    uses=NET | {"samples", "inference"},
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
