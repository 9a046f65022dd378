"""The maths behind each view of the recommender."""

from __future__ import annotations

import streamlit as st

from sim.recommender.fold_in import PENALTY
from ui import stage
from ui.i18n import _
from ui.views.recommender.dataset import current


def train(_values: stage.Values) -> None:
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


def films(_values: stage.Values) -> None:
    st.latex(
        r"\min_{x}\; \sum_{m \in \text{rated}} \bigl(\hat r_m(x) - r_m\bigr)^2 "
        rf"+ {PENALTY:g}\,\frac{{\lVert x - \bar x\rVert^2}}{{s^2}}, \qquad x = (p, b)"
    )
    st.markdown(
        _(
            "For the dot product: x holds the factors and the bias of the new user, x̄ the mean of "
            "those of the trained users and s² their mean variance; q and b of the {items} stand "
            "still. So a new user counts as an average one until the ratings say otherwise: this "
            "is ridge regression, through the logistic function of the training view."
        ).format(**current().nouns)
    )


def learned(_values: stage.Values) -> None:
    st.latex(
        r"\cos(a, b) = \frac{\langle q_a, q_b\rangle}{\lVert q_a\rVert\,\lVert q_b\rVert}, \qquad "
        r"Q - \bar Q = U S V^\top, \qquad \text{map} = U_{1,2}\,S_{1,2}"
    )
    st.markdown(
        _(
            "q are the factors of the {items}; the rows of Q are those of the most rated ones, 200 "
            "at most. The map is their principal components: the two directions along which they "
            "vary most."
        ).format(**current().nouns)
    )


def sweep(_values: stage.Values) -> None:
    st.latex(
        r"L(\lambda, p, k) = \frac{1}{S}\sum_{s=1}^{S}\;\min_{e \le E_k(s)} "
        r"L_{\text{valid}}(e;\, \lambda, p, s)"
    )
    st.markdown(
        _(
            "S is the number of seeds, E the epoch at which patience k ends the run: the first "
            "after k epochs without a new best, or else the 20th. λ and p mean what they mean for "
            "the dot product and AdamW in the training view."
        )
    )
