"""The maths behind each view of the recommender."""

from __future__ import annotations

import math

import streamlit as st

from sim.recommender.fold_in import PENALTY
from sim.recommender.records import Knobs, Settings
from sim.recommender.rules import BOOK_SPAN, batch_rule, decay_factor, quoted_batch, sgd_rates
from sim.recommender.size import BESIDE_FACTORS
from ui import stage
from ui.i18n import _
from ui.views.recommender.dataset import current


def train(settings: Settings, knobs: Knobs) -> None:
    """The model, the loss, and one step of the optimizer, with the numbers of the controls."""
    dataset = current()
    low, high = settings.rating_range
    st.latex(
        rf"\hat r_{{um}} = {low:g} + {high - low:g}\;\sigma(z_{{um}}), \qquad " + _Z[settings.model]
    )
    st.markdown(_model_words(settings).format(k=settings.n_factors, **dataset.nouns))
    st.latex(_loss(settings))
    st.latex(_STEPS[settings.optimizer])
    n_train = len(dataset.train)
    st.markdown("\n".join([_batch_words(settings, n_train), _step_words(settings, knobs, n_train)]))
    st.markdown("\n".join([_schedule_words(settings), _stop_words(settings, knobs)]))


_PRODUCT = r"\langle p_u, q_m\rangle + b_u + b_m"
_NETWORK = r"W_3\,\mathrm{ReLU}\bigl(W_2\,\mathrm{ReLU}(W_1 [\,x_u; y_m] + c_1) + c_2\bigr) + c_3"
_Z = {
    "dot": rf"z_{{um}} = {_PRODUCT}",
    "ncf": rf"z_{{um}} = {_NETWORK}",
    "neumf": rf"z_{{um}} = {_PRODUCT} + {_NETWORK}",
    "attention": r"z_{um} = \Bigl\langle \sum_j a_j\,\ell_j\,y_j,\; q_m\Bigr\rangle + b_u + b_m, "
    r"\qquad a_j = \mathrm{softmax}_j \frac{\langle q_m, y_j\rangle}{\sqrt k}",
}
_ADAM = r"w \leftarrow {w} - s\,\eta_\kappa\,\hat m/(\sqrt{{\hat v}}+\epsilon)"
_STEPS = {
    "adamw": _ADAM.format(w=r"e^{-s\,\eta\,\lambda\,\kappa}\,w"),
    "adam_l2": r"g = \nabla L + \lambda w, \qquad " + _ADAM.format(w="w"),
    "sgd": r"g = \nabla L + \lambda w, \qquad v \leftarrow 0.9\,v + \eta_\kappa\,g, \qquad "
    r"w \leftarrow w - s\,v",
}


def _model_words(settings: Settings) -> str:
    words = {
        "dot": _(
            "p and q are the {k} **factors** of user and {item}, b their biases, σ the logistic "
            "function. **Dropout p** leaves out each product of two factors with that probability "
            "while it learns, and divides the others by 1 − p."
        ),
        "ncf": _(
            "x and y are the {k} **factors** of user and {item}, side by side; W and c the weights "
            "and biases of the layers, 64 and 32 units wide; σ the logistic function. **Dropout "
            "p** leaves out each of these units with that probability while it learns, and divides "
            "the others by 1 − p."
        ),
        "neumf": _(
            "p and q are the {k} **factors** of user and {item}, b their biases; x and y other "
            "factors of them, {beside} each; W and c the weights and biases of the layers, 64 and "
            "32 units wide; σ the logistic function. **Dropout p** leaves out each of these units "
            "with that probability while it learns, and divides the others by 1 − p."
        ),
        "attention": _(
            "q are the {k} **factors** of the {item} to be rated, y those of the {items} j that "
            "the user has rated ({most} of them at most, never m itself), ℓ how far those ratings "
            "lie above the user's mean, b biases, σ the logistic function. **Dropout p** leaves "
            "out each product of two factors with that probability while it learns, and divides "
            "the others by 1 − p."
        ),
    }[settings.model]
    beside = min(settings.n_factors, BESIDE_FACTORS)
    return words.replace("{beside}", str(beside)).replace("{most}", str(settings.max_history))


def _stretch(rating_range: tuple[float, float]) -> str:
    """The factor of squared errors that makes the range as long as the book's; nothing for 1."""
    span = rating_range[1] - rating_range[0]
    return "" if span == BOOK_SPAN else rf"\Bigl(\tfrac{{{BOOK_SPAN:g}}}{{{span:g}}}\Bigr)^2\,"


