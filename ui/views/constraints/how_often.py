"""How often is a weight exactly zero? Thousands of random losses under each norm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim.constraints import ZeroShare, zero_share
from ui import player, stage
from ui.charts import constraints_played as charts
from ui.charts.constraints import Norm
from ui.code import constraints as code
from ui.i18n import N_, _
from ui.views.constraints.common import columns, norms

N_LOSSES = 5000
N_SLOW = 1000
"""Fewer for the norm orders without a closed form: they take a hundred times as long."""
N_FRAMES = 100


@st.cache_data(max_entries=64, show_spinner=False)
def measured(order: float, budget: float, shape: str, seed: int) -> ZeroShare:
    """Random losses of that shape, and which of their solutions have a zero."""
    n = N_LOSSES if order in (1, 2, np.inf) else N_SLOW
    return zero_share(order, budget, n, np.random.default_rng(seed), shape)


def shares(values: stage.Values) -> list[tuple[Norm, ZeroShare]]:
    """The experiment under each norm."""
    rest = values["budget"], values["shape"], values["seed"]
    return [(norm, measured(norm.order, *rest)) for norm in norms(values)]


def draw(values: stage.Values) -> None:
    found = shares(values)
    figure, readouts = columns(len(found))
    with figure:
        player.show(
            "cloud_player",
            "cloud",
            charts.clouds(found, values["budget"], N_FRAMES, _("Batch {i} of {n}")),
            n_frames=N_FRAMES,
            description=describe(found),
            height=stage.figure_height(0.7, projector=0.7),
        )
    with readouts:
        stage.readouts(*(_numbers(norm, share) for norm, share in found))


def describe(found: list[tuple[Norm, ZeroShare]]) -> str:
    """The figure in words."""
    return " ".join(
        _("{norm}: {share:.1%} of {n} random losses have an exact zero.").format(
            norm=norm.name, share=share.share, n=f"{len(share.codes):,}"
        )
        for norm, share in found
    )


def _numbers(norm: Norm, share: ZeroShare) -> stage.Group:
    n = len(share.codes)
    error = 100 * float(np.sqrt(share.share * (1 - share.share) / n))
    return stage.Group(
        [
            stage.Readout(f"share_{norm.key}", _("An exact zero"), f"{100 * share.share:.1f} %"),
            stage.Readout(
                f"error_{norm.key}",
                _("Standard error"),
                f"{error:.1f} %",
                _("How far the share of so many losses typically is from that of all."),
            ),
            stage.Readout(f"count_{norm.key}", _("Losses"), f"{n:,}"),
        ],
        norm.name,
        norm.role,
    )


def see() -> None:
    st.markdown(
        _(
            "- Each small dot is the optimum c of one random loss, anywhere in the square but "
            "outside the ball. It is coloured if its best allowed weights have an exact zero.\n"
            "- At a budget of 2, L1 gives a zero for about two thirds of **round** losses, for "
            "nearly three quarters of **general** ones, and for four in five of those where one "
            "weight hardly matters (**axis-aligned**).\n"
            "- L2 gives none, at any budget above zero: zero by chance has no chance.\n"
            "- The larger the budget, the rarer are the zeros of L1."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(r"L(w) = a\,(w_1-c_1)^2 + b\,(w_2-c_2)^2 + d\,(w_1-c_1)(w_2-c_2)")
    st.markdown(
        _(
            "c is uniform on the square from −10 to 10, outside the ball. Round: "
            "a = b uniform on [0, 10], d = 0. General: a and b uniform on [0, 10], d on [−2, 2], "
            "no saddles. Axis-aligned: one of a, b is 0.1, d = 0. This is the experiment of "
            "Terence Parr's article on explained.ai, there with a numerical search, here with an "
            "exact solver, so that zero means zero."
        )
    )


def data(values: stage.Values) -> stage.Table:
    frames = [
        pd.DataFrame(
            {
                "norm": norm.name,
                "c1": share.centers[:, 0],
                "c2": share.centers[:, 1],
                "w1": share.weights[:, 0],
                "w2": share.weights[:, 1],
                "exact zero": share.codes != 0,
            }
        )
        for norm, share in shares(values)
    ]
    return stage.Table(pd.concat(frames), "how_often.csv")


HOW_OFTEN = stage.View(
    name="how_often",
    title=N_("How often?"),
    uses=frozenset({"budget", "norm_order", "shape", "seed"}),
    draw=draw,
    see=see,
    maths=maths,
    code=code.how_often,
    data=data,
)
