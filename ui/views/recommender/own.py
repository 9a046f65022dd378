"""A visitor's own ratings: a file in, and the whole screen works with it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from sim.recommender.ratings import Ratings
from sim.recommender.scale import Bar, histogram
from sim.recommender.upload import MESSAGES, UploadError, read_upload
from ui import stage
from ui.charts import recommender as charts
from ui.controls import Control
from ui.i18n import _
from ui.text import plain, short
from ui.views.recommender import sweep, training
from ui.views.recommender.dataset import Dataset, current, own

KINDS = ["csv", "tsv", "txt", "data", "dat", "zip", "gz"]


def draw() -> None:
    """Draw the view."""
    dataset = current()
    left, right = st.columns([6, 4], gap="large")
    with left:
        limit = st.get_option("server.maxUploadSize")
        st.markdown(
            _(
                "A CSV file with the columns **user, item, rating** (and **title**, if there are "
                "any), or MovieLens' `ratings.csv`, `ratings.dat` or `u.data`, as they are or in a "
                "zip. It stays with you: nobody else sees it, and it is gone when you leave."
            )
        )
        file = st.file_uploader(
            _("A file of ratings, up to {limit} MB").format(limit=limit),
            type=KINDS,
            key="upload",
        )
        if file is not None and st.session_state.get("_uploaded") != file.file_id:
            _take(file, limit)
        _problem()
        if dataset.upload is not None:
            st.button(_("Back to MovieLens"), key="bundled", icon=":material/undo:", on_click=back)
        preview = sample(dataset.everything)
        st.dataframe(preview, key="preview", hide_index=True, height=245, row_height=28)
    with right:
        stage.readouts(stage.Group(_numbers(dataset.everything)))
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


def _take(file: object, limit: int) -> None:
    state = st.session_state
    state["_uploaded"] = file.file_id  # type: ignore[attr-defined]
    state.pop("_upload_problem", None)
    try:
        found = read_upload(
            file.getvalue(),  # type: ignore[attr-defined]
            file.name,  # type: ignore[attr-defined]
            max_bytes=8 * limit << 20,  # unpacked
        )
        dataset = own(found)
    except UploadError as error:
        state["_upload_problem"] = (error.code, error.values)
        return
    _change(dataset)
    st.rerun()


def _problem() -> None:
    problem = st.session_state.get("_upload_problem")
    if problem:
        code, values = problem
        st.error(
            _(MESSAGES[code]).format(**{key: plain(short(value)) for key, value in values.items()}),
            icon=":material/error:",
        )


def _change(dataset: object) -> None:
    training.forget()
    sweep.forget()
    for key in ("film", "find"):
        st.session_state.pop(key, None)
    st.session_state["_dataset"], st.session_state["_new_data"] = dataset, True


def back() -> None:
    """Work with the bundled ratings again."""
    _change(None)


def settle(controls: Sequence[Control]) -> None:
    """Before the controls of other ratings appear: set those that are about them to their defaults.

    Streamlit then takes them out of the link itself; from a bound widget nobody else can.
    """
    if st.session_state.pop("_new_data", False):
        for control in controls:
            if control.key in ("user", "mine", "batch_size"):
                st.session_state[control.key] = control.default


def _numbers(ratings: Ratings) -> list[stage.Readout]:
    upload = current().upload
    numbers = [
        stage.Readout("n_ratings", _("Ratings"), f"{len(ratings):,}"),
        stage.Readout("n_users", _("Users"), f"{ratings.n_users:,}"),
        stage.Readout("n_items", current().nouns["Items"], f"{ratings.n_movies:,}"),
    ]
    if upload is not None:
        numbers.append(
            stage.Readout(
                "duplicates",
                _("Duplicates left out"),
                f"{upload.duplicates:,}",
                _("Of several ratings of an item by one user the last one counts."),
            )
        )
    return numbers


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
