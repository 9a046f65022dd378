"""Canyons: the steeper, the smaller the learning rate that comes down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from sim import weight_decay as sim
from ui import player, stage
from ui.charts import weight_decay as charts
from ui.code import weight_decay as code
from ui.i18n import N_, _
from ui.views.weight_decay.controls import lost_words

STEEPNESS = (1.0, 2.0, 5.0, 10.0, 50.0)
HEIGHT, CANYON_STEPS = 18.0, 20


def descents(values: stage.Values) -> list[sim.Canyon]:
    """The sources' five canyons and one's own, each from the same height."""
    return [
        sim.canyon_descent(a, values["learning_rate"], np.sqrt(HEIGHT / a), CANYON_STEPS)
        for a in sorted({*STEEPNESS, values["a"]})
    ]


def title(canyon: sim.Canyon) -> str:
    """What its steps do: at 2/L itself they neither come down nor diverge."""
    if charts.descends(canyon):
        return _("descends")
    return _("diverges") if charts.leaves(canyon) else _("to and fro for ever")


def draw(values: stage.Values) -> None:
    found = descents(values)
    (own,) = (canyon for canyon in found if canyon.a == values["a"])
    figure, readouts = stage.figure_and_readouts()
    with figure:
        player.show(
            "player",
            "canyon",
            charts.canyons(found, values["a"], HEIGHT),
            n_frames=CANYON_STEPS + 1,
            description=charts.canyons_description(found),
            height=stage.figure_height(0.74, projector=0.7),
        )
    with readouts:
        down = [canyon for canyon in found if charts.descends(canyon)]
        stage.readouts(
            stage.Group(
                [
                    stage.Readout(
                        "safe_rate",
                        "2/L",
                        stage.number(own.safe_learning_rate),
                        _("Below this learning rate the steps come down: L = 2a, so it is 1/a."),
                    ),
                    stage.Readout(
                        "height",
                        _("Height at the end"),
                        stage.number(float(own.height[-1])) if charts.descends(own) else "–",
                        _("All start at height {height:g}; {n} steps.").format(
                            height=HEIGHT, n=CANYON_STEPS
                        ),
                    ),
                ],
                f"a = {own.a:g}",
                "sound" if charts.descends(own) else "overfit",
            ),
            stage.Group(
                [
                    stage.Readout("factor", _("Each step: x ×"), stage.number(own.factor)),
                    stage.Readout("descended", _("Of all canyons"), f"{len(down)} / {len(found)}"),
                ],
                title(own),
                "sound" if charts.descends(own) else "overfit",
            ),
        )
        words = _("η = {rate:g} reaches or passes 2/L = 1/a for a = {steep}: no way down.").format(
            rate=values["learning_rate"],
            steep=", ".join(f"{c.a:g}" for c in found if c not in down),
        )
        lost_words(words if len(down) < len(found) else "")


def see() -> None:
    st.markdown(
        _(
            "- The bottom is the same everywhere; only the walls differ. Where the learning rate "
            "is above **2/L**, a step lands on the other side, higher up than it began: the "
            "steeper the canyon, the sooner.\n"
            "- The bars end at **2/L**: below it the steps come down. At half of it one step "
            "reaches the bottom.\n"
            "- In a network the weights of one layer set the steepness for another: in u, the loss "
            "(v·u·x − y)² has L = 2v²x². Small weights keep the canyons wide."
        )
    )


def maths(values: stage.Values) -> None:
    st.latex(
        r"y = a x^2,\quad L = y'' = 2a,\qquad x \leftarrow x - \eta\,2a\,x = (1-\eta L)\,x,"
        r"\qquad |1-\eta L| < 1 \iff \eta < \tfrac{2}{L}"
    )
    st.markdown(
        _(
            "a is the canyon's steepness, η the learning rate, L the curvature. With a penalty "
            "½λw² the curvature is L + λ, and the bound 2/(L + λ): strong decay needs small steps, "
            "too."
        )
    )


def source(values: stage.Values) -> str:
    return code.canyons(
        steepness=[canyon.a for canyon in descents(values)],
        learning_rate=values["learning_rate"],
        height=HEIGHT,
        steps=CANYON_STEPS,
    )


def data(values: stage.Values) -> stage.Table:
    parts = [
        pd.DataFrame({"a": c.a, "step": range(len(c.x)), "x": c.x, "y": c.height})
        for c in descents(values)
    ]
    return stage.Table(pd.concat(parts), "canyons.csv")


CANYONS = stage.View(
    name="canyons",
    title=N_("Canyons"),
    uses=frozenset({"learning_rate", "a"}),
    draw=draw,
    see=see,
    maths=maths,
    code=source,
    data=data,
    previews=True,
)
