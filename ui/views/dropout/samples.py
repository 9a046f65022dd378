"""Samples and passes: the same sample in several passes, several samples in one."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ui import player, stage
from ui.charts import dropout as charts
from ui.code import dropout as code
from ui.i18n import N_, _
from ui.views.dropout.common import N_PASSES, NET, layer_sizes, mask_table, rates, sampled


def draw(values: stage.Values) -> None:
    rows, shown = values["passes"], {**values, "inference": False}
    masks = sampled(shown, values["samples"], N_PASSES)
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "masks",
            charts.passes_side_by_side(masks, rows),
            n_frames=N_PASSES // rows,
            description=charts.description(masks, inference=False),
            height=stage.figure_height(0.8, projector=0.76),
        )
    with readouts:
        stage.readouts(stage.Group(_numbers(shown)))


def _numbers(values: stage.Values) -> list[stage.Readout]:
    masks = sampled(values, max(2, values["samples"]), N_PASSES)
    keep = np.concatenate(masks.keep[1:-1], axis=-1)
    drop = np.repeat(masks.rates, masks.layer_sizes[1:-1])
    hint = _("Expected: 2p(1−p), here {expected:.1%}, as of any two masks.").format(
        expected=(2 * drop * (1 - drop)).mean()
    )
    return [
        stage.Readout(
            "other_sample",
            _("Units that differ: samples 1 and 2, one pass"),
            f"{(keep[:, 0] != keep[:, 1]).mean():.1%}",
            hint,
        ),
        stage.Readout(
            "other_pass",
            _("Units that differ: one sample, next pass"),
            f"{(keep[1:, 0] != keep[:-1, 0]).mean():.1%}",
            hint,
        ),
        stage.Readout("kept_first", _("Kept in sample 1"), f"{keep[:, 0].mean():.1%}"),
        stage.Readout("kept_second", _("Kept in sample 2"), f"{keep[:, 1].mean():.1%}"),
    ]


def see() -> None:
    st.markdown(
        _(
            "- Across: samples of one batch in one pass. For each a mask of its own is drawn.\n"
            "- Down: the same sample again. The next pass draws a new mask.\n"
            "- p stays the same all the time: over many passes the share of units kept comes near "
            "1 − p in every column and in every row (with *p by width*, layer by layer)."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"m_j^{(i,t)} \sim \mathrm{Bernoulli}(1-p)\ \text{independently}, \qquad "
        r"\Pr\bigl(m_j^{(i,t)} \neq m_j^{(i',t')}\bigr) = 2p(1-p)"
    )
    st.markdown(
        _(
            "i is the sample, t the pass, j the unit. Two masks, of two samples or of two passes, "
            "differ in a unit when it is dropped in one and kept in the other."
        )
    )


def data(values: stage.Values) -> stage.Table:
    masks = sampled({**values, "inference": False}, values["samples"], N_PASSES)
    return stage.Table(mask_table(masks), "dropout_samples.csv")


def source(values: stage.Values) -> str:
    return code.samples(
        layer_sizes=layer_sizes(values),
        rates=rates(values),
        samples=max(2, values["samples"]),
        passes=N_PASSES,
        seed=values["seed"],
    )


SAMPLES = stage.View(
    name="samples",
    title=N_("Samples and passes"),
    uses=NET | {"samples", "passes"},
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