def _loss(settings: Settings) -> str:
    mean = rf"{_stretch(settings.rating_range)}\tfrac1n \sum (r_{{um}}-\hat r_{{um}})^2"
    return rf"L = {mean} \quad\text{{(batch)}}"


def _batch_words(settings: Settings, n_train: int) -> str:
    steps, batch, kappa = _batch(settings, n_train)
    quoted = quoted_batch(n_train)
    text = _(
        "- κ = {kappa:.4g}: an epoch has {steps:,} steps of {batch:,.1f} ratings (**batch size** "
        "{size:,} at most), over {quoted:,}, the batch size at which η and λ are quoted."
    ).format(kappa=kappa, steps=steps, batch=batch, size=settings.batch_size, quoted=quoted)
    low, high = settings.rating_range
    if high - low != BOOK_SPAN:
        text += " " + _(
            "The loss is learned as if the range were {book:g} long, so that the rates suit every "
            "scale; it is shown in your own units."
        ).format(book=BOOK_SPAN)
    return text


def _step_words(settings: Settings, knobs: Knobs, n_train: int) -> str:
    _steps, batch, _kappa = _batch(settings, n_train)
    eta, decay = settings.learning_rate, knobs.weight_decay
    if settings.optimizer == "sgd":
        tables, layers = sgd_rates(eta, decay, batch, n_train)
        text = _(
            "- v is the velocity. **Learning rate** η = {eta:g} gives η_κ = min(50ηκ, 0.8, "
            "0.004/λ) = {tables:.4g} for the factors and biases."
        ).format(eta=eta, tables=tables)
        if settings.model in ("ncf", "neumf"):
            text += " " + _("For the layers, min(10ηκ, 0.1, 0.004/λ) = {layers:.4g}.").format(
                layers=layers
            )
        return (
            text + " " + _("λ = {decay:g} is the penalty λ/2·‖w‖² of the loss.").format(decay=decay)
        )
    rule = batch_rule(eta, decay, batch, n_train)
    (beta1, beta2), rate = rule.betas, rule.learning_rate
    text = _(
        "- m̂ and v̂ are Adam's means of the gradient and its square, β₁ = {beta1:.4g} = "
        "max(0, 1 − 0.1κ), β₂ = {beta2:.4g} = max(0, 1 − 0.01κ), ε = {eps:.2g}. **Learning rate** "
        "η = {eta:g} gives η_κ = min(η√κ, max(η, 0.1)) = {rate:.4g}."
    ).format(beta1=beta1, beta2=beta2, eps=rule.eps, eta=eta, rate=rate)
    if settings.optimizer == "adam_l2":
        return (
            text
            + " "
            + _(
                "λ = {decay:g} is the penalty λ/2·‖w‖² of the loss; its gradient is divided by √v̂, "
                "too."
            ).format(decay=decay)
        )
    factor = decay_factor(rate, rule.weight_decay)
    return (
        text
        + " "
        + _(
            "**Weight decay** λ = {decay:g}: a step multiplies every weight by e^(−sηλκ), at s = 1 "
            "by {factor:.6g}. That is close to 1 − ηλκ while ηλκ is small. A penalty in the loss "
            "would be divided by √v̂ instead."
        ).format(decay=decay, factor=factor)
    )


def _schedule_words(settings: Settings) -> str:
    if settings.schedule == "constant":
        return _("- **Schedule**: constant, s = 1.")
    return _(
        "- **Schedule**: one cycle; s rises along a cosine from 1/25 to 1 in the first quarter of "
        "the {epochs} epochs, and falls along another to 0.00001 at their end."
    ).format(epochs=settings.epochs)


def _stop_words(settings: Settings, knobs: Knobs) -> str:
    return _(
        "- **Patience** {patience}: the run ends after so many epochs in a row without a smaller "
        "validation loss than all before, or after {epochs} **epochs**; then the weights of the "
        "best one return."
    ).format(patience=knobs.patience, epochs=settings.epochs)


def _batch(settings: Settings, n_train: int) -> tuple[int, float, float]:
    """Steps in an epoch, ratings in a step, and κ."""
    steps = math.ceil(n_train / settings.batch_size)
    return steps, n_train / steps, n_train / steps / quoted_batch(n_train)


def films(_values: stage.Values) -> None:
    st.latex(
        rf"\min_{{x}}\; {_stretch(current().rating_range)}"
        r"\sum_{m \in \text{rated}} \bigl(\hat r_m(x) - r_m\bigr)^2 "
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
