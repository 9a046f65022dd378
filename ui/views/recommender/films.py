"""What it recommends: to a visitor who rates ten films, and to a user of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import streamlit as st

from sim.recommender.fold_in import fold_in, reasons, recommend_new, supports_fold_in
from sim.recommender.insights import search_titles, well_known
from sim.recommender.model import RatingModel
from sim.recommender.records import Knobs
from sim.recommender.scale import Scale
from ui import live, stage
from ui.controls import Control
from ui.i18n import _
from ui.text import plain
from ui.views.recommender import training
from ui.views.recommender.dataset import Dataset, current

N_SHOWN = 10
MOST = 400
"""Own ratings at most: a link with so many has about 6,000 characters, what proxies let through."""
BOOK = Knobs(weight_decay=0.1)


@dataclass(frozen=True, kw_only=True)
class Mine(Control):
    """The visitor's own ratings, `movie id:rating` with commas between; written by hand.

    An id's own commas and colons are written as in an address, %2C and %3A.
    """

    bound: ClassVar[bool] = False
    default: Any = ""
    ids: Mapping[str, int]
    scale: Scale

    @property
    def low(self) -> float:
        """The least that can be given. A hand gives whole stars, a file half of one, too."""
        return self.scale.low

    @property
    def high(self) -> float:
        """The most that can be given."""
        return self.scale.high

    def draw(self) -> None:
        """Nothing: the films view has the stars. Only the URL is brought up to date."""
        self.restore()
        self.write()

    def parse(self, text: str) -> str:
        found = self._read(text)
        if len(found) <= text.count(",") and text:
            raise ValueError(text)  # one film twice
        for movie, rating in found.items():
            if movie not in self.ids or not self.low <= rating <= self.high:
                raise ValueError(text)
        return self.format(found)

    def format(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return ",".join(f"{quote(movie, '')}:{rating:.9g}" for movie, rating in value.items())

    def entries(self, text: str) -> list[str]:
        return text.split(",")

    def expected(self) -> str:
        return _(
            "movie ids, each once, with ratings from {low:g} to {high:g}, such as {example}"
        ).format(
            low=self.low,
            high=self.high,
            example=plain(self.format({next(iter(self.ids)): self.high})),
        )

    def ratings(self) -> dict[int, float]:
        """Movie number -> rating."""
        return {self.ids[movie]: rating for movie, rating in self._read(self.value()).items()}

    def _read(self, text: str) -> dict[str, float]:
        pairs = [pair.split(":") for pair in text.split(",")] if text else []
        if len(pairs) > MOST or any(len(pair) != 2 for pair in pairs):
            raise ValueError(text)
        return {unquote(movie): float(rating) for movie, rating in pairs}

    def rate(self, movie: int, dataset: Dataset, widget: str) -> None:
        """Take over what a film's stars or number say now; none takes the film out."""
        given = st.session_state.get(widget)
        mine = {dataset.everything.movie_ids[m]: r for m, r in self.ratings().items()}
        name = dataset.everything.movie_ids[movie]
        mine.pop(name, None)
        if given is not None and len(mine) < MOST:
            mine[name] = self.scale.five[given] if self.scale.by_stars else given
        st.session_state[self.key] = self.format(mine)
        self.write()  # at once: the run that follows may be of a fragment, which draws no controls

    def draw_rating(self, movie: int, dataset: Dataset, rating: float | None) -> None:
        """What a film is rated with: stars, or a number of the scale."""
        stars = self.scale.by_stars
        widget = f"stars_{movie}"
        st.session_state[widget] = (
            rating if rating is None or not stars else self.scale.stars_of(rating) - 1
        )
        told: dict[str, Any] = {"on_change": self.rate, "args": (movie, dataset, widget)}
        if stars:
            st.feedback("stars", key=widget, **told)
        else:
            st.number_input(
                plain(dataset.everything.titles[movie]),
                self.low,
                self.high,
                None,
                self.scale.step,
                format="%g",
                placeholder=f"{self.low:g}…{self.high:g}",
                key=widget,
                label_visibility="collapsed",
                **told,
            )


def mine_control(dataset: Dataset) -> Mine:
    """The control for these ratings, on their own scale."""
    ids = {name: i for i, name in enumerate(dataset.everything.movie_ids)}
    return Mine(key="mine", label="", ids=ids, scale=dataset.scale)


def draw(mine: Mine, knobs: Callable[[], Knobs]) -> None:
    """Draw the view."""
    run = training.run()

    def frame() -> None:
        model = training.model()
        if run is not None and not run.settled:
            _under_way(run)
        if model is None:
            _no_model(run)
        else:
            _films(model, mine)

    live.watch(run, lambda: (run.fixed if run else None) or knobs(), frame)


def _under_way(run: training.Training) -> None:
    progress = run.progress
    st.progress(
        min(1.0, progress.epoch / progress.epochs) if progress else 0.0,
        text=live.silence_words(run.silence)
        or (_("Training…") if progress else live.waiting_words(run)),
    )


def _no_model(run: training.Training | None) -> None:
    if run is not None and not run.settled:
        return
    if run is not None and run.lost:
        st.warning(live.lost_words(run), icon=":material/warning:")
    st.info(
        _("There is no trained model yet. Train one in the first view, or a quick one here."),
        icon=":material/info:",
    )
    st.button(
        _("Train quickly"),
        key="train_quickly",
        type="primary",
        icon=":material/bolt:",
        on_click=_train_quickly,
    )


