"""One person's own films: which of them MovieLens has, and what it would recommend to them."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

import numpy as np
import pandas as pd
import streamlit as st

from sim.recommender.fold_in import supports_fold_in
from ui import stage
from ui.i18n import _
from ui.views.recommender import films, training
from ui.views.recommender.dataset import Dataset, bundled, current
from ui.views.recommender.given import Films


def draw(own: Films) -> None:
    """Draw what was found and what was not, and the way to the recommendations."""
    found, missing = len(own.match.found), len(own.match.missing)
    st.markdown(
        _("One person's films: **{found}** found in MovieLens, {missing} not found.").format(
            found=f"{found:,}", missing=f"{missing:,}"
        )
    )
    if found > films.MOST:
        st.caption(
            _("The {n} that most others have rated are taken: a link holds no more.").format(
                n=films.MOST
            )
        )
    st.button(
        _("See what it recommends"),
        key="see_films",
        type="primary",
        icon=":material/movie:",
        on_click=recommend,
        args=(own,),
        disabled=not found,
        help=None
        if found
        else _("None of these films is among MovieLens' {n}.").format(
            n=f"{bundled().everything.n_movies:,}"
        ),
    )
    shown = table(own)
    yours, theirs, rating = shown.columns
    st.dataframe(
        shown,
        key="own_films",
        hide_index=True,
        height=245,
        row_height=28,
        # as wide as their texts, which Streamlit tells from the first rows alone
        column_config={
            yours: st.column_config.Column(width=wide(shown[yours], 305)),
            theirs: st.column_config.Column(width=wide(shown[theirs], 215)),
            rating: st.column_config.NumberColumn(width=62),
        },
    )


def draw_numbers(own: Films) -> None:
    """Draw what became of the rows of the file."""
    stage.readouts(
        stage.Group(
            [
                stage.Readout("films_rated", _("Rated films"), f"{len(own.export.rated):,}"),
                stage.Readout("films_found", _("In MovieLens"), f"{len(own.match.found):,}"),
                stage.Readout(
                    "films_missing",
                    _("Not found"),
                    f"{len(own.match.missing):,}",
                    _(
                        "By title and year: films that are not there, such as newer ones, and "
                        "those that could be two."
                    ),
                ),
                stage.Readout("duplicates", _("Rated again"), f"{own.match.duplicates:,}"),
                stage.Readout("unrated", _("Rows without a rating"), f"{own.export.unrated:,}"),
            ]
        )
    )


def table(own: Films) -> pd.DataFrame:
    """Every film of the file: those that were not found first."""
    titles = bundled().everything.titles
    missing = [(film.name, _("not found"), film.rating) for film in own.match.missing]
    found = [(film.name, titles[movie], film.rating) for movie, film in own.match.found.items()]
    columns = [_("In your file"), _("In MovieLens"), _("Rating")]
    return pd.DataFrame([*missing, *found], columns=columns)


def wide(texts: Iterable[str], most: int) -> int:
    """How many pixels a column takes that shows `texts` whole: from 110 to `most`."""
    letters = (sum(2 if east_asian_width(c) in "WF" else 1 for c in text) for text in texts)
    return max(110, min(most, 18 + 13 * max(letters, default=0) // 2))


def recommend(own: Films) -> None:
    """In a callback: rate these films in the bundled data, and train a model if there is none."""
    state = st.session_state
    if current().upload is not None:
        training.forget()
        state["_dataset"], state["_new_data"] = None, True
    state["_films"] = mine(own, bundled())
    state["view"], state["_answer_first"] = "films", True
    model, run = training.model(), training.run()
    coming = run is not None and not run.settled and run.settings.model == "dot"
    if not coming and (model is None or not supports_fold_in(model)):
        films.train_quickly()


def mine(own: Films, dataset: Dataset) -> str:
    """The films as the control `mine` has them: of too many those that most others have rated."""
    counts = np.bincount(dataset.everything.movie, minlength=dataset.everything.n_movies)
    kept = set(sorted(own.match.found, key=lambda movie: -counts[movie])[: films.MOST])
    ids = dataset.everything.movie_ids
    return films.mine_control(dataset).format(
        {ids[movie]: film.rating for movie, film in own.match.found.items() if movie in kept}
    )
