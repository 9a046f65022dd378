"""A visitor's runs: the one that trains, those before it, and the model that is in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from sim.recommender.model import RatingModel
from sim.recommender.ranking import Ranking, ranking
from sim.recommender.records import EpochRecord, Knobs, Progress, Settings
from sim.recommender.rules import BOOK_BATCH, quoted_batch
from sim.recommender.size import MOST_WEIGHTS, most_factors, n_weights
from ui.i18n import _
from ui.live import LiveRun
from ui.views.recommender.dataset import Dataset, current

TARGET = "sim.recommender.training:Trainer"
QUICK = Settings(epochs=5, learning_rate=5e-3, batch_size=1024, schedule="one_cycle")
"""The book's recipe: a good model in about a second."""
MOST_PAST = 8
BATCH_SIZES = ("64", "128", "256", "512", "1024", "4096", "16384", "65536")


@dataclass(eq=False)
class Training(LiveRun):
    """A live run with what it was started from. `fixed` are its knobs where no slider acts."""

    settings: Settings = field(default_factory=Settings)
    started_with: Knobs = field(default_factory=Knobs)
    fixed: Knobs | None = None
    dataset: Dataset | None = None


@dataclass(frozen=True, eq=False)
class PastRun:
    """A run that gave way to another: what it was, its curves and its best model."""

    number: int
    settings: Settings
    started_with: Knobs
    progress: Progress
    model: RatingModel | None

    @property
    def history(self) -> tuple[EpochRecord, ...]:
        """Its whole epochs."""
        return self.progress.history

    @property
    def name(self) -> str:
        """Its number and its λ and p, as they were in the end."""
        knobs = last_knobs(self.started_with, self.progress)
        return f"{self.number}: λ = {knobs.weight_decay:g}, p = {knobs.dropout:g}"


def last_knobs(started_with: Knobs, progress: Progress | None) -> Knobs:
    """The knobs after all changes of a run."""
    values = {name: getattr(started_with, name) for name in ("weight_decay", "dropout", "patience")}
    if progress is not None:
        values |= {change.name: change.value for change in progress.changes}
    return Knobs(**values)


def run() -> Training | None:
    """The run of this visitor, if there is one."""
    return st.session_state.get("_run")


def past() -> list[PastRun]:
    """The runs before it, the oldest first."""
    return st.session_state.setdefault("_past", [])


def start(
    settings: Settings, knobs: Knobs, *, fixed: bool = False, model: RatingModel | None = None
) -> None:
    """Begin a run in place of the present one, which joins the past; from `model`, if given."""
    archive()
    dataset = current()
    st.session_state["_run"] = Training(
        (TARGET, dataset.train, dataset.valid, settings, *([model] if model else [])),
        settings=settings,
        started_with=knobs,
        fixed=knobs if fixed else None,
        dataset=dataset,
    )


def archive() -> None:
    """End the present run; with an epoch to show for it, it joins the past."""
    present = st.session_state.pop("_run", None)
    if present is None:
        return
    present.close()
    if present.progress is not None and present.progress.history:
        number = st.session_state["_past_number"] = st.session_state.get("_past_number", 0) + 1
        entry = PastRun(
            number, present.settings, present.started_with, present.progress, present.model
        )
        st.session_state["_past"] = [*past(), entry][-MOST_PAST:]


def forget() -> None:
    """Drop all runs, the present one too."""
    archive()
    for key in ("_past", "_past_number", "_restored", "_queue"):
        st.session_state.pop(key, None)


def model() -> RatingModel | None:
    """The model in use: of the present run, else the one that was taken up again, else the last."""
    present = run()
    if present is not None:
        return present.model
    restored = st.session_state.get("_restored")
    models = [entry.model for entry in past() if entry.model is not None]
    return restored or (models[-1] if models else None)