def train_quickly() -> None:
    """In a callback: begin a run of a second or two that makes a good model."""
    training.start(training.suited(training.QUICK, current()), BOOK, fixed=True)


def _train_quickly() -> None:
    train_quickly()
    st.rerun()  # all of the screen, though the button stands in a part of it


def _films(model: RatingModel, mine: Mine) -> None:
    dataset = current()
    rated = mine.ratings()
    if rated and st.session_state.get("_answer_first"):  # what was asked for; on a phone the top
        answer, stars = st.columns([6, 4], gap="large")
    else:
        stars, answer = st.columns([4, 6], gap="large")
    with stars:
        _rate(mine, dataset)
    with answer:
        if not rated:
            st.markdown(_("**For you**: rate a few {items} on the left.").format(**dataset.nouns))
        elif not supports_fold_in(model):
            st.info(
                _("Only the model `dot` can take in a new user without training; choose a user.")
            )
        else:
            _for_you(model, dataset, rated)
        _for_user(model, dataset)


def _rate(mine: Mine, dataset: Dataset) -> None:
    rated = mine.ratings()
    st.markdown(_("**Your {items}** ({n} rated)").format(n=len(rated), **dataset.nouns))
    query = st.text_input(
        _("Find by title"),
        key="find",
        placeholder=_("Find by title"),
        max_chars=80,
        label_visibility="collapsed",
        type="search",
    )
    found = (
        search_titles(dataset.everything, query, 8)
        if query and query.strip()
        else well_known(dataset.everything, N_SHOWN)
    )
    shown = list(dict.fromkeys([*rated, *(int(movie) for movie in found)]))
    if query and query.strip():
        shown = [int(movie) for movie in found]
        if not shown:
            st.caption(_("Nothing has such a title."))
    for movie in shown[:14]:
        title, rating = st.columns([5, 4], vertical_alignment="center", wrap=False)
        given = rated.get(movie)
        # half a star, from a file, which the stars beside it do not show
        half = (
            "" if given is None or given.is_integer() or not mine.scale.stars else f" · {given:g}"
        )
        title.markdown(plain(dataset.everything.titles[movie] + half))
        with rating:
            mine.draw_rating(movie, dataset, given)


def _for_you(model: Any, dataset: Dataset, rated: dict[int, float]) -> None:
    movies, ratings = np.array(list(rated)), np.array(list(rated.values()))
    vector = fold_in(model, movies, ratings)
    chosen, scores = recommend_new(model, vector, N_SHOWN, movies)
    st.markdown(_("**For you**: what you would rate highest"))
    _table(model, dataset, chosen, scores, movies, ratings, "for_you")
    st.caption(_("Predicted from your ratings, folded in without any training."))


def _for_user(model: RatingModel, dataset: Dataset) -> None:
    name = st.session_state.get("user") or dataset.everything.user_ids[0]
    user = dataset.everything.user_ids.index(name)
    rows = np.flatnonzero(dataset.everything.user == user)
    movies, ratings = dataset.everything.movie[rows], dataset.everything.rating[rows]
    best = np.argsort(-ratings, kind="stable")[:3]
    highest = _(", ").join(plain(dataset.everything.titles[movie]) for movie in movies[best])
    st.markdown(
        _("**For user {user}**, who rated {counted}, these the highest: {titles}").format(
            user=plain(name), counted=dataset.counted(len(rows)), titles=highest
        )
    )
    chosen, scores = model.recommend(user, n=N_SHOWN, exclude=movies)
    _table(model, dataset, chosen, scores, movies, ratings, "recommended")


def _table(
    model: RatingModel,
    dataset: Dataset,
    chosen: np.ndarray,
    scores: np.ndarray,
    movies: np.ndarray,
    ratings: np.ndarray,
    key: str,
) -> None:
    everything = dataset.everything
    frame = {
        _("Predicted"): scores,
        _("Title"): [everything.titles[movie] for movie in chosen],
    }
    if hasattr(model, "movie_factors"):
        why = reasons(model, chosen, movies, ratings, n=1)
        frame[_("Nearest to")] = [
            everything.titles[reason[0].movie] if reason else "" for reason in why
        ]
    if any(everything.genres):
        frame[_("Genres")] = [", ".join(everything.genres[movie]) for movie in chosen]
    with st.container(key=key):
        st.dataframe(
            pd.DataFrame(frame),
            key=f"{key}_table",
            hide_index=True,
            row_height=28,
            height=28 * N_SHOWN // 2 + 38 + 28,
            column_config={
                _("Predicted"): st.column_config.NumberColumn(
                    format=f"%.{dataset.scale.rating_decimals}f", width=80
                )
            },
        )


def data() -> stage.Table:
    """All films with their biases and mean ratings are in the other view; here the visitor's."""
    dataset, model = current(), training.model()
    if model is None:
        return stage.Table(
            pd.DataFrame({"user": [], "movie": [], "predicted": []}), "recommended.csv"
        )
    user = dataset.everything.user_ids.index(
        st.session_state.get("user") or dataset.everything.user_ids[0]
    )
    scores = model.scores(user)
    order = np.argsort(-scores, kind="stable")[:500]
    frame = pd.DataFrame(
        {
            "movie": [dataset.everything.movie_ids[m] for m in order],
            "title": [dataset.everything.titles[m] for m in order],
            "predicted": scores[order],
        }
    )
    return stage.Table(frame, "recommended.csv")
