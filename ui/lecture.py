"""The lecture: its topics in teaching order, each with a name, one question and an icon.

This is the lab's table of contents. The navigation, the home screen and the headline of every
screen read it; a topic that is not listed here is not built yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from ui.i18n import N_


@dataclass(frozen=True)
class Topic:
    """A screen of the lab; `name` is also its file in every room and its place in the URL."""

    name: str
    title: str
    question: str
    icon: str


HOME = Topic(
    "home",
    N_("Regularization Lab"),
    N_("Why do models overfit, and what does each remedy really do?"),
    ":material/science:",
)

TOPICS = (
    Topic(
        "overfitting",
        N_("Overfitting"),
        N_("Why can the curve that fits best predict worst?"),
        ":material/show_chart:",
    ),
    Topic(
        "constraints",
        N_("Constraints"),
        N_("Why does L1 set weights to exactly zero when L2 does not?"),
        ":material/diamond:",
    ),
    Topic(
        "weight_decay",
        N_("Weight decay"),
        N_("When do small weights generalise, and what does decay cost?"),
        ":material/compress:",
    ),
    Topic(
        "optimizers",
        N_("Optimizers"),
        N_("Why is Adam with L2 not AdamW?"),
        ":material/moving:",
    ),
    Topic(
        "dropout",
        N_("Dropout"),
        N_("What does a network learn when its units vanish at random?"),
        ":material/blur_on:",
    ),
    Topic(
        "recommender",
        N_("Recommender"),
        N_("Can you stop a model from memorising ratings, while it trains?"),
        ":material/movie:",
    ),
)