def recipe(settings: Settings, knobs: Knobs) -> tuple[Settings, Knobs]:
    """How the model in use was trained, with its last knobs; the controls' own where there is none.

    A model that was taken up again has set the controls.
    """
    present = run()
    if present is not None:
        return present.settings, last_knobs(present.started_with, present.progress)
    found = [entry for entry in past() if entry.model is not None]
    if found and not st.session_state.get("_restored"):
        return found[-1].settings, last_knobs(found[-1].started_with, found[-1].progress)
    return settings, knobs


def models() -> dict[str, RatingModel]:
    """All models at hand by name: those of past runs, and of the present one."""
    found = {entry.name: entry.model for entry in past() if entry.model is not None}
    present = run()
    if present is not None and present.model is not None:
        knobs = last_knobs(present.started_with, present.progress)
        number = st.session_state.get("_past_number", 0) + 1
        found[f"{number}: λ = {knobs.weight_decay:g}, p = {knobs.dropout:g}"] = present.model
    return found


def quality(model: RatingModel, dataset: Dataset) -> Ranking | None:
    """Recall and NDCG at 10 on the held-out ratings; None where nobody likes anything there."""
    known = st.session_state.setdefault("_quality", {})
    if id(model) not in known:
        if len(known) > MOST_PAST:
            known.clear()
        try:
            found = ranking(model, dataset.train, dataset.valid, liked=dataset.liked)
        except ValueError:
            found = None
        known[id(model)] = (model, found)  # holding the model keeps its id its own
    return known[id(model)][1]


def batch_size(n_train: int) -> str:
    """One for the screen: an epoch of about 625 steps, or fewer where the ratings are few."""
    wanted = 2 * quoted_batch(n_train)
    return next((size for size in BATCH_SIZES if int(size) >= wanted), BATCH_SIZES[-1])


def nearest_batch_size(size: int) -> str:
    """The one on the screen that is next to `size`: a quick run on much data has its own."""
    return min(BATCH_SIZES, key=lambda known: abs(math.log(int(known) / size)))


def suited(settings: Settings, dataset: Dataset) -> Settings:
    """These settings, meant for the bundled ratings, for those of `dataset`."""
    train = dataset.train
    return replace(
        settings,
        rating_range=dataset.rating_range,
        batch_size=settings.batch_size * quoted_batch(len(train)) // BOOK_BATCH,
        n_factors=max(1, most_factors(settings, train.n_users, train.n_movies)),
    )


def too_large(settings: Settings, dataset: Dataset) -> str:
    """Why a model is too large to be trained here, in a sentence; "" where it is not."""
    users, items = dataset.train.n_users, dataset.train.n_movies
    wanted, fits = n_weights(settings, users, items), most_factors(settings, users, items)
    if wanted <= MOST_WEIGHTS:
        return ""
    return _(
        "{k} factors for {users} users and {counted} are {weights} weights, more than the {most} "
        "that are trained here: choose at most {fits} factors."
    ).format(
        k=settings.n_factors,
        users=f"{users:,}",
        counted=dataset.counted(items),
        weights=f"{wanted:,}",
        most=f"{MOST_WEIGHTS:,}",
        fits=fits,
    )


def settings_from(values: dict[str, Any], dataset: Dataset) -> Settings:
    """The settings that the controls ask for; they hold from the next start on."""
    return Settings(
        n_factors=values["n_factors"],
        learning_rate=float(values["learning_rate"]),
        batch_size=int(values["batch_size"]),
        epochs=values["epochs"],
        seed=values["seed"],
        rating_range=dataset.rating_range,
        schedule=values["schedule"],
        model=values["model"],
        optimizer=values["optimizer"],
    )


def knobs_from(values: dict[str, Any]) -> Knobs:
    """The knobs as the sliders stand."""
    return Knobs(values["weight_decay"], values["dropout"], values["patience"])


def curves(runs: Sequence[PastRun]) -> dict[int, tuple[EpochRecord, ...]]:
    """The recorded epochs of past runs by number."""
    return {entry.number: entry.history for entry in runs}
