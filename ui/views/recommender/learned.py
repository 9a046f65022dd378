"""What the model has learned: the best-liked films, films alike, and the map of factors."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from sim.recommender.insights import (
    Film,
    factor_map,
    most_liked,
    search_titles,
    similar,
    well_known,
)
from sim.recommender.model import RatingModel
from sim.recommender.records import Knobs, Settings
from ui import controls, live, shell, stage
from ui.charts import recommender as charts
from ui.i18n import N_, _
from ui.named import Segmented
from ui.text import plain
from ui.views.recommender import training
from ui.views.recommender.dataset import Dataset, current

N_SHOWN, N_KNOWN = 8, 500
DECAYS = (0.0, 0.2, 1.0)
"""Nothing, what fits the bundled ratings, and too much for them."""
WHAT = Segmented(
    key="what",
    label=N_("What to compare"),
    default="liked",
    names={"liked": N_("Best liked"), "similar": N_("Alike"), "map": N_("The map")},
    seen=False,
    whole=True,
)
THREE = Settings(epochs=20, batch_size=1024, learning_rate=1e-3)


def draw(knobs: Callable[[], Knobs]) -> None:
    """Draw the view."""
    run = training.run()
    if complaints := controls.settle_url([WHAT]):
        shell.complain(*complaints)
        st.rerun()  # with the corrected link

    def frame() -> None:
        if _next_of_queue():
            st.rerun()
        models = training.models()
        _ask(run, models)
        if models:
            _compare(models)

    live.watch(run, lambda: (run.fixed if run else None) or knobs(), frame)


def _ask(run: training.Training | None, models: dict[str, RatingModel]) -> None:
    queue = st.session_state.get("_queue")
    if queue is not None and run is not None:
        done = len(DECAYS) - len(queue) - 1
        share = run.progress.epoch / run.progress.epochs if run.progress else 0.0
        st.progress(
            min(1.0, (done + share) / len(DECAYS)),
            text=live.silence_words(run.silence)
            or _("Training with λ = {decay:g}").format(decay=run.started_with.weight_decay),
        )
        return
    left, right = st.columns([3, 7], vertical_alignment="center")
    left.button(
        _("Train with λ = 0, 0.2 and 1"),
        key="train_three",
        type="secondary" if models else "primary",
        icon=":material/model_training:",
        on_click=_train_three,
    )
    right.caption(
        _(
            "Three runs of the dot product with AdamW, one after the other, to lay side by side "
            "what each has learned. The last three models are shown, those of your own runs, too."
        )
    )


def _train_three() -> None:
    training.archive()
    st.session_state["_queue"] = list(DECAYS)
    _start_next()
    st.rerun()


def _start_next() -> None:
    queue = st.session_state["_queue"]
    decay = queue.pop(0)
    settings = training.suited(THREE, current())
    training.start(settings, Knobs(weight_decay=decay), fixed=True)


def _next_of_queue() -> bool:
    """Go on to the next run of the queue when the present one is through; whether it did."""
    run, queue = training.run(), st.session_state.get("_queue")
    if queue is None or (run is not None and not run.settled):
        return False
    if queue and run is not None and not run.lost:
        _start_next()
    else:
        st.session_state.pop("_queue")
    return True


def _compare(models: dict[str, RatingModel]) -> None:
    dataset = current()
    names = list(models)[-3:]
    WHAT.draw()
    what = WHAT.value()
    movie = _choose_film(dataset) if what == "similar" else None
    for number, (column, name) in enumerate(zip(st.columns(len(names)), names, strict=True)):
        with column:
            st.markdown(_("**Run {name}**").format(name=name))
            _look(models[name], dataset, number, what, movie)


def _look(
    model: RatingModel, dataset: Dataset, number: int, what: str | None, movie: int | None
) -> None:
    if missing := _missing(model, dataset, what):
        st.caption(missing)
    elif what == "map":
        places = factor_map(model, dataset.everything, 200)
        stage.chart(
            charts.film_map(places),
            f"map_{number}",
            description=_(
                "{counted} as points by their factors; the two directions hold {share:.0%} of "
                "their variance."
            ).format(counted=dataset.counted(len(places.movies)), share=sum(places.explained)),
            height=stage.figure_height(0.75, projector=0.75),
        )
    elif movie is not None:
        among = well_known(dataset.everything, N_KNOWN)
        near, cosines = similar(model, movie, N_SHOWN, among=among)
        titles = [dataset.everything.titles[film] for film in near]
        _table({_("Cosine"): cosines.round(3), _("Title"): titles}, f"similar_{number}")
    else:
        _liked(model, dataset, number)


def _missing(model: RatingModel, dataset: Dataset, what: str | None) -> str:
    """What this model or the data lack for the picture, in a sentence; "" where nothing is."""
    if what == "liked":
        found = hasattr(model, "movie_bias")
        return (
            ""
            if found
            else _("This model has no bias for each of the {items}.").format(**dataset.nouns)
        )
    factors = getattr(model, "movie_factors", None)
    if factors is None:
        return _("This model has no factors of {items} to look at.").format(**dataset.nouns)
    if what == "map" and (factors.shape[1] < 2 or len(well_known(dataset.everything, 3)) < 3):
        return _("A map needs at least 2 factors, and {counted}.").format(
            counted=dataset.counted(3)
        )
    return ""


def _choose_film(dataset: Dataset) -> int:
    query = st.text_input(
        _("Like which of them"),
        key="film",
        placeholder=_("Find by title"),
        max_chars=80,
        bind="query-params",
        type="search",
    )
    found = search_titles(dataset.everything, query, 1) if query and query.strip() else ()
    if query and query.strip() and not len(found):
        st.caption(_("Nothing has such a title."))
    movie = int(found[0]) if len(found) else int(well_known(dataset.everything, 1)[0])
    st.caption(
        _("Most like {title}, among the {counted} with the most ratings").format(
            title=plain(dataset.everything.titles[movie]),
            counted=dataset.counted(len(well_known(dataset.everything, N_KNOWN))),
        )
    )
    return movie


def _liked(model: RatingModel, dataset: Dataset, number: int) -> None:
    films = most_liked(model, dataset.everything, N_SHOWN)

    def rows(chosen: tuple[Film, ...]) -> dict[str, object]:
        return {
            _("Bias"): [round(film.bias, 3) for film in chosen],
            _("Mean"): [round(film.mean, dataset.scale.rating_decimals) for film in chosen],
            _("Ratings"): [film.count for film in chosen],
            _("Title"): [dataset.everything.titles[film.movie] for film in chosen],
        }

    counts = _counts(films.by_bias)
    st.caption(_("By the model's bias; ratings of each: {counts}").format(counts=counts))
    _table(rows(films.by_bias), f"by_bias_{number}")
    if number == 0:
        counts = _counts(films.by_mean)
        st.caption(_("By the mean rating; ratings of each: {counts}").format(counts=counts))
        _table(rows(films.by_mean), f"by_mean_{number}")


def _counts(films: tuple[Film, ...]) -> str:
    """How many ratings the leading films have: what sets the two tables apart."""
    least, most = min(film.count for film in films), max(film.count for film in films)
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def _table(columns: dict[str, object], key: str) -> None:
    with st.container(key=key):
        st.dataframe(
            pd.DataFrame(columns),
            key=f"{key}_table",
            hide_index=True,
            row_height=28,
            height=28 * N_SHOWN + 38,
        )


def data() -> stage.Table:
    """Bias, mean rating and count of every film, in the model in use."""
    model, dataset = training.model(), current()
    if model is None or not hasattr(model, "movie_bias"):
        return stage.Table(pd.DataFrame({"title": [], "bias": []}), "learned.csv")
    films = most_liked(model, dataset.everything, 500).by_bias
    frame = pd.DataFrame(
        [(dataset.everything.titles[f.movie], f.bias, f.mean, f.count) for f in films],
        columns=["title", "bias", "mean_rating", "ratings"],
    )
    return stage.Table(frame, "learned.csv")
