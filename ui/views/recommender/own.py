"""A visitor's own ratings: a file in, and the whole screen works with it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit import runtime

from sim.recommender.ratings import Ratings
from sim.recommender.scale import Bar, histogram
from sim.recommender.upload import MESSAGES, Choices, Upload
from ui import sessions, stage
from ui.charts import recommender as charts
from ui.controls import Control
from ui.i18n import _
from ui.text import plain, short
from ui.views.recommender import given as given_file
from ui.views.recommender import own_films, reading, sweep, training
from ui.views.recommender.dataset import Dataset, current
from ui.views.recommender.given import Given


def draw() -> None:
    """Draw the view."""
    if st.session_state.pop("_run_ended", False):
        st.info(_("The run with the ratings before was ended."), icon=":material/info:")
    left, right = st.columns([6, 4], gap="large")
    with left:
        given = _file()
        if given is not None:
            _problem(given)
            if given.films is not None:
                own_films.draw(given.films)
            reading.draw(given)
        if current().upload is not None:
            st.button(_("Back to MovieLens"), key="bundled", icon=":material/undo:", on_click=back)
        if given is None or given.films is None:
            shown = reading.sample(given) if given is not None and given.asks else None
            if shown is None:
                shown = sample(current().everything)
            st.dataframe(shown, key="preview", hide_index=True, height=245, row_height=28)
    with right:
        if given is not None and given.films is not None:
            own_films.draw_numbers(given.films)
        else:
            _draw_numbers(current(), in_use=given is None or given.upload is not None)


def _file() -> Given | None:
    """The place for a file, and what came of the one that was given."""
    limit = st.get_option("server.maxUploadSize")
    st.markdown(
        _(
            "A table with a **user**, an **item** and a **rating** in each row (CSV, a MovieLens "
            "file, either in a zip), or **your own films** as Letterboxd, IMDb or Douban hand them "
            "out. Nobody else sees it, and it is gone {n} minutes after you leave."
        ).format(n=sessions.minutes_kept())
    )
    # of any kind: what is wrong with one is said here, and not by Streamlit with a MIME type
    file = st.file_uploader(
        _("A file of ratings, up to {limit} MB").format(limit=limit), type=None, key="upload"
    )
    state = st.session_state
    if file is not None and state.get("_uploaded") != file.file_id:
        state["_uploaded"] = file.file_id
        data = file.getvalue()
        _drop(file.file_id)
        _take(file.name, data, Choices())
    given = given_file.present()
    if given is not None and file is None:  # as after a reload: the box has forgotten its name
        st.caption(_("Your file: {name}").format(name=plain(short(given.name))))
    if given is not None and (choices := state.pop("_choices", None)) is not None:
        _take(given.name, given.data, choices)
    return given


def _take(name: str, data: bytes, choices: Choices) -> None:
    given, dataset = given_file.read(name, data, choices)
    reading.forget()
    st.session_state["_given"] = given
    if dataset is not None:
        _change(dataset)
    st.rerun()


def _drop(file: str) -> None:
    """Take a file out of Streamlit's own store: the bytes are kept here, and not twice."""
    if runtime.exists():
        sessions.drop(sessions.here(), file)


def _problem(given: Given) -> None:
    if given.problem is not None:
        code, values = given.problem
        shown = {key: plain(short(value)) for key, value in values.items()}
        st.error(_(MESSAGES[code]).format(**shown), icon=":material/error:")


def _draw_numbers(dataset: Dataset, *, in_use: bool) -> None:
    if not in_use:
        name = "MovieLens" if dataset.upload is None else dataset.upload.origin.name
        st.caption(_("Until then the lab works with {name}.").format(name=plain(short(name))))
    groups = [_numbers(dataset.everything), *([_rows(dataset.upload)] if dataset.upload else [])]
    stage.readouts(*map(stage.Group, groups))
    if dataset.upload is not None:
        st.caption(reading.counts(dataset.upload))
    stage.chart(
        charts.histogram(bars := histogram(dataset.everything.rating)),
        "histogram",
        description=_describe(bars, dataset),
        height=stage.figure_height(0.4, projector=0.4),
    )


def _describe(bars: Sequence[Bar], dataset: Dataset) -> str:
    most = max(bars, key=lambda bar: bar.count)
    return _(
        "How often each rating was given, from {low:g} to {high:g}; most often {most}, by "
        "{share:.0%} of the ratings."
    ).format(
        low=dataset.scale.low,
        high=dataset.scale.high,
        most=most.label,
        share=most.count / len(dataset.everything),
    )


def _change(dataset: Dataset | None) -> None:
    run = training.run()
    st.session_state["_run_ended"] = run is not None and not run.settled
    training.forget()
    sweep.forget()
    for key in ("film", "find"):
        st.session_state.pop(key, None)
    st.session_state["_dataset"], st.session_state["_new_data"] = dataset, True


def back() -> None:
    """Work with the bundled ratings again."""
    st.session_state.pop("_given", None)
    _change(None)


def settle(controls: Sequence[Control]) -> None:
    """Before the controls of other ratings appear: set those that are about them to their defaults.

    Streamlit then takes them out of the link itself; from a bound widget nobody else can.
    """
    if st.session_state.pop("_new_data", False):
        for control in controls:
            if control.key in ("user", "mine", "batch_size"):
                st.session_state[control.key] = control.default
    if (films := st.session_state.pop("_films", None)) is not None:
        st.session_state["mine"] = films


def _numbers(ratings: Ratings) -> list[stage.Readout]:
    return [
        stage.Readout("n_ratings", _("Ratings"), f"{len(ratings):,}"),
        stage.Readout("n_users", _("Users"), f"{ratings.n_users:,}"),
        stage.Readout("n_items", current().nouns["Items"], f"{ratings.n_movies:,}"),
    ]


def _rows(upload: Upload) -> list[stage.Readout]:
    return [
        stage.Readout("lines", _("Rows of the file"), f"{upload.lines:,}"),
        stage.Readout(
            "duplicates",
            _("Duplicates left out"),
            f"{upload.duplicates:,}",
            _("Of several ratings of an item by one user the latest counts."),
        ),
        stage.Readout(
            "left_out",
            _("Rows left out"),
            f"{sum(left.count for left in upload.left_out):,}",
            _("Rows that are no ratings."),
        ),
    ]


def sample(ratings: Ratings, n: int = 200) -> pd.DataFrame:
    """The first ratings as a table."""
    rows = slice(0, n)
    return pd.DataFrame(
        {
            _("User"): [ratings.user_ids[user] for user in ratings.user[rows]],
            _("Title"): [
                ratings.titles[movie] or ratings.movie_ids[movie] for movie in ratings.movie[rows]
            ],
            _("Rating"): ratings.rating[rows],
        }
    )


def data() -> stage.Table:
    """The first ten thousand ratings."""
    return stage.Table(sample(current().everything, 10_000), "ratings.csv")
