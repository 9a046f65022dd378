"""Home: the lecture's topics as cards, each with a small picture that is computed now."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from sim import constraints, dropout, optimizers, overfitting
from sim.recommender.ratings import movielens
from sim.recommender.scale import histogram
from ui import shell, stage
from ui.charts import constraints as constraints_chart
from ui.charts import dropout as dropout_chart
from ui.charts import optimizers as optimizers_chart
from ui.charts import overfitting as overfitting_chart
from ui.charts import recommender as recommender_chart
from ui.charts import weight_decay as weight_decay_chart
from ui.i18n import N_, _
from ui.lecture import TOPICS
from ui.theme import Figure


def picture_of_overfitting() -> Figure:
    sample = overfitting.noisy_sine(20, 0.3, np.random.default_rng(37).spawn(2)[0])
    return overfitting_chart.thumbnail(sample, overfitting.fit_polynomial(*sample, degree=15))


def picture_of_constraints() -> Figure:
    loss = constraints.Quadratic.from_ellipse((1.5, 3.0), 3.0, 30.0)
    return constraints_chart.thumbnail(loss, 1, 1.5, constraints.constrained_minimum(loss, 1, 1.5))


def picture_of_optimizers() -> Figure:
    loss = optimizers.LOSSES["rotated"]
    rules = {
        "sgd": optimizers.SGD(0.03, 0.3),
        "adam": optimizers.Adam(0.03, (0.9, 0.95), weight_decay=0.3),
        "adamw": optimizers.AdamW(0.03, (0.9, 0.95), weight_decay=0.3),
    }
    return optimizers_chart.thumbnail(
        loss,
        [
            optimizers_chart.Run(
                kind, optimizers.trajectory(rule, loss.gradient, loss.start, 150).weights, False
            )
            for kind, rule in rules.items()
        ],
    )


def picture_of_dropout() -> Figure:
    return dropout_chart.thumbnail(
        dropout.sample_masks((4, 6, 6, 2), 0.5, 1, 1, np.random.default_rng(5))
    )


def picture_of_recommender() -> Figure:
    return recommender_chart.histogram(histogram(movielens().rating))


PICTURES: dict[str, tuple[Callable[[], Figure], str]] = {
    "overfitting": (
        picture_of_overfitting,
        N_("Noisy points, the true sine, and a polynomial of degree 15 through the points."),
    ),
    "constraints": (
        picture_of_constraints,
        N_("Contours of a loss, which meet the diamond of L1 in a corner."),
    ),
    "weight_decay": (
        weight_decay_chart.thumbnail,
        N_("Three parabolas, and gradient descent to the bottom of two of them."),
    ),
    "optimizers": (
        picture_of_optimizers,
        N_("The paths of SGD, Adam and AdamW over the contours of a loss."),
    ),
    "dropout": (
        picture_of_dropout,
        N_("A network of four layers, with some of its hidden units dropped."),
    ),
    "recommender": (picture_of_recommender, N_("How often each rating was given.")),
}

shell.require_frame()
for number, topic in enumerate(TOPICS):
    if number % 3 == 0:  # row by row, so that a phone shows them in lecture order
        columns = st.columns(3, gap="medium")
    with (
        columns[number % 3],
        st.container(border=True, height="stretch", gap="xsmall", key=f"card_{topic.name}"),
    ):
        picture, words = PICTURES[topic.name]
        stage.chart(
            picture(),
            f"picture_{topic.name}",
            description=_(words),
            height=stage.figure_height(0.4, 0.34),
        )
        st.page_link(
            f"pages/{topic.name}.py",
            label=f"**{number + 1} · {_(topic.title)}**",
            icon=topic.icon,
        )
        st.markdown(_(topic.question))
